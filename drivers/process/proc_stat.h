// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile::process {

struct ProcStat {
  std::string name;  // at most 15 bytes, as the kernel keeps it
  char state = '?';
  std::uint64_t cpu_ticks = 0;  // user and system
  std::uint64_t threads = 0;
  std::uint64_t start_ticks = 0;  // since boot
  std::uint64_t resident_pages = 0;
};

// /proc/<pid>/stat. Errors: parse.
Result<ProcStat> parse_proc_stat(std::string_view text, std::string_view file);

}  // namespace vigile::process
