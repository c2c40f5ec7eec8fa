// SPDX-License-Identifier: Apache-2.0
// What a reading is called, in limits, `only`, `rename`, answers and summaries, whatever way it came:
//
// a line of equipment_metrics          its tag metric_name
// a field of a driver's measurement    the driver's metric of that field; where the settings or the source
//                                      name the metrics (modbus, exec, statsd …) the field itself
// a field of any other measurement     <measurement>_<field>
// availability                         availability
//
// The field "time_" stands for "time", which no server takes as the name of a field.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace vigile {

// By the drivers' tables; "" for a field that is no series (an extra one), absent when the measurement or the
// field is no driver's. Any thread.
using MetricNamer =
    std::function<std::optional<std::string>(std::string_view measurement, std::string_view field)>;

// Of a line that is not of equipment_metrics; "" for a field that is no series. `namer` may be empty.
std::string metric_name_of(const MetricNamer& namer, std::string_view measurement, std::string_view field);

}  // namespace vigile
