// SPDX-License-Identifier: Apache-2.0
// One commit: a segment, its status changes, and what readers acknowledged since the last.
#include "store/log_database.h"
#include "store/schema.h"
#include "store/segment_row.h"

namespace vigile {

namespace {

std::uint64_t bytes_of(const std::vector<StatusChange>& changes) {
  std::uint64_t bytes = 0;
  for (const StatusChange& change : changes)
    bytes += 2 * change.equipment_id.size() + change.reason.size() + kRowBytes;
  return bytes;
}

}  // namespace

Result<std::uint64_t> DatabaseLog::append(const NewSegment& segment) {
  auto seq = writing([&]() -> Result<std::uint64_t> {
    const MutexLock write(write_mutex_);
    if (auto whole = check_wal(); !whole) return whole.error();
    auto inserted = insert(segment);
    if (!inserted) return inserted;
    if (auto whole = check_wal(); !whole) return whole.error();
    return inserted;
  });
  if (!seq) return seq;
  // Taken away in between: it is carried over with the rest. Files that may not be reached since have it.
  if (const auto kept = keep_place(); !kept && kept.error().kind != ErrorKind::permission)
    return kept.error();
  return seq;
}

Result<std::uint64_t> DatabaseLog::insert(const NewSegment& segment) {
  if (segment.lines.empty()) {
    if (auto committed = commit_changes(segment); !committed) return committed.error();
    return last_seq();
  }
  encoder_->encode(segment.lines, payload_);
  const auto room =
      make_room(payload_.size() + bytes_of(segment.changes), 1 + segment.changes.size(), RoomFor::readings);
  if (!room) return room.error();
  if (!*room) {
    if (auto dropped = drop_newest(segment); !dropped) return dropped.error();
    return 0;
  }
  std::uint64_t seq = 0;
  std::uint64_t total_points = 0;
  {
    const MutexLock lock(state_mutex_);
    seq = state_.last_seq + 1;
    total_points = state_.total_points + segment.points;
  }
  const StoredSegment head{.seq = seq,
                           .clock = segment.clock,
                           .boot_id = boot_id_,
                           .first_ns = segment.first_ns,
                           .last_ns = segment.last_ns,
                           .points = segment.points,
                           .raw_bytes = static_cast<std::uint32_t>(segment.lines.size()),
                           .crc32 = crc32_of(segment.lines)};
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  if (auto put = insert_row(writer_, head, payload_,
                            {total_points, total_bytes_ + payload_.size(), total_segments_ + 1}, 0);
      !put) {
    return put.error();
  }
  if (auto inserted = insert_changes(segment); !inserted) return inserted.error();
  if (is_clean_) {
    if (auto put = put_meta(meta::kCleanEnd, 0); !put) return put.error();
  }
  if (auto written = write_progress(); !written) return written.error();
  if (auto committed = transaction->commit(); !committed) return committed.error();
  progress_written();
  is_clean_ = false;
  total_bytes_ += payload_.size();
  ++total_segments_;
  const MutexLock lock(state_mutex_);
  state_.last_seq = seq;
  state_.total_points = total_points;
  state_.points += segment.points;
  state_.payload_bytes += payload_.size();
  ++state_.segments;
  if (segment.clock == ClockState::unset) state_.unset.add({seq, seq});
  for (const std::string& name : segment.delivered_to) {
    const auto sink = state_.sinks.find(name);
    if (sink == state_.sinks.end()) continue;
    sink->second.acknowledged.add({seq, seq});
    sink->second.dirty = true;
    if (!state_.dirty_since) state_.dirty_since = clock_.boot();
  }
  return seq;
}

// Within a transaction.
Result<void> DatabaseLog::insert_changes(const NewSegment& segment) {
  for (const StatusChange& change : segment.changes) {
    Run run(writer_.insert_change);
    run->bind(1, std::string_view(change.equipment_id))
        .bind(2, change.time_ns)
        .bind(3, static_cast<std::int64_t>(segment.clock))
        .bind(4, std::string_view(boot_id_))
        .bind(5, std::string_view(change.old_status))
        .bind(6, std::string_view(change.new_status))
        .bind(7, std::string_view(change.reason))
        .bind(9, change.decided_after_ns);
    if (change.until_ns) run->bind(8, *change.until_ns);
    if (const auto done = run->step(); !done) return done.error();
  }
  return {};
}

Result<void> DatabaseLog::make_room_for_changes(const NewSegment& segment) {
  if (segment.changes.empty()) return {};
  const auto room = make_room(bytes_of(segment.changes), segment.changes.size(), RoomFor::memories);
  if (!room) return room.error();
  if (!*room) return Error{ErrorKind::full, path_.string() + ": no room for status changes"};
  return {};
}

Result<void> DatabaseLog::commit_changes(const NewSegment& segment) {
  if (segment.changes.empty()) return {};
  if (auto room = make_room_for_changes(segment); !room) return room;
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  if (auto inserted = insert_changes(segment); !inserted) return inserted;
  if (auto committed = transaction->commit(); !committed) return committed;
  if (segment.clock == ClockState::unset) {
    const MutexLock lock(state_mutex_);
    state_.has_unset_changes = true;
  }
  return {};
}

}  // namespace vigile
