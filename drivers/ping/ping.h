// SPDX-License-Identifier: Apache-2.0
// Driver `ping`: whether an address answers ICMP echo requests, how fast, and how many get lost. Source:
// RFC 792, RFC 4443.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "drivers/driver.h"
#include "drivers/ping/ping_socket.h"

namespace vigile {

extern const DriverInfo kPingDriver;

using OpenPingSocket = std::function<Result<std::unique_ptr<PingSocket>>(
    const std::string& address, std::size_t turn, const net::Limit& limit)>;

// As kPingDriver.make, over sockets of one's own.
Result<std::unique_ptr<Driver>> make_ping(const Options& options, const DriverEnvironment& environment,
                                          OpenPingSocket open);

}  // namespace vigile
