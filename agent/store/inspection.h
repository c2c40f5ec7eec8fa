// SPDX-License-Identifier: Apache-2.0
// Looking at a log without changing it: is it sound, and if not, what of it reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"

namespace vigile {

class StoreFiles;

struct StoreInspection {
  std::int64_t schema = 0;
  std::uint64_t segments = 0;  // that read, and their points and bytes
  std::uint64_t points = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t damaged_segments = 0;  // that are there and fail their check
  std::uint64_t lost_points = 0;
  bool lost_at_least = false;         // they are more, but the damage hides how many
  std::vector<std::string> problems;  // what is wrong and where; at most kMostProblems
  std::uint64_t more_problems = 0;    // that were not listed

  static constexpr std::size_t kMostProblems = 20;
  bool is_sound() const { return problems.empty(); }
  void add_problem(std::string problem);
};

// Reads all of it: every segment and summary against its checksum, the counters against what is there,
// SQLite's own structures, as database_image.h says it is. A vigiled cannot open it meanwhile. Errors:
// not_found; unavailable, naming the pid that holds it; permission; io. Damage is no error.
Result<StoreInspection> inspect_store(const std::filesystem::path& database);

// A log that this process has open and goes on using, up to segment `last_seq`: every segment and summary
// against its checksum, and what SQLite says of the small tables.
Result<StoreInspection> inspect_open_store(const std::filesystem::path& database, StoreFiles& files,
                                           std::uint64_t last_seq);

}  // namespace vigile
