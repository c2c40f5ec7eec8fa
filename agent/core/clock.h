// SPDX-License-Identifier: Apache-2.0
// Time is injected: everything that asks the time holds a Clock, so that a test can be the clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vigile {

using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

// CLOCK_BOOTTIME: counts from boot, runs on while the device is suspended, is never set. Deadlines,
// intervals and ages are measured on it, never on the wall clock. The type is a tag; Clock reads it.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};
using BootTime = BootClock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual BootTime boot() const = 0;
  // False while the wall clock cannot be believed: see SystemClock.
  virtual bool wall_is_set() const = 0;
  // A string that changes with each boot (/proc/sys/kernel/random/boot_id).
  virtual std::string boot_id() const = 0;
};

// The kernel's clocks. Safe in any thread. The wall clock counts as set when its year is not before the
// build's and, if `require_sync`, the kernel says that it is synchronised (adjtimex(2): not TIME_ERROR).
// Without `require_sync` a machine that has a battery clock and no NTP is believed.
class SystemClock final : public Clock {
 public:
  explicit SystemClock(bool require_sync = false) : require_sync_(require_sync) {}
  WallTime wall() const override;
  BootTime boot() const override;
  bool wall_is_set() const override;
  std::string boot_id() const override;

 private:
  const bool require_sync_;
};

inline std::int64_t to_ns(WallTime time) {
  return time.time_since_epoch().count();
}
inline std::int64_t to_ns(BootTime time) {
  return time.time_since_epoch().count();
}
inline WallTime wall_from_ns(std::int64_t ns) {
  return WallTime(std::chrono::nanoseconds(ns));
}
inline BootTime boot_from_ns(std::int64_t ns) {
  return BootTime(std::chrono::nanoseconds(ns));
}

// "2026-11-24T07:53:47.123Z": UTC, milliseconds.
std::string to_iso8601(WallTime time);

}  // namespace vigile
