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

// How many points a database held. Not exact when only a part of what says so can be read.
struct Held {
  std::uint64_t points = 0;
  std::uint64_t gone_points = 0;  // held once, and removed
  std::uint64_t last_seq = kUnknownSeq;
  bool is_exact = false;
};
Held held_in(Db& db);

// Counts the points of rows that should be there and are not, by the running totals of those round the holes.
// Where numbers follow one another nothing is lost, whatever totals say.
class LossCount {
 public:
  LossCount(Db& db, const Held& held) : db_(db), held_(held) {}
  void found(std::uint64_t seq, std::uint64_t points, std::uint64_t total_points);
  // After the last row that reads.
  void end();
  std::uint64_t points() const { return points_; }
  bool is_exact() const { return is_exact_; }

 private:
  void add(std::uint64_t from_total, std::uint64_t to_total);
  Db& db_;
  const Held held_;
  std::uint64_t last_seq_ = 0;
  std::optional<std::uint64_t> last_total_;
  std::uint64_t points_ = 0;
  bool is_exact_ = true;
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
