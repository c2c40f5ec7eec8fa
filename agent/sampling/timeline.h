// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/clock.h"
#include "core/logging.h"
#include "core/mutex.h"
#include "store/segment.h"

namespace vigile {

// The one mapping from CLOCK_BOOTTIME to wall time by which every point is stamped (DESIGN §6). It is
// anchored again when the wall clock was stepped or has drifted from it by more than a millisecond. While
// the wall clock is unset, stamps count from boot. Once it was set, the mapping stays: a clock that is not
// believed any more (synchronisation lost, 1970 again) is not followed. Any thread.
class Timeline {
 public:
  explicit Timeline(const Clock& clock);

  struct Mapping {
    ClockState clock = ClockState::unset;
    std::int64_t offset_ns = 0;  // stamp = boot time + offset; 0 while unset
    std::int64_t stamp(BootTime time) const { return to_ns(time) + offset_ns; }
  };

  // The mapping as it is now, anchored again if it must be. Points of one run share one.
  Mapping now() EXCLUDES(mutex_);

 private:
  const Clock& clock_;
  Mutex mutex_;
  Mapping mapping_ GUARDED_BY(mutex_);
  log::Repeated doubt_ GUARDED_BY(mutex_){"clock"};
};

}  // namespace vigile
