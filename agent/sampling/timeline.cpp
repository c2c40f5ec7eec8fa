// SPDX-License-Identifier: Apache-2.0
#include "sampling/timeline.h"

#include <cstdlib>

#include "core/logging.h"
#include "core/units.h"

namespace vigile {

namespace {

constexpr std::int64_t kTolerance = 1'000'000;        // 1 ms: stamps stay well within 10 ms
constexpr std::int64_t kWorthSaying = 1'000'000'000;  // a step of a second

// What to add to boot time. The clocks are read one after the other, and a thread may lose its processor in
// between; then it asks again.
std::int64_t measure_offset(const Clock& clock) {
  constexpr int kTries = 10;
  std::int64_t offset_ns = 0;
  std::int64_t least = INT64_MAX;
  for (int i = 0; i < kTries && least > kTolerance / 10; ++i) {
    const std::int64_t before = to_ns(clock.boot());
    const std::int64_t wall = to_ns(clock.wall());
    const std::int64_t took = to_ns(clock.boot()) - before;
    if (took >= least) continue;
    least = took;
    offset_ns = wall - (before + took / 2);
  }
  return offset_ns;
}

}  // namespace

Timeline::Timeline(const Clock& clock) : clock_(clock) {}

Timeline::Mapping Timeline::now() {
  // wall_is_set() is called before and after the clock is read: a clock that is set in between may have been
  // read while it still showed 1970. One thread at a time measures, so that an offset from before a step does
  // not replace one from after it.
  const MutexLock lock(mutex_);
  const bool was_set = clock_.wall_is_set();
  const std::int64_t offset_ns = measure_offset(clock_);
  const bool is_set = was_set && clock_.wall_is_set();
  if (mapping_.clock == ClockState::unset) {
    if (!is_set) return mapping_;
    mapping_ = Mapping{ClockState::set, offset_ns};
    return mapping_;
  }
  const std::int64_t moved = offset_ns - mapping_.offset_ns;
  const bool has_moved = std::llabs(moved) > kTolerance;
  if (has_moved && !is_set) {
    doubt_.failed("it was set and cannot be believed any more: times go on from what it was");
    return mapping_;
  }
  doubt_.succeeded();
  if (!has_moved) return mapping_;
  if (std::llabs(moved) >= kWorthSaying) {
    log::notice("clock: stepped " + std::string(moved > 0 ? "forward" : "back") + " by " +
                format_duration(std::chrono::milliseconds(std::llabs(moved) / 1'000'000)));
  }
  mapping_.offset_ns = offset_ns;
  return mapping_;
}

}  // namespace vigile
