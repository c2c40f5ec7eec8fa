// SPDX-License-Identifier: Apache-2.0
#include "app/thread_group.h"

#include <utility>

namespace vigile {

void ThreadGroup::start(std::function<void(std::stop_token)> body) {
  const MutexLock lock(mutex_);
  if (stop_.stop_requested()) return;
  ++running_;
  threads_.emplace_back([this, body = std::move(body)] {
    body(stop_.get_token());
    const MutexLock ending(mutex_);
    --running_;
    ended_.notify_all();
  });
}

bool ThreadGroup::join_within(std::chrono::nanoseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  std::vector<std::jthread> ended;
  {
    const MutexLock lock(mutex_);
    while (running_ > 0) {
      const auto left = end - std::chrono::steady_clock::now();
      if (left <= std::chrono::nanoseconds(0)) return false;
      ended_.wait_for(mutex_, left);
    }
    ended.swap(threads_);
  }
  return true;  // joins
}

}  // namespace vigile
