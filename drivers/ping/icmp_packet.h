// SPDX-License-Identifier: Apache-2.0
// ICMP messages as bytes: RFC 792, and RFC 4443 for IPv6. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"

namespace vigile {

enum class IpFamily { v4, v6 };

using Bytes = std::span<const std::uint8_t>;

// An echo request. The checksum is filled in for IPv4; over IPv6 the kernel does, as it knows the addresses.
std::vector<std::uint8_t> build_echo_request(IpFamily family, std::uint16_t id, std::uint16_t sequence,
                                             Bytes payload);

struct IcmpMessage {
  enum class Kind {
    reply,  // to an echo request
    error,  // about an echo request, which it quotes
    other,  // nothing that concerns us
  };
  Kind kind = Kind::other;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint16_t id = 0;        // of the reply, or of the request that the error quotes
  std::uint16_t sequence = 0;  // likewise
  Bytes payload = {};          // likewise; routers may quote none of it. Points into the packet
};

// A packet as a socket gives it. A raw IPv4 socket gives the IP header too, and has not checked the ICMP
// checksum; all others give the ICMP message alone. Errors: parse (cut short, wrong checksum).
Result<IcmpMessage> parse_icmp(Bytes packet, IpFamily family, bool raw);

// An echo request as an error quotes it, beginning with its ICMP header. `other` when it is none.
IcmpMessage parse_quoted_request(Bytes request, IpFamily family, std::uint8_t error_type,
                                 std::uint8_t error_code);

// "host unreachable", "hop limit exceeded"; "ICMP error 12/0" for what has no name here.
std::string icmp_error_text(IpFamily family, std::uint8_t type, std::uint8_t code);

}  // namespace vigile
