// SPDX-License-Identifier: Apache-2.0
// std::mutex and std::condition_variable with clang's thread-safety annotations, so that "guarded by
// mutex_" is checked by the compiler (clang -Wthread-safety) and not only said.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define VIGILE_ANNOTATE(x) __attribute__((x))
#else
#define VIGILE_ANNOTATE(x)
#endif
#define GUARDED_BY(x) VIGILE_ANNOTATE(guarded_by(x))
#define REQUIRES(...) VIGILE_ANNOTATE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) VIGILE_ANNOTATE(locks_excluded(__VA_ARGS__))

namespace vigile {

class VIGILE_ANNOTATE(capability("mutex")) Mutex {
 public:
  void lock() VIGILE_ANNOTATE(acquire_capability()) { mutex_.lock(); }
  void unlock() VIGILE_ANNOTATE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class VIGILE_ANNOTATE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) VIGILE_ANNOTATE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() VIGILE_ANNOTATE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits with `mutex` held; it is held again on return. Spurious wake-ups happen: wait in a loop.
class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) { condition_.wait(mutex); }
  // False when the time is up.
  bool wait_for(Mutex& mutex, std::chrono::nanoseconds limit) REQUIRES(mutex) {
    return condition_.wait_for(mutex, limit) == std::cv_status::no_timeout;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace vigile
