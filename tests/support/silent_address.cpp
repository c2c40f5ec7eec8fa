// SPDX-License-Identifier: Apache-2.0
#include "support/silent_address.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstring>
#include <stdexcept>

namespace vigile {

SilentAddress::SilentAddress(const std::string& address, std::uint16_t port)
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  ::inet_pton(AF_INET, address.c_str(), &at.sin_addr);
  const auto* const bytes = reinterpret_cast<const sockaddr*>(&at);
  const int on = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener_.get(), bytes, sizeof at) != 0 || ::listen(listener_.get(), 0) != 0)
    throw std::runtime_error(address + ": " + std::strerror(errno));
  // More than the queue takes: the first of them fill it, the others wait like all that come later.
  for (int i = 0; i < 4; ++i) {
    waiting_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    (void)::connect(waiting_.back().get(), bytes, sizeof at);
  }
}

}  // namespace vigile
