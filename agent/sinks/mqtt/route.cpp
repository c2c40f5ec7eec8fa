// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/route.h"

#include <utility>

#include "net/connect_any.h"

namespace vigile::mqtt_sink {

Result<Route> find_route(const MqttSettings& settings, const net::Limit& limit) {
  const auto addresses = net::resolve(settings.host, settings.port, limit);
  if (!addresses) return addresses.error();
  if (addresses->size() == 1) return Route{settings.url, nullptr};
  auto connected = net::connect_any(*addresses, limit);
  if (!connected) return connected.error();
  if (settings.url.starts_with("tcp://")) {
    const std::string& text = connected->address.text;
    const bool is_ipv6 = text.find(':') != std::string::npos;
    return Route{"tcp://" + (is_ipv6 ? "[" + text + "]" : text) + ":" + std::to_string(settings.port),
                 nullptr};
  }
  auto relay = Relay::start(std::move(connected->fd));
  if (!relay) return relay.error();
  return Route{settings.url, std::move(*relay)};
}

}  // namespace vigile::mqtt_sink
