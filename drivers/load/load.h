// SPDX-License-Identifier: Apache-2.0
// Driver `load`: the load averages, how many tasks there are, and how long the machine is up.
// Sources: /proc/loadavg and /proc/uptime, proc_loadavg(5), proc_uptime(5); the processors that are online,
// /sys/devices/system/cpu/online, Documentation/admin-guide/cputopology.rst.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kLoadDriver;

struct LoadAverages {
  double one = 0;  // over 1, 5 and 15 minutes
  double five = 0;
  double fifteen = 0;
  std::uint64_t tasks_running = 0;
  std::uint64_t tasks_total = 0;
};

// Errors: parse, with `file` and text.
Result<LoadAverages> parse_loadavg(std::string_view text, std::string_view file);
// Seconds since boot. Errors: parse, with `file` and text.
Result<double> parse_uptime(std::string_view text, std::string_view file);
// How many processors "0-3,6" names; nothing when it is not such a list.
std::optional<std::uint64_t> count_cpu_list(std::string_view list);

}  // namespace vigile
