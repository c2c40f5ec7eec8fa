// SPDX-License-Identifier: Apache-2.0
// One line of StatsD. Three ways to write several values of one name are read:
//   name:1|c                         StatsD: github.com/statsd/statsd docs/metric_types.md
//   name:1|c:2|c                     StatsD: further values with types of their own
//   name:1:2:3|ms|@0.5|#key:value    DogStatsD 1.1: values of one type; not of sets, whose members may hold
//   ':'
// with DogStatsD's sections `#` (tags), `T` (seconds since 1970), and `c:`, `e:`, `card:` and others of that
// form (said by the client of itself, and passed over), and Telegraf's tags in the name:
// `name,key=value:1|c`. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace vigile::listen {

enum class StatsdType { counter, gauge, timer, set };

struct StatsdValue {
  StatsdType type = StatsdType::counter;
  double number = 0;        // of all but sets
  bool has_sign = false;    // written with '+' or '-'
  std::string_view member;  // of sets: into the line
  double rate = 1;          // above 0, at most 1
};

struct StatsdLine {
  std::string name;                                       // what stands before the first ':'
  std::vector<std::pair<std::string, std::string>> tags;  // sorted by key, each once
  std::vector<StatsdValue> values;                        // at least one
  std::optional<std::int64_t> time_s;                     // of counters and gauges
};

// An event or a service check of DogStatsD, which is no reading.
bool is_statsd_notice(std::string_view line);

// All of the line or none of it. Errors: parse; the message says what would be right.
Result<StatsdLine> parse_statsd_line(std::string_view line);

}  // namespace vigile::listen
