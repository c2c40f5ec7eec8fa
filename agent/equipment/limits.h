// SPDX-License-Identifier: Apache-2.0
// A limit on a metric, with hysteresis, judged for each series of the metric by itself. Pure: no clock.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace vigile {

struct LimitRule {
  std::string metric;
  std::map<std::string, std::string> tags = {};  // of the series that it is for; empty: all
  std::optional<double> above;
  std::optional<double> below;
  std::optional<double> clear;         // normal again only at or past this; absent: the limit itself
  std::chrono::nanoseconds held = {};  // breached only when a reading has been past the limit this long
  bool operator==(const LimitRule&) const = default;
};

// One limit on one series.
//
// Past the limit means > above or < below. A limit is breached once the series has been past it for
// `held`, counted from the first reading past it; readings that do not come leave the last one standing. It
// ends when a reading is normal: <= clear (of above), >= clear (of below), or not past the limit when there
// is no clear. A reading that is no number changes nothing.
class LimitState {
 public:
  // `is_breached`: what is known from before a restart, to be confirmed or ended by the first reading.
  explicit LimitState(bool is_breached = false) : is_breached_(is_breached) {}

  void value(const LimitRule& rule, double value, BootTime now);
  void tick(const LimitRule& rule, BootTime now);
  // When it will be breached unless a reading comes that is not past the limit.
  std::optional<BootTime> due(const LimitRule& rule) const;

  bool is_breached() const { return is_breached_; }
  double last_value() const { return last_value_; }

 private:
  bool is_breached_;
  std::optional<BootTime> past_since_;  // while past the limit and not breached
  double last_value_ = 0;
};

// "cpu_usage core=0 is 95.5, above 90 for 5m".
std::string describe(const LimitRule& rule, std::string_view tags, double value);

}  // namespace vigile
