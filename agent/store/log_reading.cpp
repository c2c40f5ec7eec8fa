// SPDX-License-Identifier: Apache-2.0
// What sinks and people read of the log, on the connection that reads.
#include <algorithm>

#include "store/log_database.h"
#include "store/segment_row.h"

namespace vigile {

std::optional<SeqRange> DatabaseLog::next_run(std::string_view sink, std::uint64_t from) const {
  const MutexLock lock(state_mutex_);
  const auto found = state_.sinks.find(sink);
  if (found == state_.sinks.end()) return std::nullopt;
  from = std::max(from, state_.first_seq);
  while (const auto gap = found->second.acknowledged.first_gap(from, state_.last_seq)) {
    if (const auto ready = state_.unset.first_gap(gap->first, gap->last)) return ready;
    from = gap->last + 1;
  }
  return std::nullopt;
}

Result<DatabaseLog::RunRead> DatabaseLog::read_run(SeqRange run, const ReadLimits& limits) {
  RunRead read;
  std::vector<StoredSegment>& segments = read.segments;
  std::uint64_t raw_bytes = 0;
  std::uint64_t points = 0;
  Run rows(reader_.by_seq);
  rows->bind(1, as_int(run.first)).bind(2, as_int(run.last));
  for (;;) {
    const auto row = rows->step();
    if (!row) return row.error();
    if (!*row) return read;
    // A damaged page may lead to others in any order. What is out of it can be neither sent nor settled.
    const std::uint64_t seq = as_count(rows->integer(0));
    const std::uint64_t least = segments.empty() ? run.first : segments.back().seq + 1;
    if (seq < least || seq > run.last)
      return Error{ErrorKind::corrupt, path_.string() + ": its segments are out of order"};
    raw_bytes += as_count(rows->integer(6));
    points += as_count(rows->integer(5));
    if (!segments.empty() && (raw_bytes > limits.raw_bytes || points > limits.points)) return read;
    if (!is_intact(reader_.by_seq)) {
      // What came before it goes first; the next read meets it again.
      if (segments.empty()) {
        read.damaged = as_count(rows->integer(0));
        read.damaged_points = as_count(rows->integer(5));
      }
      return read;
    }
    segments.push_back(segment_of(reader_.by_seq));
  }
}

SeqRange DatabaseLog::with_absent_before(SeqRange range) const {
  {
    const MutexLock lock(state_mutex_);
    if (state_.thinned_points == 0) return range;
  }
  Run row(reader_.number_before);
  row->bind(1, as_int(range.first));
  const auto found = row->step();
  if (!found) return range;  // what cannot be read is not settled
  const std::uint64_t before = *found ? as_count(row->integer(0)) : 0;
  return {std::min(range.first, before + 1), range.last};
}

// What the row itself says of its points may be damaged too: the totals of those round it say how many at
// most.
void DatabaseLog::count_damaged(std::uint64_t seq, std::uint64_t said_points) {
  const SeqRange gone = with_absent_before({seq, seq});
  const auto through = as_count(look_up(reader_.points_through, seq - 1));
  const auto until = as_count(look_up(reader_.points_before, seq + 1));
  const MutexLock lock(state_mutex_);
  const std::uint64_t before = through != 0 ? through : state_.total_points - state_.points;
  const std::uint64_t after = until != 0 ? until : state_.total_points;
  const std::uint64_t points = std::min(said_points, after > before ? after - before : 0);
  if (!damaged_seen_.emplace(seq, points).second) return;  // the other readers meet it too
  log::error("store: segment " + std::to_string(seq) + " with " + std::to_string(points) +
             " points is damaged and is passed over");
  ++state_.damaged;
  state_.damaged_points += points;
  state_.new_damage[seq] = points;
  for (auto& [name, sink] : state_.sinks) {
    sink.acknowledged.add(gone);
    sink.dirty = true;
  }
  if (state_.folded) {
    state_.folded->acknowledged.add(gone);
    state_.folded->dirty = true;
  }
  if (!state_.dirty_since) state_.dirty_since = clock_.boot();
}

// A batch that is tried again is read again: together with more of it, or less, it is the same one.
void DatabaseLog::note_handed(std::string_view sink, const std::vector<StoredSegment>& segments) {
  const MutexLock lock(state_mutex_);
  const auto found = state_.sinks.find(sink);
  if (found == state_.sinks.end()) return;
  found->second.has_read = true;
  if (segments.empty()) return;
  const SeqRange now{segments.front().seq, segments.back().seq};
  std::optional<SeqRange>& handed = found->second.handed;
  if (!handed || now.first < handed->first || now.first > handed->last) {
    handed = now;
  } else {
    handed->last = std::max(handed->last, now.last);
  }
}

// Numbers that the read passed over, and that should have a row.
std::optional<SeqRange> DatabaseLog::hole_in(SeqRange run, const RunRead& read) const {
  SeqRanges found;
  for (const StoredSegment& segment : read.segments) found.add({segment.seq, segment.seq});
  if (read.damaged) found.add({*read.damaged, *read.damaged});
  return missing(found, {run.first, found.ranges().empty() ? run.last : found.ranges().back().last});
}

Result<std::vector<StoredSegment>> DatabaseLog::read_undelivered(std::string_view sink,
                                                                 std::uint64_t from_seq,
                                                                 const ReadLimits& limits) {
  return mending([&]() -> Result<std::vector<StoredSegment>> {
    for (bool is_checked = false;;) {
      const auto run = next_run(sink, from_seq);
      if (!run) {
        note_handed(sink, {});
        return std::vector<StoredSegment>{};
      }
      std::optional<SeqRange> hole;
      {
        const MutexLock lock(read_mutex_);
        auto read = read_run(*run, limits);
        if (!read) return read.error();
        if (!is_checked) hole = hole_in(*run, *read);
        if (!hole) {
          is_checked = false;
          if (!read->segments.empty()) {
            note_handed(sink, read->segments);
            return std::move(read->segments);
          }
          if (read->damaged) {
            count_damaged(*read->damaged, read->damaged_points);
          } else {  // numbers without rows: lost in a salvage
            from_seq = run->last + 1;
          }
          continue;
        }
      }
      const MutexLock write(write_mutex_);
      const MutexLock lock(read_mutex_);
      if (auto checked = check_order(reader_.db, hole); !checked) return checked.error();
      is_checked = true;
    }
  });
}

Result<std::vector<StoredSegment>> DatabaseLog::read_history(std::int64_t from_ns, std::int64_t to_ns,
                                                             std::uint64_t from_seq,
                                                             const ReadLimits& limits) {
  return mending([&]() -> Result<std::vector<StoredSegment>> {
    const MutexLock lock(read_mutex_);
    std::vector<StoredSegment> segments;
    std::uint64_t raw_bytes = 0;
    Run rows(reader_.by_time);
    rows->bind(1, as_int(from_seq)).bind(2, from_ns).bind(3, to_ns);
    for (;;) {
      const auto row = rows->step();
      if (!row) return row.error();
      if (!*row) return segments;
      raw_bytes += as_count(rows->integer(6));
      if (!segments.empty() && raw_bytes > limits.raw_bytes) return segments;
      if (is_intact(reader_.by_time)) segments.push_back(segment_of(reader_.by_time));
    }
  });
}

std::uint64_t DatabaseLog::last_seq() const {
  const MutexLock lock(state_mutex_);
  return state_.last_seq;
}

std::int64_t DatabaseLog::look_up(Statement& statement, std::uint64_t seq) const {
  Run row(statement);
  row->bind(1, as_int(seq));
  const auto found = row->step();
  return found && *found ? row->integer(0) : 0;
}

Result<StoreInspection> DatabaseLog::inspect() const {
  const auto held = [this] {
    const MutexLock lock(state_mutex_);
    return std::array{state_.last_seq, state_.points, state_.total_points - state_.points};
  };
  const auto before = held();
  auto found = inspect_open_store(path_, files_, before[0]);
  if (!found) return found;
  // As long as nothing was removed meanwhile.
  if (found->is_sound() && held()[2] == before[2] && found->points != before[1]) {
    found->add_problem("its counters say " + std::to_string(before[1]) + " points, and there are " +
                       std::to_string(found->points));
  }
  return found;
}

LogStatus DatabaseLog::status() const {
  LogStatus status;
  std::vector<std::pair<SinkBacklog, std::vector<SeqRange>>> sinks;
  {
    const MutexLock lock(state_mutex_);
    status.segments = state_.segments;
    status.points = state_.points;
    status.payload_bytes = state_.payload_bytes;
    status.first_seq = status.segments > 0 ? state_.first_seq : 0;
    status.last_seq = state_.last_seq;
    status.appended_points = state_.total_points;
    status.dropped_points = state_.dropped_points;
    status.dropped_from_ns = state_.dropped_from_ns;
    status.dropped_to_ns = state_.dropped_to_ns;
    status.thinned_points = state_.thinned_points;
    status.thinned_made_points = state_.thinned_made;
    status.thinned_from_ns = state_.thinned_from_ns;
    status.thinned_to_ns = state_.thinned_to_ns;
    status.unsummarised_lost_points = state_.unsummarised_lost;
    status.damaged_segments = state_.damaged;
    status.damaged_points = state_.damaged_points;
    status.damaged_at_least = state_.damaged_at_least;
    status.dead_letters = state_.dead_letters;
    status.salvaged_segments = salvaged_;
    status.set_aside = set_aside_;
    status.max_size_bytes = max_size_bytes_;
    for (const auto& [name, sink] : state_.sinks) {
      std::vector<SeqRange> gaps;
      std::uint64_t from = state_.first_seq;
      while (const auto gap = sink.acknowledged.first_gap(from, state_.last_seq)) {
        gaps.push_back(*gap);
        from = gap->last + 1;
      }
      sinks.emplace_back(SinkBacklog{.sink = name, .known = sink.known}, std::move(gaps));
    }
  }
  {
    const MutexLock lock(read_mutex_);
    if (status.segments > 0) status.oldest_ns = look_up(reader_.first_ns_at, status.first_seq);
    for (auto& [backlog, gaps] : sinks) {
      for (const SeqRange& gap : gaps) {
        // Numbers without rows are nobody's backlog, whatever the totals round them say.
        if (as_count(look_up(reader_.number_before, gap.last + 1)) < gap.first) continue;
        backlog.segments += as_count(look_up(reader_.segments_through, gap.last)) -
                            as_count(look_up(reader_.segments_before, gap.first));
        backlog.points += as_count(look_up(reader_.points_through, gap.last)) -
                          as_count(look_up(reader_.points_before, gap.first));
        Run trimmed(reader_.trimmed);
        trimmed->bind(1, as_int(gap.first)).bind(2, as_int(gap.last));
        if (const auto row = trimmed->step(); row && *row) {
          backlog.points -= as_count(trimmed->integer(0));
          backlog.segments -= as_count(trimmed->integer(1));
        }
      }
      // No more than there is: totals may be damaged.
      backlog.segments = std::min(backlog.segments, status.segments);
      backlog.points = std::min(backlog.points, status.points);
      if (!gaps.empty()) backlog.oldest_ns = look_up(reader_.first_ns_at, gaps.front().first);
      // One that has left the settings and has nothing waiting is of no interest.
      if (backlog.known || backlog.points > 0) status.sinks.push_back(std::move(backlog));
    }
  }
  for (const char* suffix : {"", "-wal"}) {
    status.size_bytes += files_.size(path_.string() + suffix).value_or(0);
  }
  return status;
}

}  // namespace vigile
