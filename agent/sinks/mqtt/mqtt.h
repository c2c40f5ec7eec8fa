// SPDX-License-Identifier: Apache-2.0
// The MQTT sink: publishes batches as messages of newline-separated lines, and knows an outcome when the
// broker has acknowledged each. README.md describes options, topics, and why Paho is used as it is.
#pragma once

#include "sinks/sink.h"

namespace vigile {

extern const SinkInfo kMqttSink;

}  // namespace vigile
