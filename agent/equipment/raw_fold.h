// SPDX-License-Identifier: Apache-2.0
// Raw readings folded per series and window with exact percentiles: all values are kept, up to kMostValues
// (8 MB), or half of what a question may hold; past that quantiles come from sketches, and exact() says so.
// One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "equipment/question_memory.h"
#include "equipment/readings.h"
#include "equipment/summary.h"

namespace vigile {

class RawFold {
 public:
  static constexpr std::size_t kMostValues = 1'000'000;

  struct Series {
    SeriesSummary summary;       // its sketch is empty while values are kept
    std::vector<double> values;  // a deque would take half a kilobyte for the first
    // May reorder `values`.
    std::optional<double> quantile(double q);
  };
  using Window = std::map<SeriesKey, Series, SeriesOrder>;

  explicit RawFold(bool keep_values, std::size_t most_values = kMostValues);

  // False: the question may hold no more (question_memory.h).
  bool add(std::int64_t window_start_ns, const Reading& reading);
  bool exact() const { return !sketched_; }
  std::map<std::int64_t, Window>& windows() { return windows_; }
  std::size_t size() const { return size_; }  // series, in all windows

 private:
  void add_value(Series& series, const Reading& reading);
  void give_up_values();

  const std::size_t most_values_;
  const bool keep_;
  bool sketched_ = false;
  std::size_t values_ = 0;
  std::size_t size_ = 0;
  std::map<std::int64_t, Window> windows_;
  HeldMemory held_;
};

}  // namespace vigile
