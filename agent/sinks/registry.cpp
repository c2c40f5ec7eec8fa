// SPDX-License-Identifier: Apache-2.0
#include "sinks/registry.h"

namespace vigile {

// One line a sink: X(Influx) is kInfluxSink of sinks/influx. CMakeLists.txt has the other line.
// clang-format off
#define VIGILE_FOR_EACH_SINK(X) \
  X(Influx) \
  X(Mqtt) \
  // end of the list
// clang-format on

#define VIGILE_DECLARE(name) extern const SinkInfo k##name##Sink;
VIGILE_FOR_EACH_SINK(VIGILE_DECLARE)
#undef VIGILE_DECLARE

std::span<const SinkInfo* const> all_sinks() {
#define VIGILE_ADDRESS(name) &k##name##Sink,
  static constexpr const SinkInfo* kSinks[] = {VIGILE_FOR_EACH_SINK(VIGILE_ADDRESS)};
#undef VIGILE_ADDRESS
  return kSinks;
}

const SinkInfo* find_sink(std::string_view kind) {
  for (const SinkInfo* const sink : all_sinks()) {
    if (sink->kind == kind) return sink;
  }
  return nullptr;
}

}  // namespace vigile
