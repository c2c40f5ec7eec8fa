// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/option.h"
#include "sinks/sink.h"

namespace vigile::mqtt_sink {

// Name, connection, TLS and login, with a client of its own that publishes nothing; SinkInfo::check.
bool check_broker(const Options& options, const SinkEnvironment& environment, const CheckReport& report);

}  // namespace vigile::mqtt_sink
