// SPDX-License-Identifier: Apache-2.0
// Reading a database that may be damaged, private to the store: past what does not read, and with what it
// says of itself. A failing read is tried once more, since a medium may only stumble.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/result.h"
#include "store/database_image.h"
#include "store/seq_ranges.h"
#include "store/sqlite_db.h"

namespace vigile {

// A number that is not known. Larger than any we give.
inline constexpr std::uint64_t kUnknownSeq = INT64_MAX;

Result<bool> step_twice(Statement& statement);

// The first of `at`, `at + step`, ... from which it reads: looked for in ever larger strides, the last of
// them then halved, so that nothing that reads is passed over where all behind the damage does. Absent when
// there is none near.
std::optional<std::int64_t> first_that_reads(std::int64_t at, std::int64_t step,
                                             const std::function<bool(std::int64_t)>& reads);

// What a database held before it was damaged.
struct Held {
  std::uint64_t segments = 0;
  std::uint64_t points = 0;
  std::uint64_t gone_points = 0;  // held once, and removed
  std::uint64_t last_seq = kUnknownSeq;
  bool is_exact = false;    // what says so is whole
  bool is_current = false;  // it is not from the files, which may lack what was written last
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
  // A row that reads, in order of number but for those out of their place; its points counted in its lines.
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

// The rows of `segments` that read, as they stand in the table: by number, but for those that a damaged page
// led astray. A search for their number would not find those.
class SegmentWalk {
 public:
  // Of a damaged database, through the last number it held; when not all are found, those in leaves that
  // nothing leads to come last. Absent when there is no such table. `db` is of the image.
  static std::optional<SegmentWalk> over(DatabaseImage& image, Db& db, const Held& held);
  // Of one in use, through number `last`. After each row the next is looked for anew, so that a checkpoint
  // need not wait; what is out of its place is not found then.
  static std::optional<SegmentWalk> over(Db& db, std::uint64_t last);
  // Columns as in kSegmentColumns, then `thinned` and `total_points`; valid until the next call, null at the
  // end. One that is intact comes once.
  Statement* next();
  bool is_intact() const { return is_intact_; }
  bool met_damage() const { return met_damage_; }

 private:
  SegmentWalk(Db& db, Statement row, std::uint64_t last);
  Result<bool> read_from(std::int64_t seq);
  bool pass_damage();
  bool go_to_leaves();

  Db* db_;
  Db leaves_;
  bool is_in_leaves_ = false;
  Statement row_;
  std::uint64_t last_;
  DatabaseImage* image_ = nullptr;  // with leaves to go to
  std::uint64_t wanted_ = 0;        // how many there are, if that is known
  bool is_one_by_one_ = false;
  bool is_reading_ = false;
  std::int64_t at_ = INT64_MIN;  // behind the newest intact row, or the damage
  std::int64_t passed_at_ = INT64_MIN;
  std::int64_t stride_ = 1;
  SeqRanges had_;
  std::uint64_t found_ = 0;
  std::uint64_t had_again_ = 0;  // since the last that was new
  bool is_intact_ = false;
  bool met_damage_ = false;
};

}  // namespace vigile
