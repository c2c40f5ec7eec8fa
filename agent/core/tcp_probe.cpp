// SPDX-License-Identifier: Apache-2.0
#include "core/tcp_probe.h"

#include <netdb.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "core/unique_fd.h"

namespace vigile {

namespace {

// 0, or the errno of the failure.
int try_connect(const SocketAddress& address, std::chrono::milliseconds limit) {
  const int family = address.bytes.ss_family;
  const UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return errno;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd waiting{.fd = fd.get(), .events = POLLOUT, .revents = 0};
  const int ready = ::poll(&waiting, 1, static_cast<int>(limit.count()));
  if (ready < 0) return errno;
  if (ready == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

Result<std::vector<SocketAddress>> resolve_host(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0) {
    const bool absent = code == EAI_NONAME || code == EAI_NODATA;
    return Error{absent ? ErrorKind::not_found : ErrorKind::unavailable, host + ": " + ::gai_strerror(code)};
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    SocketAddress address;
    if (at->ai_addrlen > sizeof address.bytes) continue;
    std::memcpy(&address.bytes, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
    std::array<char, 64> text{};
    ::getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
    address.text = text.data();
    addresses.push_back(std::move(address));
  }
  if (addresses.empty()) return Error{ErrorKind::not_found, host + ": no address"};
  return addresses;
}

Result<void> probe_tcp(const SocketAddress& address, std::chrono::milliseconds limit) {
  const int error = try_connect(address, limit);
  if (error == 0) return {};
  return Error{error == ETIMEDOUT ? ErrorKind::timeout : ErrorKind::unavailable,
               std::generic_category().message(error)};
}

}  // namespace vigile
