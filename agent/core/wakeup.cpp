// SPDX-License-Identifier: Apache-2.0
#include "core/wakeup.h"

namespace vigile {

void Wakeup::notify() {
  {
    const MutexLock lock(mutex_);
    notified_ = true;
  }
  condition_.notify_all();
}

void Wakeup::wait_until(const Clock& clock, std::optional<BootTime> until, std::stop_token stop) {
  const std::stop_callback on_stop(stop, [this] { notify(); });
  const MutexLock lock(mutex_);
  while (!notified_ && !stop.stop_requested()) {
    if (!until) {
      condition_.wait(mutex_);
      continue;
    }
    const BootTime now = clock.boot();
    if (now >= *until) break;
    condition_.wait_for(mutex_, *until - now);
  }
  notified_ = false;
}

}  // namespace vigile
