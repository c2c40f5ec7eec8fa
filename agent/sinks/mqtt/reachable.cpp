// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/reachable.h"

#include "core/tcp_probe.h"

namespace vigile::mqtt_sink {

std::string why_unreachable(const std::string& host, std::uint16_t port, std::chrono::milliseconds limit) {
  const auto addresses = resolve_host(host, port);
  if (!addresses) return addresses.error().message;
  // Of several addresses the first decides: one limit for all.
  const auto reached = probe_tcp(addresses->front(), limit);
  return reached ? "" : reached.error().message;
}

}  // namespace vigile::mqtt_sink
