// SPDX-License-Identifier: Apache-2.0
// StatsD gathered over an interval: counters, gauges, timers (with histograms and distributions) and sets.
// Sources: github.com/statsd/statsd docs/metric_types.md; DogStatsD's datagram format.
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
#include "drivers/listen/statsd_line.h"

namespace vigile::listen {

// What `name:-5|g` means: StatsD takes 5 away from the gauge, DogStatsD sets it to -5. The same holds for +5.
enum class StatsdDialect { statsd, dogstatsd };

// What one series says of the interval. A gauge is kept until it is set again, the others begin anew.
struct StatsdSeries {
  struct Figure {
    std::string_view suffix;  // "" or "_mean": after the name
    double value = 0;
  };
  std::string name;
  std::vector<std::pair<std::string, std::string>> tags;
  std::optional<std::int64_t> time_s;  // said by the sender: of that time, not of the interval
  std::vector<Figure> figures;
};

// One thread. Bounded: at most kMostSeries, kMostTimes times of each, kMostMembers of each set.
class Statsd {
 public:
  static constexpr std::size_t kMostSeries = 2000;
  static constexpr std::size_t kMostTimes = 1000;  // past it a sample of them, for the percentile alone
  static constexpr std::size_t kMostMembers = 1000;

  explicit Statsd(StatsdDialect dialect) : dialect_(dialect) {}

  // Errors: full, when there are too many series.
  Result<void> add(const StatsdLine& line);
  // What was gathered since the last call.
  std::vector<StatsdSeries> take();

 private:
  struct State {
    StatsdType type;
    std::string name;
    std::vector<std::pair<std::string, std::string>> tags;
    std::optional<std::int64_t> time_s;
    double sum = 0;  // counter, gauge, timer
    double least = 0;
    double most = 0;
    double count = 0;           // timer: by its rate
    std::uint64_t seen = 0;     // of this interval
    std::vector<double> times;  // timer
    std::set<std::string, std::less<>> members;
  };
  // Null: there are too many.
  State* state_of(const StatsdLine& line, StatsdType type);
  void set_gauge(State& state, const StatsdValue& value) const;
  void gather(State& state, double value, double rate);
  static std::vector<StatsdSeries::Figure> figures_of(State& state);

  const StatsdDialect dialect_;
  std::map<std::string, State> series_;  // by type, name, tags and time
  std::uint64_t random_ = 1;
};

}  // namespace vigile::listen
