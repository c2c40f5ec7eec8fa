// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/clock.h"

namespace vigile {

// What this process uses, from the kernel's own counts.
struct SelfUsage {
  std::uint64_t write_bytes = 0;          // /proc/self/io, write_bytes: caused to be written to storage
  std::uint64_t resident_bytes = 0;       // /proc/self/status, VmRSS
  std::uint64_t private_dirty_bytes = 0;  // /proc/self/smaps_rollup, Private_Dirty
  double cpu_seconds = 0;                 // getrusage(2), user and system
};

// Fields that the kernel does not offer stay zero.
SelfUsage read_self_usage(const std::filesystem::path& proc_root = "/proc");

// Of those, write_bytes alone.
std::uint64_t read_write_bytes(const std::filesystem::path& proc_root = "/proc");

// Bytes written to storage since midnight UTC (or since start, on the first day). Used under a lock.
class FlashMeter {
 public:
  // To be called at least once around each midnight.
  void update(WallTime now, std::uint64_t write_bytes);
  std::uint64_t today() const { return total_ - day_start_; }
  std::uint64_t total() const { return total_; }

 private:
  std::int64_t day_ = 0;
  std::uint64_t day_start_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace vigile
