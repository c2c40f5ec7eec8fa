// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <optional>

#include "core/clock.h"

namespace vigile {

// Tells whether a loop makes progress: it is busy with a step, or it said until when it sleeps. Written by
// the loop's thread, read by any.
class Heartbeat {
 public:
  void busy(BootTime now) {
    since_ns_ = to_ns(now);
    wake_ns_ = 0;
  }
  void idle(std::optional<BootTime> until) {
    wake_ns_ = until ? to_ns(*until) : kNever;
    since_ns_ = 0;
  }
  // How long the step has been going on, or how long ago it should have woken up; zero when all is well.
  std::chrono::nanoseconds overdue(BootTime now) const {
    const std::int64_t since = since_ns_;
    const std::int64_t from = since != 0 ? since : wake_ns_.load();
    const std::int64_t age = from == 0 ? 0 : to_ns(now) - from;
    return std::chrono::nanoseconds(age > 0 ? age : 0);
  }

 private:
  static constexpr std::int64_t kNever = INT64_MAX;
  std::atomic<std::int64_t> since_ns_ = 0;
  std::atomic<std::int64_t> wake_ns_ = kNever;
};

}  // namespace vigile
