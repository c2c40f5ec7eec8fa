// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/mutex.h"

namespace vigile {

// Threads that are asked to stop together and joined within a bound. Any thread may start one.
class ThreadGroup {
 public:
  ThreadGroup() = default;
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;
  ~ThreadGroup() { request_stop(); }  // and joins, however long that takes

  // Does nothing once stop was requested.
  void start(std::function<void(std::stop_token)> body) EXCLUDES(mutex_);
  void request_stop() { stop_.request_stop(); }
  // Joins all; false when some have not ended within `limit`: those are left running.
  bool join_within(std::chrono::nanoseconds limit) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  CondVar ended_;
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  std::stop_source stop_;
  std::vector<std::jthread> threads_ GUARDED_BY(mutex_);  // last: joined before the rest goes
};

}  // namespace vigile
