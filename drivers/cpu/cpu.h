// SPDX-License-Identifier: Apache-2.0
// Driver `cpu`: how the processors spent the time since the last run, from the counters of /proc/stat.
// Source: proc_stat(5); Documentation/filesystems/proc.rst, "Miscellaneous kernel statistics in /proc/stat".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kCpuDriver;

// The columns of a cpu line, in the kernel's order. `guest` and `guest_nice`, which follow, are already part
// of user and nice.
enum class CpuState : std::size_t { user, nice, system, idle, iowait, irq, softirq, steal };
inline constexpr std::size_t kCpuStates = 8;

// Ticks (USER_HZ) since boot. Columns that an old kernel does not have are 0.
using CpuTimes = std::array<std::uint64_t, kCpuStates>;

struct CoreTimes {
  std::uint32_t core = 0;
  CpuTimes times{};
};

struct ProcStat {
  std::optional<CpuTimes> total;
  std::vector<CoreTimes> cores;  // those online, in the order of the file
  std::optional<std::uint64_t> interrupts;
  std::optional<std::uint64_t> context_switches;
  std::optional<std::uint64_t> forks;
  std::optional<std::uint64_t> running;
  std::optional<std::uint64_t> blocked;
};

// Replaces `out` by what /proc/stat says; `cores` only when `per_core`. Lines it does not know are passed
// over. What stands before an error is kept. Errors: parse, with `file`, line and text.
Result<void> parse_proc_stat(std::string_view text, std::string_view file, bool per_core, ProcStat& out);

// Percent of the interval spent in each state, and neither idle nor waiting for I/O.
struct CpuShares {
  std::array<double, kCpuStates> states{};
  double usage = 0;
};

// Nothing when no time passed or a counter went back: the processor was taken away and given back, and its
// counters say nothing of this interval. idle, iowait and steal are known to slip back a little; that counts
// as no time spent there.
std::optional<CpuShares> cpu_shares(const CpuTimes& before, const CpuTimes& now);

}  // namespace vigile
