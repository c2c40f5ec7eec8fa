// SPDX-License-Identifier: Apache-2.0
// How Paho gets to a broker whose name has several addresses, some of which may not answer.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"
#include "net/resolve.h"
#include "sinks/mqtt/relay.h"
#include "sinks/mqtt/settings.h"

namespace vigile::mqtt_sink {

struct Route {
  std::string url;               // for Paho
  std::unique_ptr<Relay> relay;  // null: none is needed
};

// Of a name with one address: its URL. Of several the one that answers is found: Paho gets that address, or,
// where the name counts (TLS, WebSocket), the name and a relay. Errors: those of net::connect_any().
Result<Route> find_route(const MqttSettings& settings, const net::Limit& limit);

}  // namespace vigile::mqtt_sink
