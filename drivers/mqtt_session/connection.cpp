// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt_session/connection.h"

#include <curl/curl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "core/unique_fd.h"
#include "net/connect_any.h"

namespace vigile::mqtt_session {

namespace {

constexpr std::size_t kReadBytes = std::size_t{16} << 10;

curl_socket_t give_socket(void* connected, curlsocktype, curl_sockaddr*) {
  UniqueFd& fd = *static_cast<UniqueFd*>(connected);
  return fd.get() < 0 ? CURL_SOCKET_BAD : fd.release();
}

int is_connected(void*, curl_socket_t, curlsocktype) {
  return CURL_SOCKOPT_ALREADY_CONNECTED;
}

int stop_when_told(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

}  // namespace

struct Connection::Handle {
  CURL* const curl = curl_easy_init();
  curl_slist* resolved = nullptr;
  UniqueFd connected;  // until libcurl has it
  char error[CURL_ERROR_SIZE] = {};

  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    curl_easy_cleanup(curl);
    curl_slist_free_all(resolved);
  }
  curl_socket_t socket() const {
    curl_socket_t socket = CURL_SOCKET_BAD;
    curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &socket);
    return socket;
  }
};

Connection::Connection(std::unique_ptr<Handle> handle, std::string shown)
    : handle_(std::move(handle)), shown_(std::move(shown)), buffer_(kReadBytes, '\0') {}

Connection::~Connection() = default;

Error Connection::failed(std::string_view cause) const {
  return Error{ErrorKind::unavailable, shown_ + ": " + std::string(cause)};
}

Result<std::unique_ptr<Connection>> Connection::open(const BrokerAddress& address, const TlsSettings& tls,
                                                     const net::Limit& limit) {
  auto connected = net::connect_any(address.host, address.port, limit);
  if (!connected)
    return Error{connected.error().kind, address.shown + ": no connection: " + connected.error().message};
  std::stop_token stop = limit.stop;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit.deadline - limit.clock.boot());
  auto handle = std::make_unique<Handle>();
  CURL* const curl = handle->curl;
  if (curl == nullptr) return Error{ErrorKind::unavailable, "libcurl: out of memory"};
  // http and https are libcurl's words for TCP and TLS; none of them is spoken.
  const auto in_url = [](const std::string& text) {
    return text.find(':') == std::string::npos ? text : "[" + text + "]";
  };
  const std::string host = in_url(address.host);
  const std::string url =
      (address.is_tls ? "https://" : "http://") + host + ":" + std::to_string(address.port);
  // The certificate is checked against the name in the URL; the socket is there already.
  const std::string entry = host + ":" + std::to_string(address.port) + ":" + in_url(connected->address.text);
  handle->resolved = curl_slist_append(nullptr, entry.c_str());
  handle->connected = std::move(connected->fd);
  curl_easy_setopt(curl, CURLOPT_RESOLVE, handle->resolved);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, give_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &handle->connected);
  curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, is_connected);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // the environment's is not ours to follow
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(1, left.count())));
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, handle->error);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop_when_told);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stop);
  curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN, 0L);
  if (!tls.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, tls.ca_file.c_str());
  if (!tls.cert_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_SSLCERT, tls.cert_file.c_str());
    curl_easy_setopt(curl, CURLOPT_SSLKEY, tls.key_file.c_str());
  }
  if (tls.insecure) {
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  const CURLcode code = curl_easy_perform(curl);
  std::unique_ptr<Connection> connection(new Connection(std::move(handle), address.shown));
  if (code == CURLE_OK) {
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, nullptr);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 1L);
    return connection;
  }
  const char* const cause =
      connection->handle_->error[0] != '\0' ? connection->handle_->error : curl_easy_strerror(code);
  Error error = connection->failed(cause);
  if (code == CURLE_OPERATION_TIMEDOUT) error.kind = ErrorKind::timeout;
  return error;
}

bool Connection::wait(short events, std::chrono::milliseconds limit) const {
  pollfd wanted{handle_->socket(), events, 0};
  return ::poll(&wanted, 1, static_cast<int>(std::max<std::int64_t>(0, limit.count()))) > 0;
}

Result<void> Connection::send(std::string_view bytes, std::chrono::milliseconds limit) {
  while (!bytes.empty()) {
    std::size_t sent = 0;
    const CURLcode code = curl_easy_send(handle_->curl, bytes.data(), bytes.size(), &sent);
    if (code == CURLE_AGAIN) {
      if (!wait(POLLOUT, limit)) return failed("takes nothing any more");
      continue;
    }
    if (code != CURLE_OK) return failed("the connection is gone");
    bytes.remove_prefix(sent);
  }
  return {};
}

Result<std::string_view> Connection::receive(std::chrono::milliseconds limit) {
  for (bool has_waited = false;; has_waited = true) {
    std::size_t got = 0;
    // First, for what TLS has read already is not seen by poll().
    const CURLcode code = curl_easy_recv(handle_->curl, buffer_.data(), buffer_.size(), &got);
    if (code == CURLE_OK && got > 0) return std::string_view(buffer_.data(), got);
    if (code != CURLE_AGAIN) {
      is_closed_ = true;
      return failed("the broker has closed the connection");
    }
    if (has_waited || !wait(POLLIN, limit)) return std::string_view();
  }
}

void Connection::interrupt() const {
  ::shutdown(handle_->socket(), SHUT_RD);
}

}  // namespace vigile::mqtt_session
