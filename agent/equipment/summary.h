// SPDX-License-Identifier: Apache-2.0
// What is kept of one series in one hour (DESIGN §2). Two summaries of the same series can be merged, in any
// order, to what one summary of all readings would be: everything but the quantiles is exact, up to the
// rounding of sums. Squares are of distances from the mean (Welford; merged after Chan, Golub and LeVeque),
// so that a small spread around a large value survives.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "equipment/quantile_sketch.h"

namespace vigile {

struct SeriesSummary {
  std::uint64_t count = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double sum = 0;
  double squares = 0;  // sum of (value - mean)²
  // The values with the smallest and the largest time; of several at that time the smallest and the largest.
  double first = 0;
  double last = 0;
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  // For the trend, least squares of value over time. Times are in hours after first_ns.
  double mean_t = 0;
  double squares_t = 0;  // sum of (t - mean_t)²
  double products = 0;   // sum of (t - mean_t) * (value - mean)
  QuantileSketch sketch;

  void add(std::int64_t time_ns, double value);          // finite values; others are passed over
  void add_moments(std::int64_t time_ns, double value);  // all but the sketch
  void merge(const SeriesSummary& other);
  // Absent when count is 0, or where a sum grew past what a double can hold.
  std::optional<double> mean() const;
  std::optional<double> standard_deviation() const;  // of the population
  std::optional<double> trend_per_hour() const;      // absent too when all times are the same
  // q in [0, 1]; within QuantileSketch::kRelativeError of the value at quantile_rank(q, count).
  std::optional<double> quantile(double q) const;

  std::size_t memory_bytes() const { return sizeof(*this) + sketch.memory_bytes(); }

 private:
  void merge_moments(const SeriesSummary& other);
};

// Names one series.
struct SeriesName {
  std::string_view equipment_id;
  std::string_view metric;
  std::string_view tags;
  auto operator<=>(const SeriesName&) const = default;
};
struct SeriesKey {
  std::string equipment_id;
  std::string metric;
  std::string tags;
  explicit SeriesKey(const SeriesName& name)
      : equipment_id(name.equipment_id), metric(name.metric), tags(name.tags) {}
  // Beyond its own size.
  std::size_t memory_bytes() const { return equipment_id.size() + metric.size() + tags.size(); }
  operator SeriesName() const { return {equipment_id, metric, tags}; }  // NOLINT: implicit
};
struct SeriesOrder {
  using is_transparent = void;
  bool operator()(const SeriesName& a, const SeriesName& b) const { return a < b; }
};
// Of a node of a map, and of the allocator.
inline constexpr std::size_t kNodeBytes = 64;
using SeriesSummaries = std::map<SeriesKey, SeriesSummary, SeriesOrder>;

// The summary of that series in the map, made when it is missing.
SeriesSummary& summary_of(SeriesSummaries& summaries, const SeriesName& name);

inline constexpr std::int64_t kHourNs = 3'600'000'000'000;
// The largest multiple of `step_ns` that is not above the time, brought up to what fits.
std::int64_t floor_to(std::int64_t time_ns, std::int64_t step_ns);
// The smallest multiple that is not below it, brought down to what fits.
std::int64_t ceil_to(std::int64_t time_ns, std::int64_t step_ns);

}  // namespace vigile
