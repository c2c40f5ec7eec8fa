// SPDX-License-Identifier: Apache-2.0
// Rows that are there and are not found. The number of a row has no check that SQLite knows: with one bit of
// it flipped the table is out of order, a search by number ends in the wrong place, and what it does not find
// looks as if it had been removed. So each read compares what it found with what was appended and not
// removed, and what is missing without a reason has the order of all rows looked at.
#include "store/log_database.h"
#include "store/segment_row.h"

namespace vigile {

std::optional<SeqRange> DatabaseLog::missing(const SeqRanges& found, SeqRange looked) const {
  const MutexLock lock(state_mutex_);
  std::uint64_t from = std::max(looked.first, state_.first_seq);
  while (const auto gap = found.first_gap(from, looked.last)) {
    if (const auto hole = state_.absent.first_gap(gap->first, gap->last)) return hole;
    from = gap->last + 1;
  }
  return std::nullopt;
}

Result<void> DatabaseLog::check_order(Db& db, std::optional<SeqRange> hole) {
  std::uint64_t last_seq = 0;
  std::uint64_t held = 0;
  {
    const MutexLock lock(state_mutex_);
    last_seq = state_.last_seq;
    held = state_.segments;
  }
  auto rows = db.prepare("SELECT seq FROM segments ORDER BY seq");  // as they stand: SQLite sorts nothing
  if (!rows) return rows.error();
  SeqRanges absent;
  std::uint64_t before = 0;
  std::uint64_t count = 0;
  for (;; ++count) {
    const auto row = rows->step();
    if (!row) return row.error();
    if (!*row) break;
    const std::uint64_t seq = as_count(rows->integer(0));
    if (seq <= before || seq > last_seq)
      return Error{ErrorKind::corrupt, path_.string() + ": its segments are out of order: number " +
                                           std::to_string(rows->integer(0)) + " stands after " +
                                           std::to_string(before)};
    absent.add({before + 1, seq - 1});
    before = seq;
  }
  rows->reset();
  absent.add({before + 1, last_seq});
  if (count != held) {
    return Error{ErrorKind::corrupt, path_.string() + ": of " + std::to_string(held) + " segments " +
                                         std::to_string(count) + " are found"};
  }
  // In order, and still not found: a page that leads to it is damaged.
  const auto present = hole ? absent.first_gap(hole->first, hole->last) : std::nullopt;
  if (present) {
    const auto found =
        db.integer("SELECT count(*) FROM segments WHERE seq = " + std::to_string(present->first));
    if (!found) return found.error();
    if (*found == 0) {
      return Error{ErrorKind::corrupt, path_.string() + ": segment " + std::to_string(present->first) +
                                           " is there, and a search does not find it"};
    }
  }
  const MutexLock lock(state_mutex_);
  state_.absent = std::move(absent);
  return {};
}

Result<void> DatabaseLog::find_all(Db& db, const SeqRanges& found, SeqRange looked) {
  const auto hole = missing(found, looked);
  return hole ? check_order(db, hole) : Result<void>();
}

}  // namespace vigile
