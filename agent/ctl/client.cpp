// SPDX-License-Identifier: Apache-2.0
#include "ctl/client.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "core/unique_fd.h"
#include "core/units.h"

namespace vigile {

namespace {

constexpr std::size_t kAnswerLimitBytes = std::size_t{64} << 20;
constexpr std::chrono::seconds kAnswerLimit{60};  // of a daemon that works on it
constexpr std::size_t kPathLimit = sizeof(sockaddr_un::sun_path);

using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Body {
  const std::string& text;
  const std::string& content_type;
};

struct Receiver {
  CURL* handle = nullptr;
  std::string socket;
  std::chrono::nanoseconds silence{0};
  steady_clock::time_point heard = steady_clock::now();  // the last sign of life
  Answer answer;
  const std::function<bool(std::string_view)>* on_data = nullptr;
  bool stopped = false;
};

std::size_t receive(char* data, std::size_t size, std::size_t count, void* context) {
  auto& receiver = *static_cast<Receiver*>(context);
  const std::size_t bytes = size * count;
  receiver.heard = steady_clock::now();
  if (receiver.on_data != nullptr) {
    long status = 0;
    curl_easy_getinfo(receiver.handle, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
      if ((*receiver.on_data)({data, bytes})) return bytes;
      receiver.stopped = true;
      return 0;
    }
  }
  if (receiver.answer.body.size() + bytes > kAnswerLimitBytes) return 0;
  receiver.answer.body.append(data, bytes);
  return bytes;
}

long milliseconds_of(std::chrono::nanoseconds duration) {
  return std::max(1L, static_cast<long>(std::chrono::ceil<milliseconds>(duration).count()));
}

// Whether anything at all is answered on a connection of its own within `limit`.
bool is_alive(const std::string& socket, std::chrono::nanoseconds limit) {
  const Handle handle(curl_easy_init(), &curl_easy_cleanup);
  if (!handle) return false;
  curl_easy_setopt(handle.get(), CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_URL, "http://vigiled/healthz");
  curl_easy_setopt(handle.get(), CURLOPT_NOBODY, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT_MS, milliseconds_of(limit));
  return curl_easy_perform(handle.get()) == CURLE_OK;
}

// Called by curl at least once a second. Half of the time without a sign of life is for the answer itself,
// the other half for the question whether anybody is there.
int watch(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& receiver = *static_cast<Receiver*>(context);
  const auto silent = steady_clock::now() - receiver.heard;
  if (silent < receiver.silence / 2) return 0;
  if (!is_alive(receiver.socket,
                receiver.silence - std::min(receiver.silence, std::chrono::nanoseconds(silent)))) {
    return 1;
  }
  receiver.heard = steady_clock::now();
  return 0;
}

// Why nobody can be reached: by trying it, since curl keeps the reason to itself.
Error no_daemon(const std::string& path) {
  const std::string what = "no daemon at " + path + ": ";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return Error{ErrorKind::io, what + "it closes the connection"};
  }
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
      return Error{ErrorKind::not_found, what + "there is no such socket; is vigiled running?"};
    case EACCES:
    case EPERM:
      return Error{ErrorKind::permission,
                   what + "permission denied; the socket's owner and group may speak to it"};
    case ECONNREFUSED:
      return Error{ErrorKind::unavailable,
                   what + "nobody listens there; vigiled has ended without removing it"};
    case EAGAIN:
      return Error{ErrorKind::unavailable, what + "too many are waiting there already"};
    default:
      return Error{ErrorKind::io, what + std::strerror(errno)};
  }
}

// `receiver` has socket, silence and on_data.
Result<Answer> perform(Receiver receiver, const std::string& method, const std::string& target,
                       const Body* body) {
  const std::string& socket = receiver.socket;
  if (socket.empty() || socket.size() >= kPathLimit) {
    return Error{ErrorKind::config, "no daemon at \"" + socket + "\": this cannot be a socket's path"};
  }
  const Handle handle(curl_easy_init(), &curl_easy_cleanup);
  if (!handle) return Error{ErrorKind::io, "curl does not start"};
  CURL* curl = handle.get();
  receiver.handle = curl;
  const std::chrono::nanoseconds limit = std::max<std::chrono::nanoseconds>(kAnswerLimit, receiver.silence);
  curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  curl_easy_setopt(curl, CURLOPT_URL, ("http://vigiled" + target).c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
  if (receiver.on_data == nullptr) curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds_of(limit));
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &watch);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &receiver);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &receiver);
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr, &curl_slist_free_all);
  if (body != nullptr) {
    headers.reset(curl_slist_append(nullptr, ("Content-Type: " + body->content_type).c_str()));
    curl_slist_append(headers.get(), "Expect:");  // nobody is asked first: the daemon is near
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->text.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->text.size()));
  }
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  receiver.answer.status = static_cast<int>(status);
  if (code == CURLE_OK || receiver.stopped) return std::move(receiver.answer);
  if (code == CURLE_COULDNT_CONNECT) return no_daemon(socket);
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    return Error{ErrorKind::timeout,
                 "the daemon at " + socket + " does not answer: no sign of life for " +
                     format_duration(receiver.silence) +
                     "; is it stopped, or its machine overloaded? --timeout waits longer"};
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return Error{ErrorKind::timeout, "the daemon at " + socket + " lives, but has not answered within " +
                                         format_duration(limit) + "; --timeout waits longer"};
  }
  return Error{ErrorKind::io, "the daemon at " + socket + ": " + curl_easy_strerror(code)};
}

}  // namespace

Result<Answer> Client::request(const std::string& method, const std::string& target) const {
  return perform({.socket = socket_, .silence = silence_}, method, target, nullptr);
}

Result<Answer> Client::send(const std::string& method, const std::string& target, const std::string& body,
                            const std::string& content_type) const {
  const Body sent{body, content_type};
  return perform({.socket = socket_, .silence = silence_}, method, target, &sent);
}

Result<Answer> Client::stream(const std::string& target,
                              const std::function<bool(std::string_view)>& on_data) const {
  return perform({.socket = socket_, .silence = silence_, .on_data = &on_data}, "GET", target, nullptr);
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

}  // namespace vigile
