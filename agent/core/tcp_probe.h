// SPDX-License-Identifier: Apache-2.0
// Whether something can be reached over TCP, and if not, why: for checks, and after failures of libraries
// that keep the cause to themselves. Any thread; both block.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace vigile {

struct SocketAddress {
  std::string text;  // "10.0.0.5", "::1"
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

// The addresses of a host's name; never empty. Takes as long as the resolver does. Errors: not_found,
// unavailable: "<host>: <cause>".
Result<std::vector<SocketAddress>> resolve_host(const std::string& host, std::uint16_t port);

// Connects, and ends the connection. Errors: timeout, unavailable: the cause alone, "Connection refused".
Result<void> probe_tcp(const SocketAddress& address, std::chrono::milliseconds limit);

}  // namespace vigile
