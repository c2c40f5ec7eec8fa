// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vigile::mqtt_sink {

// Why nothing can be reached at host and port: "Connection refused", "Name or service not known". Empty when
// a TCP connection comes about. Paho tells none of this, so it is asked after a failure. Blocks for at
// most `limit`.
std::string why_unreachable(const std::string& host, std::uint16_t port, std::chrono::milliseconds limit);

}  // namespace vigile::mqtt_sink
