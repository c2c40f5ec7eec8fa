// SPDX-License-Identifier: Apache-2.0
// Driver `memory`: how much of the memory and the swap is in use, from /proc/meminfo.
// Source: proc_meminfo(5); Documentation/filesystems/proc.rst, "meminfo".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kMemoryDriver;

// Bytes. What the kernel does not tell is absent.
struct MemInfo {
  std::optional<std::uint64_t> total = {};
  std::optional<std::uint64_t> free = {};
  std::optional<std::uint64_t> available = {};  // since Linux 3.14
  std::optional<std::uint64_t> buffers = {};
  std::optional<std::uint64_t> cached = {};
  std::optional<std::uint64_t> reclaimable_slab = {};  // SReclaimable
  std::optional<std::uint64_t> shared = {};            // Shmem
  std::optional<std::uint64_t> swap_total = {};
  std::optional<std::uint64_t> swap_free = {};
};

// Keys it does not know are passed over. Errors: parse, with `file`, line and text; also when MemTotal is
// missing or 0. `out` then holds what stood before.
Result<void> parse_meminfo(std::string_view text, std::string_view file, MemInfo& out);

// What new work could get without swapping: MemAvailable, or on kernels without it
// free + buffers + cached + reclaimable slab - shared. At most the total. Nothing when free is unknown too.
std::optional<std::uint64_t> available_bytes(const MemInfo& info);

}  // namespace vigile
