// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/reachable.h"

#include "net/connect_any.h"

namespace vigile::mqtt_sink {

std::string why_unreachable(const std::string& host, std::uint16_t port, std::chrono::milliseconds limit) {
  const SystemClock clock;
  const auto reached = net::connect_any(host, port, {clock, clock.boot() + limit});
  return reached ? "" : reached.error().message;
}

}  // namespace vigile::mqtt_sink
