// SPDX-License-Identifier: Apache-2.0
// What the local time of a place is in UTC. Source: RFC 8536 (TZif files); POSIX.1-2017, Base Definitions
// 8.3 (the rule at their end, TZ).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace vigile {

class TimeZone {
 public:
  // `name`: a name of the tz database, "Europe/Paris", or an offset, "+01:00", "Z". Reads the file of that
  // name under `root`. Errors: config, what is wrong and what would be right.
  static Result<TimeZone> find(const std::string& name,
                               const std::filesystem::path& root = "/usr/share/zoneinfo");

  // `local`: the clock on the wall there, as if it were UTC. Of a time that is there twice (clocks go back)
  // the first is meant; one that is not there (clocks go forward) is as far behind the step as it says.
  WallTime to_utc(WallTime local) const;
  // From UTC to local time, at that time.
  std::chrono::seconds offset_at(WallTime utc) const;

 private:
  struct Change {
    std::int64_t from;    // seconds since 1970, UTC
    std::int32_t offset;  // seconds east of UTC
  };
  struct Day {  // of a year
    enum class Kind { julian, zero_based, month } kind = Kind::month;
    int month = 0, week = 0, day = 0;
    std::int32_t time = 7200;  // seconds after its midnight
  };
  struct Rule {
    std::int32_t offset = 0;
    std::optional<std::int32_t> summer_offset;
    Day begin, end;  // of summer time
  };
  static std::optional<TimeZone> parse(const std::string& file);
  static std::optional<Rule> parse_rule(std::string_view text);
  static std::int64_t seconds_of(const Day& day, int year);

  std::int32_t first_ = 0;  // the offset before the first change
  std::vector<Change> changes_;
  std::optional<Rule> rule_;  // after the last change
};

}  // namespace vigile
