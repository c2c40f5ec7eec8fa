// SPDX-License-Identifier: Apache-2.0
// The addresses of a host's name. Any thread.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace vigile::net {

struct Address {
  std::string text;          // "10.0.0.5", "::1", without the port
  sockaddr_storage bytes{};  // with the port
  socklen_t size = 0;
};

// Until when a call may wait, and what ends it before.
struct Limit {
  const Clock& clock;
  BootTime deadline;
  std::stop_token stop{};
};

// Never empty; in the order in which RFC 8305 §4 tries them: as getaddrinfo(3) sorts them (RFC 6724), with
// the families taking turns. Returns within the limit, whatever the resolver does: a lookup that takes longer
// goes on by itself, and the next call for that name waits for it rather than to begin another. A numeric
// address needs no resolver. Errors: not_found, unavailable, timeout: "<host>: <cause>"; unavailable when
// stopped.
Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port, const Limit& limit);

// Moves the address of that text, when there is one, to the front: the one that answered last, for protocols
// over UDP, which has no connections to race.
void put_first(std::vector<Address>& addresses, std::string_view text);

}  // namespace vigile::net
