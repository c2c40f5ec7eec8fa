// SPDX-License-Identifier: Apache-2.0
// Reading a database that may be damaged, private to the store: past what does not read, and with what it
// says of itself. A failing read is tried once more, since a medium may only stumble.
#pragma once

#include <cstdint>
#include <optional>

#include "core/result.h"
#include "store/sqlite_db.h"

namespace vigile {

// A number that is not known. Larger than any we give.
inline constexpr std::uint64_t kUnknownSeq = INT64_MAX;

Result<bool> step_twice(Statement& statement);

// What a database held before it was damaged.
struct Held {
  std::uint64_t segments = 0;
  std::uint64_t points = 0;
  std::uint64_t gone_points = 0;  // held once, and removed
  std::uint64_t last_seq = kUnknownSeq;
  bool is_exact = false;  // what says so is whole
};
Held held_in(Db& db);

struct Loss {
  std::uint64_t segments = 0;
  std::uint64_t points = 0;
  bool is_at_least = false;  // there is more, but nothing says how much
};

// Counts what was held and is not found.
class LossCount {
 public:
  LossCount(Db& db, const Held& held) : db_(db), held_(held) {}
  // A row that reads, in order of number; its points counted in its lines.
  void found(std::uint64_t seq, std::uint64_t points, std::uint64_t total_points);
  // One that is there and does not.
  void failed() { ++failed_; }
  // After the last row. `is_stale`: as of the image that was read.
  Loss end(bool is_stale) const;

 private:
  Db& db_;
  const Held held_;
  std::uint64_t segments_ = 0;
  std::uint64_t points_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t last_seq_ = 0;
  std::uint64_t first_total_ = 0;  // before the first of them
  std::uint64_t last_total_ = 0;   // with the last of them
};

// The rows of `segments` by number, those that read.
class SegmentWalk {
 public:
  // Through number `last`. Absent when there is no such table.
  static std::optional<SegmentWalk> over(Db& db, std::uint64_t last);
  // Columns as in kSegmentColumns, then `thinned` and `total_points`; valid until the next call, null at the
  // end.
  Statement* next();
  bool met_damage() const { return met_damage_; }

 private:
  SegmentWalk(Statement row, std::uint64_t last) : row_(std::move(row)), last_(last) {}
  Statement row_;
  std::uint64_t last_;
  std::uint64_t seq_ = 1;
  std::uint64_t skip_ = 1;
  bool met_damage_ = false;
};

}  // namespace vigile
