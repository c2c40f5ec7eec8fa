// SPDX-License-Identifier: Apache-2.0
// The JSON forms of what EquipmentService says. README.md lists them. What there is no figure for is null;
// a figure that is not finite too.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "equipment/service.h"

namespace vigile {

nlohmann::ordered_json state_json(const EquipmentState& state);
// The page as text, ended by a newline: a page of 10,000 rows would be ten times its text as JSON values.
std::string page_text(const MetricsQuery& query, const MetricsPage& page);
nlohmann::ordered_json availability_json(const AvailabilityReport& report,
                                         const AvailabilityOptions& options);
nlohmann::ordered_json stats_json(const PerformanceStats& stats);
nlohmann::ordered_json history_json(const std::vector<StatusPeriod>& history, std::int64_t now_ns);
nlohmann::ordered_json removal_json(const RemovalReport& report);

// "start" and "end"
void put_span(nlohmann::ordered_json& object, TimeSpan span);
nlohmann::ordered_json time_json(std::int64_t ns);
nlohmann::ordered_json figure(std::optional<double> value);  // null when absent or not finite
nlohmann::ordered_json percentiles_json(bool from_sketches);

// How many equipments have which status, as the dashboards say it ("operational" is online); adds
// "average_availability", the mean of those that have one.
struct FleetSummary {
  void add(Status status, std::optional<double> availability_percent);
  nlohmann::ordered_json json() const;
  std::size_t total = 0, online = 0, warning = 0, maintenance = 0, offline = 0, unknown = 0;
  double availability_sum = 0;
  std::size_t availability_count = 0;
};

}  // namespace vigile
