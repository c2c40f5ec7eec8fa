// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <stop_token>

#include "core/clock.h"
#include "core/mutex.h"

namespace vigile {

// What a loop's thread sleeps on between its steps: a deadline, a stop, or somebody's notify(). A notify
// that comes while nobody waits is kept for the next wait.
class Wakeup {
 public:
  void notify() EXCLUDES(mutex_);
  // Returns when notified, when stop is requested, or at `until` (never, when absent) by `clock`.
  void wait_until(const Clock& clock, std::optional<BootTime> until, std::stop_token stop) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  CondVar condition_;
  bool notified_ GUARDED_BY(mutex_) = false;
};

}  // namespace vigile
