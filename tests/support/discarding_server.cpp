// SPDX-License-Identifier: Apache-2.0
#include "support/discarding_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "support/process.h"

namespace vigile {

namespace {

bool readable(int fd, std::stop_token stop) {
  while (!stop.stop_requested()) {
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, 100) > 0) return true;
  }
  return false;
}

}  // namespace

DiscardingServer::DiscardingServer() {
  listener_ = listen_on_loopback(port_);
  thread_ = std::jthread([this](std::stop_token stop) { serve(stop); });
}

DiscardingServer::~DiscardingServer() = default;

void DiscardingServer::serve(std::stop_token stop) {
  while (readable(listener_.get(), stop)) {
    const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client) talk(client.get(), stop);
  }
}

void DiscardingServer::talk(int fd, std::stop_token stop) {
  std::vector<char> buffer(256 << 10);
  std::string head;
  while (readable(fd, stop)) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    head.append(buffer.data(), static_cast<std::size_t>(got));
    const std::size_t end = head.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    std::string lower = head.substr(0, end);
    std::transform(lower.begin(), lower.end(), lower.begin(), ::tolower);
    const std::size_t at = lower.find("content-length:");
    std::uint64_t length = at == std::string::npos ? 0 : std::strtoull(lower.c_str() + at + 15, nullptr, 10);
    body_bytes_ += length;
    length -= std::min<std::uint64_t>(length, head.size() - end - 4);
    while (length > 0) {
      const ssize_t more = ::recv(fd, buffer.data(), std::min<std::uint64_t>(buffer.size(), length), 0);
      if (more <= 0) return;
      length -= static_cast<std::uint64_t>(more);
    }
    head.clear();
    ++requests_;
    constexpr std::string_view kAnswer = "HTTP/1.1 204 No Content\r\n\r\n";
    if (::send(fd, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) < 0) return;
  }
}

}  // namespace vigile
