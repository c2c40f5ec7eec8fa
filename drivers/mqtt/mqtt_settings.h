// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "core/option.h"
#include "drivers/mqtt/connection.h"
#include "drivers/mqtt/message.h"
#include "drivers/mqtt/packet.h"
#include "drivers/mqtt/topic.h"

namespace vigile::mqtt_driver {

struct MqttSettings {
  BrokerAddress broker;
  TlsSettings tls;
  ConnectRequest connect;
  std::vector<TopicPattern> topics;
  MessageSettings message;
  std::size_t max_message_bytes = 0;
  std::chrono::milliseconds timeout{};
};

std::span<const OptionSpec> option_table();
bool is_own_metric(std::string_view name);
// Errors: config.
Result<BrokerAddress> parse_broker_address(std::string_view text);
Result<MqttSettings> read_settings(const Options& options);

}  // namespace vigile::mqtt_driver
