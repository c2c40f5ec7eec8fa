// SPDX-License-Identifier: Apache-2.0
// What leaves the log, and when: delivered history past `keep`; and when `max_size` is reached, delivered
// history first, then what `overflow` says.
//
// The file never grows past its share: SQLite reuses freed pages before it takes new ones, so it is enough
// that used pages plus what an append needs stay within max_size less what the WAL may take.
#include <algorithm>

#include "core/units.h"
#include "store/log_database.h"
#include "store/schema.h"
#include "store/segment_row.h"

namespace vigile {

namespace {

constexpr std::uint64_t kMostWalBytes = std::uint64_t{2} << 20;
constexpr std::uint64_t kSparePages = 16;  // trees that split, progress, dead letters
// Kept free of readings when new ones are to be dropped: status changes still go in.
constexpr std::uint64_t kReserve = std::uint64_t{32} << 10;
constexpr auto kUpkeepEvery = std::chrono::minutes(10);

// What rows take in the file, rounded up to pages.
std::uint64_t footprint(std::uint64_t payload_bytes, std::uint64_t rows) {
  return ((payload_bytes + rows * kRowBytes) / (kPageBytes - 4) + rows + 1 + kSparePages) * kPageBytes;
}

}  // namespace

std::uint64_t DatabaseLog::wal_budget() const {
  return std::min(kMostWalBytes, options_.max_size_bytes / 8);
}

std::uint64_t DatabaseLog::wal_bytes() const {
  return static_cast<std::uint64_t>(writer_.wal_pages) * kFrameBytes;
}

Result<std::uint64_t> DatabaseLog::used_bytes() {
  std::uint64_t pages[2] = {};
  Statement* const statements[2] = {&writer_.page_count, &writer_.free_pages};
  for (int i = 0; i < 2; ++i) {
    Run run(*statements[i]);
    const auto row = run->step();
    if (!row) return row.error();
    pages[i] = *row ? static_cast<std::uint64_t>(run->integer(0)) : 0;
  }
  if (pages[1] > pages[0]) {
    return Error{ErrorKind::corrupt, path_.string() + ": says that of its " + std::to_string(pages[0]) +
                                         " pages " + std::to_string(pages[1]) + " are free"};
  }
  return (pages[0] - pages[1]) * kPageBytes;
}

// Keeps the WAL, with the `coming_bytes` of the next transaction, within its budget. Readers are kept out for
// the moment: one that reads an old snapshot would leave it half done.
Result<void> DatabaseLog::checkpoint(std::uint64_t coming_bytes) {
  const std::uint64_t budget = wal_budget();
  if (wal_bytes() + coming_bytes <= budget) return {};
  const MutexLock read(read_mutex_);
  const MutexLock history(history_mutex_);
  // A transaction larger than what is left of the file must find it empty; else starting it anew will do.
  const bool large = coming_bytes > budget / 2;
  int in_wal = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(writer_.db.handle(), nullptr,
                                             large ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART,
                                             &in_wal, &copied);
  if (code != SQLITE_OK && code != SQLITE_BUSY) return sqlite_error(writer_.db.handle());
  if (code == SQLITE_OK) writer_.wal_pages = 0;
  return {};
}

SeqRanges DatabaseLog::delivered_to_all() const {
  const MutexLock lock(state_mutex_);
  SeqRanges delivered;
  if (state_.last_seq < state_.first_seq) return delivered;
  delivered.add({state_.first_seq, state_.last_seq});
  for (const auto& [name, sink] : state_.sinks) {
    if (sink.known) delivered = delivered.intersection(sink.acknowledged);
  }
  return delivered;
}

// All, when nothing makes summaries.
SeqRanges DatabaseLog::folded_of_delivered() const {
  const SeqRanges delivered = delivered_to_all();
  const MutexLock lock(state_mutex_);
  return state_.folded ? delivered.intersection(state_.folded->acknowledged) : delivered;
}

// The oldest rows of `within` that together free `goal_bytes` (0: no matter), or are older than asked for.
// Absent when there are none.
Result<std::optional<DatabaseLog::Removal>> DatabaseLog::plan_removal(
    SeqRange within, std::uint64_t goal_bytes, std::optional<std::int64_t> older_than_ns) {
  auto rows = writer_.db.prepare(
      "SELECT seq, points, first_ns, last_ns, length(payload), clock FROM segments "
      "WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT ?");
  if (!rows) return rows.error();
  rows->bind(1, as_int(within.first)).bind(2, as_int(within.last)).bind(3, kMostRemoved);
  const SeqRanges delivered = delivered_to_all();
  std::optional<SeqRanges> folded;
  {
    const MutexLock lock(state_mutex_);
    if (state_.folded) folded = state_.folded->acknowledged;
  }
  std::optional<Removal> plan;
  SeqRanges found;
  std::uint64_t freed = 0;
  while (goal_bytes == 0 || freed < goal_bytes) {
    const auto row = rows->step();
    if (!row) return row.error();
    if (!*row && found.ranges().empty()) {
      if (auto all = find_all(writer_.db, found, within); !all) return all.error();
    }
    if (!*row) break;
    const auto seq = static_cast<std::uint64_t>(rows->integer(0));
    found.add({seq, seq});
    if (older_than_ns && rows->integer(3) >= *older_than_ns) break;
    if (!plan) plan = Removal{.range = {seq, seq}};
    plan->range.last = seq;
    plan->points += static_cast<std::uint64_t>(rows->integer(1));
    plan->payload_bytes += static_cast<std::uint64_t>(rows->integer(4));
    ++plan->segments;
    if (static_cast<ClockState>(rows->integer(5)) != ClockState::unset)
      plan->known_to_ns = std::max(rows->integer(3), plan->known_to_ns.value_or(INT64_MIN));
    if (folded && !folded->contains(seq))
      plan->unsummarised_points += static_cast<std::uint64_t>(rows->integer(1));
    if (!delivered.contains(seq)) {
      plan->lost_from_ns =
          plan->lost_points == 0 ? rows->integer(2) : std::min(plan->lost_from_ns, rows->integer(2));
      plan->lost_to_ns =
          plan->lost_points == 0 ? rows->integer(3) : std::max(plan->lost_to_ns, rows->integer(3));
      plan->lost_points += static_cast<std::uint64_t>(rows->integer(1));
    }
    freed += static_cast<std::uint64_t>(rows->integer(4)) + kRowBytes;
  }
  return plan;
}

DatabaseLog::Dropped DatabaseLog::dropped_with(std::uint64_t points, std::int64_t from_ns,
                                               std::int64_t to_ns) const {
  const MutexLock lock(state_mutex_);
  return {state_.dropped_points + points, std::min(from_ns, state_.dropped_from_ns.value_or(from_ns)),
          std::max(to_ns, state_.dropped_to_ns.value_or(to_ns))};
}

Result<void> DatabaseLog::put_dropped(const Dropped& dropped) {
  if (auto put = put_meta(meta::kDroppedPoints, dropped.points); !put) return put;
  if (auto put = put_meta(meta::kDroppedFrom, static_cast<std::uint64_t>(dropped.from_ns)); !put) return put;
  return put_meta(meta::kDroppedTo, static_cast<std::uint64_t>(dropped.to_ns));
}

void DatabaseLog::report_dropping(std::string_view what) {
  dropped_since_upkeep_ = true;
  dropping_.failed(
      "max_size of " + format_size(options_.max_size_bytes) + " is reached: " + std::string(what),
      log::Level::error);
}

Result<void> DatabaseLog::drop_newest(const NewSegment& incoming) {
  report_dropping("new readings are dropped");
  const Dropped dropped = dropped_with(incoming.points, incoming.first_ns, incoming.last_ns);
  if (auto room = make_room_for_changes(incoming); !room) return room;
  // Together: a segment that is tried again would have its changes stored twice.
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  if (auto inserted = insert_changes(incoming); !inserted) return inserted;
  if (auto put = put_dropped(dropped); !put) return put;
  if (auto committed = transaction->commit(); !committed) return committed;
  const MutexLock lock(state_mutex_);
  state_.dropped_points = dropped.points;
  state_.dropped_from_ns = dropped.from_ns;
  state_.dropped_to_ns = dropped.to_ns;
  return {};
}

// Within a transaction: what of all that was appended is held.
Result<void> DatabaseLog::put_held(std::uint64_t points, std::uint64_t payload_bytes,
                                   std::uint64_t segments) {
  std::uint64_t last_seq = 0;
  std::uint64_t total_points = 0;
  {
    const MutexLock lock(state_mutex_);
    last_seq = state_.last_seq;
    total_points = state_.total_points;
  }
  for (const auto& [key, value] :
       {std::pair{meta::kLastSeq, last_seq}, std::pair{meta::kTotalPoints, total_points},
        std::pair{meta::kTotalBytes, total_bytes_}, std::pair{meta::kTotalSegments, total_segments_},
        std::pair{meta::kGonePoints, total_points - points},
        std::pair{meta::kGoneBytes, total_bytes_ - payload_bytes},
        std::pair{meta::kGoneSegments, total_segments_ - segments}}) {
    if (auto put = put_meta(key, value); !put) return put;
  }
  return {};
}

bool DatabaseLog::holds_segments() const {
  const MutexLock lock(state_mutex_);
  return state_.segments > 0;
}

// One transaction: the rows, and what is counted of them.
Result<void> DatabaseLog::remove_rows(const Removal& removal) {
  State next;
  std::vector<std::uint64_t> damaged;
  {
    const MutexLock lock(state_mutex_);
    for (auto seen = damaged_seen_.lower_bound(removal.range.first);
         seen != damaged_seen_.end() && seen->first <= removal.range.last; ++seen) {
      damaged.push_back(seen->first);
    }
    next.unsummarised_lost = state_.unsummarised_lost + removal.unsummarised_points;
    next.gone_to_ns = std::max(state_.gone_to_ns, removal.known_to_ns);
    next.points = state_.points - removal.points;
    next.payload_bytes = state_.payload_bytes - removal.payload_bytes;
    next.segments = state_.segments - removal.segments;
  }
  const Dropped dropped = dropped_with(removal.lost_points, removal.lost_from_ns, removal.lost_to_ns);
  SeqRange gone = removal.range;
  {
    const MutexLock read(read_mutex_);
    gone = with_absent_before(gone);
  }
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  {
    Run run(writer_.erase);
    run->bind(1, as_int(removal.range.first)).bind(2, as_int(removal.range.last));
    if (const auto done = run->step(); !done) return done.error();
    const auto erased = as_count(sqlite3_changes64(writer_.db.handle()));
    if (erased != removal.segments) {
      return Error{ErrorKind::corrupt, path_.string() + ": of " + std::to_string(removal.segments) +
                                           " segments to be removed " + std::to_string(erased) +
                                           " are found"};
    }
  }
  if (auto trimmed =
          writer_.db.exec("DELETE FROM trimmed WHERE seq BETWEEN " + std::to_string(removal.range.first) +
                          " AND " + std::to_string(removal.range.last));
      !trimmed) {
    return trimmed;
  }
  if (auto put = put_held(next.points, next.payload_bytes, next.segments); !put) return put;
  if (next.gone_to_ns) {
    if (auto put = put_meta(meta::kGoneTo, static_cast<std::uint64_t>(*next.gone_to_ns)); !put) return put;
  }
  if (removal.unsummarised_points > 0) {
    if (auto put = put_meta(meta::kUnsummarisedLost, next.unsummarised_lost); !put) return put;
  }
  if (removal.lost_points > 0) {
    if (auto put = put_dropped(dropped); !put) return put;
  }
  if (auto written = write_progress(); !written) return written;
  for (const std::uint64_t seq : damaged) {
    if (auto erased = writer_.db.exec("DELETE FROM meta WHERE key = '" + std::string(meta::kDamagedSegment) +
                                      std::to_string(seq) + "'");
        !erased) {
      return erased;
    }
  }
  if (auto committed = transaction->commit(); !committed) return committed;
  progress_written();

  const MutexLock lock(state_mutex_);
  for (const std::uint64_t seq : damaged) damaged_seen_.erase(seq);
  state_.absent.add(removal.range);
  state_.points = next.points;
  state_.payload_bytes = next.payload_bytes;
  state_.segments = next.segments;
  state_.gone_to_ns = next.gone_to_ns;
  state_.unsummarised_lost = next.unsummarised_lost;
  if (state_.folded) {
    state_.folded->acknowledged.add(gone);
    if (removal.unsummarised_points > 0 || removal.on_request) state_.folded->dirty = true;
  }
  if (gone.first <= state_.first_seq) state_.first_seq = removal.range.last + 1;
  if (removal.lost_points > 0) {
    state_.dropped_points = dropped.points;
    state_.dropped_from_ns = dropped.from_ns;
    state_.dropped_to_ns = dropped.to_ns;
  }
  if (removal.lost_points > 0 || removal.on_request) {
    // What is gone is nobody's backlog.
    for (auto& [name, sink] : state_.sinks) {
      sink.acknowledged.add(gone);
      sink.dirty = true;
    }
    if (!state_.dirty_since) state_.dirty_since = clock_.boot();
  }
  return {};
}

// Removes delivered history, oldest first. False when there is none (that is old enough).
Result<bool> DatabaseLog::remove_delivered(std::uint64_t goal_bytes,
                                           std::optional<std::int64_t> older_than_ns) {
  std::vector<SeqRange> runs = folded_of_delivered().ranges();
  if (!older_than_ns) {  // for want of room: also what is not in the summaries yet
    const SeqRanges delivered = delivered_to_all();
    runs.insert(runs.end(), delivered.ranges().begin(), delivered.ranges().end());
  }
  for (const SeqRange& run : runs) {
    const auto plan = plan_removal(run, goal_bytes, older_than_ns);
    if (!plan) return plan.error();
    if (!*plan) continue;
    if (auto removed = remove_rows(**plan); !removed) return removed.error();
    return true;
  }
  return false;
}

// Removes the oldest segments whatever they are. False when there are none.
Result<bool> DatabaseLog::remove_oldest(std::uint64_t goal_bytes) {
  SeqRange all;
  {
    const MutexLock lock(state_mutex_);
    all = {state_.first_seq, state_.last_seq};
  }
  if (all.first > all.last) return false;
  const auto plan = plan_removal(all, goal_bytes, std::nullopt);
  if (!plan) return plan.error();
  if (!*plan) return false;
  if ((*plan)->lost_points > 0) report_dropping("the oldest undelivered readings are dropped");
  if (auto removed = remove_rows(**plan); !removed) return removed.error();
  return true;
}

Result<bool> DatabaseLog::remove_oldest_summaries(std::uint64_t goal_bytes) {
  if (auto loaded = load_summary_bytes(); !loaded) return loaded.error();
  auto rows = writer_.db.prepare("SELECT hour_ns, length(payload) FROM summaries ORDER BY hour_ns LIMIT ?");
  if (!rows) return rows.error();
  rows->bind(1, kMostRemoved);
  std::uint64_t freed = 0;
  std::uint64_t bytes = 0;
  std::optional<std::int64_t> last;
  while (!last || freed < goal_bytes) {
    const auto row = rows->step();
    if (!row) return row.error();
    if (!*row) break;
    last = rows->integer(0);
    bytes += as_count(rows->integer(1));
    freed += as_count(rows->integer(1)) + kRowBytes;
  }
  rows->reset();
  if (!last) return false;
  if (auto erased = writer_.db.exec("DELETE FROM summaries WHERE hour_ns <= " + std::to_string(*last));
      !erased)
    return erased.error();
  *summary_bytes_ -= std::min(*summary_bytes_, bytes);
  return true;
}

Result<bool> DatabaseLog::make_room(std::uint64_t payload_bytes, std::uint64_t rows, RoomFor what) {
  const bool drops_newest = options_.overflow == Overflow::drop_newest;
  const bool is_refused = drops_newest && what == RoomFor::readings;
  const std::uint64_t need = footprint(payload_bytes, rows) + (is_refused ? kReserve : 0);
  const std::uint64_t frames = need / kPageBytes * kFrameBytes;
  // The file may have grown to what the WAL's budget leaves: a larger commit would not fit beside it.
  if (what == RoomFor::memories && frames > wal_budget()) {
    return Error{ErrorKind::full, path_.string() + ": " + format_size(payload_bytes) + " in " +
                                      std::to_string(rows) + " rows are too much for one commit"};
  }
  if (auto done = checkpoint(frames); !done) return done.error();
  const std::uint64_t for_wal = std::max(wal_budget(), frames);
  const std::uint64_t limit = options_.max_size_bytes > for_wal ? options_.max_size_bytes - for_wal : 0;
  // Some more than needed, so that not every append has to remove something.
  const std::uint64_t more = std::min<std::uint64_t>(options_.max_size_bytes / 64, 256 << 10);
  for (;;) {
    const auto used = used_bytes();
    if (!used) return used.error();
    if (*used + need <= limit) return true;
    const std::uint64_t goal = *used + need - limit + more;
    if (auto done = checkpoint(kSmallWrite); !done) return done.error();
    auto removed = remove_delivered(goal, std::nullopt);
    if (removed && !*removed && options_.overflow == Overflow::thin) removed = thin();
    if (removed && !*removed && !drops_newest) removed = remove_oldest(goal);
    if (removed && !*removed && (!is_refused || !holds_segments())) removed = remove_oldest_summaries(goal);
    if (!removed) return removed.error();
    if (!*removed && (drops_newest || what == RoomFor::memories)) return false;
    if (!*removed) {
      return Error{ErrorKind::full, path_.string() + ": a segment of " + format_size(payload_bytes) +
                                        " does not fit into max_size"};
    }
    if (auto done = checkpoint(frames); !done) return done.error();
  }
}

Result<std::optional<BootTime>> DatabaseLog::maintain(BootTime now) {
  return writing([&]() -> Result<std::optional<BootTime>> {
    const auto thinned = thin_ahead();
    if (!thinned) return thinned.error();
    std::optional<BootTime> dirty_since;
    std::uint64_t segments = 0;
    {
      const MutexLock lock(state_mutex_);
      dirty_since = state_.dirty_since;
      segments = state_.segments;
    }
    std::optional<BootTime> next;
    if (dirty_since) {
      const MutexLock write(write_mutex_);
      next = *dirty_since + options_.progress_every;
    }
    if (next && *next <= now) {
      if (auto flushed = flush(); !flushed) return flushed.error();
      next.reset();
    }
    const MutexLock write(write_mutex_);
    if (!upkeep_due_ || *upkeep_due_ <= now) {
      bool more = false;
      if (clock_.wall_is_set()) {
        const std::int64_t wall_ns = to_ns(clock_.wall());
        if (segments > 0) {
          auto removed = remove_delivered(0, wall_ns - options_.keep.count());
          if (!removed) return removed.error();
          more = *removed;
          if (auto done = checkpoint(0); !done) return done.error();
        }
        if (auto forgotten = forget_old(wall_ns - options_.keep_summaries.count()); !forgotten)
          return forgotten.error();
      }
      if (!dropped_since_upkeep_) dropping_.succeeded();
      dropped_since_upkeep_ = false;
      upkeep_due_ = more ? now : now + kUpkeepEvery;
    }
    if (*thinned) return std::optional(now);  // there may be more
    return next ? std::min(*next, *upkeep_due_) : upkeep_due_;
  });
}

Result<void> DatabaseLog::set_limits(const LogOptions& options) {
  const MutexLock write(write_mutex_);
  const bool smaller = options.max_size_bytes < options_.max_size_bytes;
  options_ = options;
  options_.path = path_;
  upkeep_due_.reset();
  {
    const MutexLock lock(state_mutex_);
    max_size_bytes_ = options.max_size_bytes;
  }
  return smaller ? shrink() : Result<void>();
}

// Brings the files within a max_size that was lowered: removes what is too much, then writes the database
// anew without its free pages, which for the moment takes as much again as is left.
Result<void> DatabaseLog::shrink() {
  const std::uint64_t limit = options_.max_size_bytes - wal_budget();
  if (files_.size(path_).value_or(0) <= limit) return {};
  for (;;) {
    const auto used = used_bytes();
    if (!used) return used.error();
    if (*used <= limit) break;
    auto removed = remove_delivered(*used - limit, std::nullopt);
    if (removed && !*removed) removed = remove_oldest(*used - limit);
    if (removed && !*removed) removed = remove_oldest_summaries(*used - limit);
    if (!removed) return removed.error();
    if (!*removed) break;
    if (auto done = checkpoint(0); !done) return done;
  }
  const MutexLock read(read_mutex_);
  const MutexLock history(history_mutex_);
  if (auto done = writer_.db.exec("VACUUM"); !done) return done;
  if (auto done = writer_.db.exec("PRAGMA wal_checkpoint(TRUNCATE)"); !done) return done;
  writer_.wal_pages = 0;
  return {};
}

}  // namespace vigile
