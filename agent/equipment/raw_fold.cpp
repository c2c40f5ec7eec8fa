// SPDX-License-Identifier: Apache-2.0
#include "equipment/raw_fold.h"

#include <algorithm>

namespace vigile {

std::optional<double> RawFold::Series::quantile(double q) {
  if (values.empty()) return summary.quantile(q);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(quantile_rank(q, values.size()) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

RawFold::RawFold(bool keep_values, std::size_t most_values)
    : most_values_(std::min<std::uint64_t>(most_values, QuestionMemory::limit_bytes() / 2 / sizeof(double))),
      keep_(keep_values) {}

bool RawFold::add(std::int64_t window_start_ns, const Reading& reading) {
  Window& window = windows_[window_start_ns];
  const SeriesName name{reading.equipment_id, reading.metric, reading.tags};
  auto found = window.lower_bound(name);
  if (found == window.end() || SeriesName(found->first) != name) {
    found = window.emplace_hint(found, SeriesKey(name), Series{});
    ++size_;
    held_.hold(sizeof(Window::value_type) + kNodeBytes + found->first.memory_bytes());
  }
  Series& series = found->second;
  if (!keep_) {
    series.summary.add_moments(reading.time_ns, reading.value);
  } else {
    add_value(series, reading);
  }
  return !QuestionMemory::is_exceeded();
}

void RawFold::add_value(Series& series, const Reading& reading) {
  if (sketched_) {
    const std::size_t before = series.summary.memory_bytes();
    series.summary.add(reading.time_ns, reading.value);
    held_.hold(series.summary.memory_bytes() - before);
    return;
  }
  series.summary.add_moments(reading.time_ns, reading.value);
  const std::size_t capacity = series.values.capacity();
  series.values.push_back(reading.value);
  if (series.values.capacity() != capacity)
    held_.hold((series.values.capacity() - capacity) * sizeof(double) + (capacity == 0 ? kNodeBytes : 0));
  if (++values_ > most_values_) give_up_values();
}

void RawFold::give_up_values() {
  sketched_ = true;
  for (auto& [start_ns, window] : windows_) {
    for (auto& [key, series] : window) {
      for (const double value : series.values) series.summary.sketch.add(value);
      held_.hold(series.summary.sketch.memory_bytes());
      series.values = {};
    }
  }
}

}  // namespace vigile
