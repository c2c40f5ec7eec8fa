// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/kept_connection.h"

#include <curl/curl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <cstdlib>
#include <string>

namespace vigile::influx_sink {

namespace {

curl_socket_t socket_of(CURL* curl) {
  curl_socket_t socket = CURL_SOCKET_BAD;
  curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &socket);
  return socket;
}

// Bytes that the peer's TCP has not confirmed (tcp(7), SIOCOUTQ). An answer to a whole request comes in a
// packet that confirms all of it.
bool has_unconfirmed_bytes(CURL* curl) {
  int bytes = 0;
  const curl_socket_t socket = socket_of(curl);
  return socket != CURL_SOCKET_BAD && ::ioctl(socket, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

int note_excess(CURL*, curl_infotype type, char* bytes, std::size_t size, void* found) {
  const std::string_view text(bytes, size);
  if (type == CURLINFO_TEXT &&
      (text.starts_with("Excess found") || text.starts_with("Leftovers after chunking"))) {
    *static_cast<bool*>(found) = true;
  }
  return 0;
}

}  // namespace

void ExcessWatch::attach(void* curl) {
  found_ = false;
  curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, note_excess);
  curl_easy_setopt(curl, CURLOPT_DEBUGDATA, &found_);
}

bool is_spoilt(void* curl) {
  pollfd waiting{.fd = socket_of(curl), .events = POLLIN, .revents = 0};
  return waiting.fd != CURL_SOCKET_BAD && ::poll(&waiting, 1, 0) != 0;
}

bool is_premature(void* curl, std::string_view line, std::uint64_t body_bytes) {
  const std::size_t blank = line.find(' ');
  if (!line.starts_with("HTTP/") || blank == std::string_view::npos) return false;
  const long status = std::strtol(std::string(line.substr(blank)).c_str(), nullptr, 10);
  if (status < 200 || (status >= 300 && !was_kept(curl))) return false;
  curl_off_t sent = 0;
  curl_easy_getinfo(curl, CURLINFO_SIZE_UPLOAD_T, &sent);
  return static_cast<std::uint64_t>(sent) < body_bytes || has_unconfirmed_bytes(curl);
}

bool was_kept(void* curl) {
  long connects = 0;
  curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
  return connects == 0;
}

}  // namespace vigile::influx_sink
