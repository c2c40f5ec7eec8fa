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

void RawFold::add(std::int64_t window_start_ns, const Reading& reading) {
  Window& window = windows_[window_start_ns];
  const SeriesName name{reading.equipment_id, reading.metric, reading.tags};
  auto found = window.lower_bound(name);
  if (found == window.end() || SeriesName(found->first) != name) {
    found = window.emplace_hint(found, SeriesKey(name), Series{});
    ++size_;
  }
  Series& series = found->second;
  if (!keep_) return series.summary.add_moments(reading.time_ns, reading.value);
  if (sketched_) return series.summary.add(reading.time_ns, reading.value);
  series.summary.add_moments(reading.time_ns, reading.value);
  series.values.push_back(reading.value);
  if (++values_ > most_values_) give_up_values();
}

void RawFold::give_up_values() {
  sketched_ = true;
  for (auto& [start_ns, window] : windows_) {
    for (auto& [key, series] : window) {
      for (const double value : series.values) series.summary.sketch.add(value);
      series.values = {};
    }
  }
}

}  // namespace vigile
