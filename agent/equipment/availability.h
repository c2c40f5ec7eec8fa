// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/history.h"

namespace vigile {

struct AvailabilityOptions {
  bool warning_is_up = true;
};
struct DowntimePeriod {
  std::int64_t from_ns = 0;
  std::optional<std::int64_t> to_ns;  // absent: it lasts
  std::string reason;
};
struct AvailabilityReport {
  TimeSpan span;
  // Of time that counts (up + down); absent when there is none: no data is never 100 %.
  std::optional<double> availability_percent;
  std::int64_t up_ns = 0;       // online, and warning unless the options say otherwise
  std::int64_t down_ns = 0;     // offline (and warning)
  std::int64_t warning_ns = 0;  // part of up or down
  std::int64_t maintenance_ns = 0;
  std::int64_t unknown_ns = 0;  // before the first change, while no agent ran, after now
  std::uint64_t outages = 0;
  std::optional<double> mtbf_seconds;  // up time / outages; absent without an outage
  std::optional<double> mttr_seconds;  // down time / outages
  std::int64_t longest_outage_ns = 0;
  std::vector<DowntimePeriod> downtime;  // cut to the span
};

}  // namespace vigile
