// SPDX-License-Identifier: Apache-2.0
// Lines of many readings made into lines of few: one a series and window of time (store.overflow: thin). What
// comes out is written as point/thinned_fields.h says.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace vigile {

struct ThinnedLines {
  std::string lines;  // in the order in which their series and windows began
  std::uint64_t points = 0;
  std::int64_t first_ns = 0;  // smallest and largest time inside
  std::int64_t last_ns = 0;
  std::uint64_t taken = 0;  // lines that others now stand for
  std::uint64_t made = 0;   // and how many those are
};

// - Numbers: mean, least, largest, count. A mean keeps its field's type: a server refuses a field that
//   changes it, so that of integers is rounded. Strings and booleans: the last.
// - A line stands one nanosecond behind the first reading it was made of: no reading has that time, so what a
//   server had got of them unacknowledged is not overwritten.
// - Thinned lines are thinned again by their counts.
// - As they were stay: a reading alone in its window, status changes, the agent's gaps, lines without a time
//   or not readable, and one whose field is of another type than before.
// - A field f beside own fields f_min, f_max or f_count gets its mean alone.
// Memory: what comes out. One thread.
class LineThinner {
 public:
  explicit LineThinner(std::chrono::nanoseconds window);
  ~LineThinner();
  void add(std::string_view lines);
  ThinnedLines finish();  // once

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace vigile
