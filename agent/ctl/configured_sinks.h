// SPDX-License-Identifier: Apache-2.0
// The sinks of the settings that vigiled runs by.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "settings/settings.h"
#include "sinks/influx/client.h"

namespace vigile {

// Errors: config, all that is wrong with the settings, a line each.
Result<Settings> configured_settings(const std::string& config);

// The named influx sink, or the only one when `name` is empty. Errors: config, naming those that there are.
Result<const SinkSettings*> influx_sink_named(const Settings& settings, const std::string& name);

// Errors: config.
Result<influx_sink::InfluxSettings> influx_settings(const SinkSettings& sink);

// The same in one. Errors: config.
Result<influx_sink::InfluxSettings> configured_influx(const std::string& config, const std::string& sink);

// "http://influx.example:8086, bucket equipment_metrics"
std::string described(const influx_sink::InfluxSettings& settings);

}  // namespace vigile
