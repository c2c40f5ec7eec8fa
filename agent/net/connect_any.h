// SPDX-License-Identifier: Apache-2.0
// A TCP connection to a host that may have several addresses, as RFC 8305 (Happy Eyeballs) §5 makes it: the
// next address is tried when the one before has failed, or has said nothing for 250 ms and is waited for
// still; the first that connects wins. One silent address costs 250 ms, and not the connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"
#include "net/resolve.h"

namespace vigile::net {

struct Connected {
  UniqueFd fd;  // non-blocking, close-on-exec
  Address address;
  std::chrono::nanoseconds took{};  // of this address alone, from the SYN to the connection
};

// Each address is tried before the deadline: with little time, sooner than after 250 ms. Errors:
//   not_found, unavailable, timeout of resolve(): "<host>: <cause>"
//   timeout (one at least did not answer), unavailable, permission: the cause alone, "Connection refused"; of
//   several addresses with each of them, "192.0.2.7: no answer in time; 2001:db8::7: Connection refused"
//   unavailable: "stopped"
Result<Connected> connect_any(const std::string& host, std::uint16_t port, const Limit& limit);
// In this order.
Result<Connected> connect_any(std::span<const Address> addresses, const Limit& limit);

}  // namespace vigile::net
