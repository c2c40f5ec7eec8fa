// SPDX-License-Identifier: Apache-2.0
// StatsD: "name:value|type[|@rate][|#tag:value,…]", types c, g, ms, h, d, s, gathered over an interval.
// Sources: github.com/statsd/statsd docs/metric_types.md; DogStatsD's datagram format for the tags.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace vigile::listen {

// What one series says of the interval. A gauge is kept until it is set again, the others begin anew.
struct StatsdSeries {
  enum class Type { counter, gauge, timer, set };
  struct Figure {
    std::string_view suffix;  // "" or "_mean": after the name
    double value = 0;
  };
  std::string name;
  std::vector<std::pair<std::string, std::string>> tags;
  std::vector<Figure> figures;
};

// One thread. Bounded: at most kMostSeries, kMostTimes times of each, kMostMembers of each set.
class Statsd {
 public:
  static constexpr std::size_t kMostSeries = 2000;
  static constexpr std::size_t kMostTimes = 1000;  // past it a sample of them, for the percentile alone
  static constexpr std::size_t kMostMembers = 1000;

  // Errors: parse, which names what would be right; full, when there are too many series.
  Result<void> add(std::string_view line);
  // What was gathered since the last call.
  std::vector<StatsdSeries> take();

 private:
  struct State {
    StatsdSeries::Type type;
    std::string name;
    std::vector<std::pair<std::string, std::string>> tags;
    double sum = 0;  // counter, gauge, timer
    double least = 0;
    double most = 0;
    double count = 0;           // timer: by its rate
    std::uint64_t seen = 0;     // of this interval
    std::vector<double> times;  // timer
    std::set<std::string> members;
  };
  void gather(State& state, double value, double rate);

  std::map<std::string, State> series_;  // by type, name and tags
  std::uint64_t random_ = 1;
};

}  // namespace vigile::listen
