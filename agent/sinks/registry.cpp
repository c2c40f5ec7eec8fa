// SPDX-License-Identifier: Apache-2.0
#include "sinks/registry.h"

#include <array>

#include "sinks/influx/influx.h"
#include "sinks/mqtt/mqtt.h"

namespace vigile {

std::span<const SinkInfo* const> all_sinks() {
  static constexpr std::array<const SinkInfo*, 2> kSinks = {&kInfluxSink, &kMqttSink};
  return kSinks;
}

const SinkInfo* find_sink(std::string_view kind) {
  for (const SinkInfo* const sink : all_sinks()) {
    if (sink->kind == kind) return sink;
  }
  return nullptr;
}

}  // namespace vigile
