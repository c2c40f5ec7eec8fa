// SPDX-License-Identifier: Apache-2.0
// What is kept of one series in one hour (DESIGN §2). Two summaries of the same series can be merged, in any
// order, to what one summary of all readings would be: everything but the quantiles is exact.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "equipment/quantile_sketch.h"

namespace vigile {

struct SeriesSummary {
  std::uint64_t count = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double sum = 0;
  double sum_of_squares = 0;  // of value - shift, where shift is `first`'s value: see variance()
  double first = 0;           // the value with the smallest time, and its time
  double last = 0;            // the value with the largest time
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  // Least squares of value over time, for the trend: sums over t = (time - epoch of the hour) in hours.
  double sum_t = 0;
  double sum_tt = 0;
  double sum_tv = 0;
  QuantileSketch sketch;

  void add(std::int64_t time_ns, double value);
  void merge(const SeriesSummary& other);
  std::optional<double> mean() const;                 // absent when count is 0
  std::optional<double> standard_deviation() const;   // of the population
  std::optional<double> trend_per_hour() const;       // absent when all times are the same
  // q in [0, 1]; within QuantileSketch::kRelativeError of the value at that rank.
  std::optional<double> quantile(double q) const;
};

}  // namespace vigile
