// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace vigile {

// The clock of a program that a test runs, moved while it runs. The kernel's own is the true time: what it
// says of synchronisation, in a container or not, does not matter.
class PreloadedClock {
 public:
  static constexpr const char* kVariable = "VIGILE_TEST_CLOCK";
  static constexpr const char* kBootIdVariable = "VIGILE_TEST_BOOT_ID";
  // Read by the preloaded library.
  struct Shared {
    std::atomic<std::int64_t> wall_error_ns;
    std::atomic<std::int64_t> booted_ns;  // on the kernel's CLOCK_BOOTTIME
    std::atomic<bool> is_synchronised;
  };

  PreloadedClock();
  ~PreloadedClock();
  PreloadedClock(const PreloadedClock&) = delete;
  PreloadedClock& operator=(const PreloadedClock&) = delete;

  // For a program that is started from now on.
  std::vector<std::string> environment() const;

  // A new boot: with the true time, or at 1970 and not synchronised. No program may run.
  void boot(bool has_clock);
  // How far the wall clock is from the true time.
  void set_error(std::chrono::nanoseconds error) { shared_->wall_error_ns = error.count(); }
  void set_synchronised(bool is) { shared_->is_synchronised = is; }

  static std::int64_t true_ns();

 private:
  TempDir dir_;
  Shared* shared_ = nullptr;
  int boots_ = 0;
};

}  // namespace vigile
