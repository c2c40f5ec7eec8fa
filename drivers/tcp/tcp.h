// SPDX-License-Identifier: Apache-2.0
// Driver `tcp`: whether a port accepts connections, and how long that takes. Source: connect(2), RFC 9293
// §3.5.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kTcpDriver;

struct HostPort {
  std::string host;  // without brackets
  std::uint16_t port = 0;
};

// "host:port", "192.0.2.7:22", "[2001:db8::1]:443". Errors: config.
Result<HostPort> parse_host_port(std::string_view text);

}  // namespace vigile
