// SPDX-License-Identifier: Apache-2.0
// Driver `agent`: Vigile's own figures, those of the daemon (points, log, sinks, drivers) and those that the
// kernel keeps of its process.
// Source: proc_pid_stat(5), proc_pid_status(5), proc_pid_io(5);
// Documentation/ABI/testing/procfs-smaps_rollup.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kAgentDriver;

struct ProcessTimes {
  std::uint64_t cpu_ticks = 0;  // user and system, in USER_HZ
  std::uint64_t threads = 0;
};

// /proc/self/stat: one line, with the command in parentheses that may hold anything. Errors: parse.
Result<ProcessTimes> parse_process_stat(std::string_view text, std::string_view file);

// The number behind "<key>:" in a file of "key: number [kB]" lines (status, io, smaps_rollup); in bytes when
// the line says kB. Nothing when the file has no such line or it is no number.
std::optional<std::uint64_t> keyed_number(std::string_view text, std::string_view key);

}  // namespace vigile
