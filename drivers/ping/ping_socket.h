// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "drivers/ping/icmp_packet.h"
#include "net/resolve.h"

namespace vigile {

// Sends and receives ICMP messages, to and from one address. For one run, by one thread.
class PingSocket {
 public:
  struct Arrival {
    std::size_t size = 0;  // bytes in the buffer
    BootTime at;
    // The kernel took an error apart already: the bytes are the request that it quotes, from its ICMP header.
    struct Error {
      std::uint8_t type, code;
    };
    std::optional<Error> error = {};
  };

  virtual ~PingSocket() = default;
  virtual IpFamily family() const = 0;
  // As parse_icmp takes it.
  virtual bool raw() const = 0;
  // The identifier that requests must have.
  virtual std::uint16_t identifier() const = 0;
  virtual Result<void> send(Bytes packet) = 0;
  // The next packet, whoever it is for. Absent: none by `until`, or stop was requested. A packet that is
  // there already is given even if `until` is past.
  virtual Result<std::optional<Arrival>> receive(std::span<std::uint8_t> buffer, BootTime until,
                                                 std::stop_token stop) = 0;
};

// A kernel's ICMP socket: icmp(7)'s datagram socket where net.ipv4.ping_group_range lets us, else a raw one.
// Of a name with several addresses `turn` 0 is to the first, 1 to the second, and so on around. The limit is
// for looking up the name; its clock outlives the socket. Errors: permission (the message says what is
// missing); those of net::resolve().
Result<std::unique_ptr<PingSocket>> open_ping_socket(const std::string& address, std::size_t turn,
                                                     const net::Limit& limit);

}  // namespace vigile
