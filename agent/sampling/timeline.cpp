// SPDX-License-Identifier: Apache-2.0
#include "sampling/timeline.h"

#include <cstdlib>

#include "core/logging.h"
#include "core/units.h"

namespace vigile {

namespace {

constexpr std::int64_t kTolerance = 1'000'000;        // 1 ms: stamps stay well within 10 ms
constexpr std::int64_t kWorthSaying = 1'000'000'000;  // a step of a second

}  // namespace

Timeline::Timeline(const Clock& clock) : clock_(clock) {}

Timeline::Mapping Timeline::now() {
  // Read the two clocks back to back; what lies between is far below the tolerance.
  const std::int64_t boot_ns = to_ns(clock_.boot());
  const std::int64_t offset_ns = to_ns(clock_.wall()) - boot_ns;
  const MutexLock lock(mutex_);
  if (mapping_.clock == ClockState::unset) {
    // Once set, a clock stays believed: a later loss of synchronisation does not make it 1970 again.
    if (!clock_.wall_is_set()) return mapping_;
    mapping_ = Mapping{ClockState::set, offset_ns};
    return mapping_;
  }
  const std::int64_t moved = offset_ns - mapping_.offset_ns;
  if (std::llabs(moved) > kTolerance) {
    if (std::llabs(moved) >= kWorthSaying) {
      log::notice("clock: stepped " + std::string(moved > 0 ? "forward" : "back") + " by " +
                  format_duration(std::chrono::milliseconds(std::llabs(moved) / 1'000'000)));
    }
    mapping_.offset_ns = offset_ns;
  }
  return mapping_;
}

}  // namespace vigile
