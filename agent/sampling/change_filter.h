// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/clock.h"
#include "core/reading_rules.h"
#include "core/tag.h"
#include "drivers/driver.h"

namespace vigile {

// Decides which readings are worth writing down when only changes are (`report: on_change`). Remembers the
// last one written of each series, of at most kMostSeries: those beyond are always written. One thread at a
// time.
class ChangeFilter {
 public:
  static constexpr std::size_t kMostSeries = 4096;

  // `tolerance`: how much earlier than the rules' intervals a reading may come and still count as on time;
  // half of the sampling interval, since ticks come a little early or late.
  ChangeFilter(const ReportRules& rules, std::chrono::nanoseconds tolerance)
      : rules_(rules), tolerance_(tolerance) {}

  bool is_active() const { return rules_.on_change; }
  // True when the reading is to be written; it is then the last one written.
  bool passes(std::string_view metric, std::span<const Tag> tags, const Number& number, BootTime at);

 private:
  struct Written {
    double number = 0;
    std::string text;  // of a text
    BootTime at;
  };
  double deadband(std::string_view metric) const;

  const ReportRules rules_;
  const std::chrono::nanoseconds tolerance_;
  std::unordered_map<std::string, Written> written_;
  std::string key_;
};

}  // namespace vigile
