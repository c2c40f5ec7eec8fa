// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile::mqtt_session {

struct BrokerAddress {
  std::string host;
  std::uint16_t port = 0;
  bool is_tls = false;
  std::string shown;  // mqtts://host:port
};

// Of mqtt://host:1883 or mqtts://host:8883. Errors: config, "url: …".
Result<BrokerAddress> parse_broker_address(std::string_view text);

}  // namespace vigile::mqtt_session
