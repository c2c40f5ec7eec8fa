// SPDX-License-Identifier: Apache-2.0
#include "equipment/summary.h"

#include <algorithm>
#include <cmath>

namespace vigile {

namespace {

// Exact for all but spans of centuries.
double hours_between(std::int64_t from_ns, std::int64_t to_ns) {
  constexpr double kHour = static_cast<double>(kHourNs);
  std::int64_t difference = 0;
  if (__builtin_sub_overflow(to_ns, from_ns, &difference)) {
    return static_cast<double>(to_ns) / kHour - static_cast<double>(from_ns) / kHour;
  }
  return static_cast<double>(difference) / kHour;
}

std::optional<double> if_finite(double value) {
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

}  // namespace

void SeriesSummary::add(std::int64_t time_ns, double value) {
  add_moments(time_ns, value);
  sketch.add(value);
}

void SeriesSummary::add_moments(std::int64_t time_ns, double value) {
  if (!std::isfinite(value)) return;
  SeriesSummary one;
  one.count = 1;
  one.min = one.max = one.sum = one.first = one.last = value;
  one.first_ns = one.last_ns = time_ns;
  merge_moments(one);
}

void SeriesSummary::merge(const SeriesSummary& other) {
  if (other.count == 0) return;
  merge_moments(other);
  sketch.merge(other.sketch);
}

void SeriesSummary::merge_moments(const SeriesSummary& other) {
  if (count == 0) {
    count = other.count;
    min = other.min;
    max = other.max;
    sum = other.sum;
    squares = other.squares;
    first = other.first;
    last = other.last;
    first_ns = other.first_ns;
    last_ns = other.last_ns;
    mean_t = other.mean_t;
    squares_t = other.squares_t;
    products = other.products;
    return;
  }
  const double own_count = static_cast<double>(count);
  const double other_count = static_cast<double>(other.count);
  const double all = own_count + other_count;
  const double weight = own_count * other_count / all;
  const double distance = other.sum / other_count - sum / own_count;
  const std::int64_t start_ns = std::min(first_ns, other.first_ns);
  const double own_t = hours_between(start_ns, first_ns) + mean_t;
  const double other_t = hours_between(start_ns, other.first_ns) + other.mean_t;
  const double distance_t = other_t - own_t;
  squares += other.squares + distance * distance * weight;
  squares_t += other.squares_t + distance_t * distance_t * weight;
  products += other.products + distance * distance_t * weight;
  mean_t = own_t + distance_t * (other_count / all);
  count += other.count;
  sum += other.sum;

  if (other.first_ns < first_ns || (other.first_ns == first_ns && other.first < first)) first = other.first;
  if (other.last_ns > last_ns || (other.last_ns == last_ns && other.last > last)) last = other.last;
  first_ns = start_ns;
  last_ns = std::max(last_ns, other.last_ns);
  min = std::min(min, other.min);
  max = std::max(max, other.max);
}

std::optional<double> SeriesSummary::mean() const {
  if (count == 0) return std::nullopt;
  return if_finite(sum / static_cast<double>(count));
}

std::optional<double> SeriesSummary::standard_deviation() const {
  if (count == 0) return std::nullopt;
  return if_finite(std::sqrt(squares / static_cast<double>(count)));
}

std::optional<double> SeriesSummary::trend_per_hour() const {
  if (count == 0 || first_ns == last_ns || !(squares_t > 0)) return std::nullopt;
  return if_finite(products / squares_t);
}

std::optional<double> SeriesSummary::quantile(double q) const {
  if (count == 0) return std::nullopt;
  const std::uint64_t rank = quantile_rank(q, count);
  if (rank == 1) return min;
  if (rank == count) return max;
  return std::clamp(sketch.at_rank(rank), min, max);
}

SeriesSummary& summary_of(SeriesSummaries& summaries, const SeriesName& name) {
  const auto found = summaries.lower_bound(name);
  if (found != summaries.end() && SeriesName(found->first) == name) return found->second;
  return summaries.emplace_hint(found, SeriesKey(name), SeriesSummary{})->second;
}

std::int64_t floor_to(std::int64_t time_ns, std::int64_t step_ns) {
  std::int64_t rest = time_ns % step_ns;
  if (rest < 0) rest += step_ns;
  std::int64_t start = 0;
  if (__builtin_sub_overflow(time_ns, rest, &start)) return std::numeric_limits<std::int64_t>::min();
  return start;
}

std::int64_t ceil_to(std::int64_t time_ns, std::int64_t step_ns) {
  const std::int64_t start = floor_to(time_ns, step_ns);
  std::int64_t end = 0;
  if (start == time_ns) return start;
  if (__builtin_add_overflow(start, step_ns, &end)) return std::numeric_limits<std::int64_t>::max();
  return end;
}

}  // namespace vigile
