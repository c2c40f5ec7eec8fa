// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "core/option.h"
#include "drivers/mqtt/message.h"
#include "drivers/mqtt/topic.h"
#include "drivers/mqtt_session/session.h"

namespace vigile::mqtt_driver {

struct MqttSettings {
  mqtt_session::SessionSettings session;
  std::vector<TopicPattern> topics;
  MessageSettings message;
};

std::span<const OptionSpec> option_table();
bool is_own_metric(std::string_view name);
// Errors: config.
Result<MqttSettings> read_settings(const Options& options);

}  // namespace vigile::mqtt_driver
