// SPDX-License-Identifier: Apache-2.0
#include "app/upkeep.h"

#include <algorithm>
#include <optional>

namespace vigile {

namespace {

using namespace std::chrono_literals;

constexpr auto kLookEvery = 5min;
// A full log that holds less than this may lose an hour before it was summarised.
constexpr auto kShortMemory = 2h;

}  // namespace

bool Upkeep::log_turns_over() const {
  const LogStatus log = log_.status();
  return log.oldest_ns && log.size_bytes > log.max_size_bytes / 5 * 4 &&
         to_ns(clock_.wall()) - *log.oldest_ns < std::chrono::nanoseconds(kShortMemory).count();
}

void Upkeep::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const BootTime now = clock_.boot();
    heartbeat_.busy(now);
    if (now >= look_at_) {
      if (log_turns_over()) keeper_.hurry();
      look_at_ = now + kLookEvery;
    }
    BootTime next = std::min(keeper_.step(now), look_at_);
    if (const auto due = directory_.tick()) next = std::min(next, *due);
    heartbeat_.idle(next);
    directory_.wakeup().wait_until(clock_, next, stop);
  }
}

}  // namespace vigile
