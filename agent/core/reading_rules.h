// SPDX-License-Identifier: Apache-2.0
// What may be said in the settings of any driver instance about the readings it gives. Plain values.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace vigile {

// Which metrics go on, and under which names. Patterns are shell patterns, fnmatch(3), on the driver's own
// names.
struct MetricRules {
  std::vector<std::string> only;              // empty: all
  std::vector<std::string> except;            // beats `only`
  std::map<std::string, std::string> rename;  // the driver's name → another
  bool operator==(const MetricRules&) const = default;
};

// When a reading is written down. On change: the first one, and each that is more than the deadband away from
// the last one written.
struct ReportRules {
  bool on_change = false;
  double deadband = 0;                        // in the metric's unit
  std::map<std::string, double> deadbands;    // of single metrics, by the names they have after `rename`
  std::chrono::nanoseconds at_most_every{};   // 0: as often as it changes
  std::chrono::nanoseconds at_least_every{};  // changed or not; 0: never without a change
  bool operator==(const ReportRules&) const = default;
};

}  // namespace vigile
