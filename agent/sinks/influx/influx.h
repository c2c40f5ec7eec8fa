// SPDX-License-Identifier: Apache-2.0
// The InfluxDB sink: line protocol over HTTP to InfluxDB 1, 2 and 3, and to what speaks the same
// (VictoriaMetrics). README.md describes options and answers.
#pragma once

#include "sinks/sink.h"

namespace vigile {

extern const SinkInfo kInfluxSink;

}  // namespace vigile
