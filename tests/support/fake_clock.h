// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string>

#include "core/clock.h"

namespace vigile {

// A clock that moves only when told to. Starts at 2026-11-01T00:00:00Z, 100 s after boot. Any thread.
class FakeClock final : public Clock {
 public:
  WallTime wall() const override { return wall_from_ns(wall_ns_.load()); }
  BootTime boot() const override { return boot_from_ns(boot_ns_.load()); }
  bool wall_is_set() const override { return set_.load(); }
  std::string boot_id() const override { return boot_id_; }

  void advance(std::chrono::nanoseconds by) {
    wall_ns_ += by.count();
    boot_ns_ += by.count();
  }
  void advance_to(BootTime time) {
    if (time > boot()) advance(time - boot());
  }
  void step_wall(std::chrono::nanoseconds by) { wall_ns_ += by.count(); }
  void set_wall_is_set(bool set) { set_ = set; }
  void reboot(std::string boot_id) {
    boot_id_ = std::move(boot_id);
    boot_ns_ = 0;
  }

 private:
  std::atomic<std::int64_t> wall_ns_{1793491200'000000000};
  std::atomic<std::int64_t> boot_ns_{100'000000000};
  std::atomic<bool> set_{true};
  std::string boot_id_ = "boot-a";
};

}  // namespace vigile
