// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/mqtt/mqtt.h"
#include "sinks/sink_batch.h"

namespace vigile {

inline Options mqtt_options(const std::map<std::string, OptionValue>& written) {
  return options_with_defaults(kMqttSink.options, written);
}

}  // namespace vigile
