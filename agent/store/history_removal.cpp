// SPDX-License-Identifier: Apache-2.0
// Removal on request (`cleanup`) and by age of what is no segment. Each step is one small transaction, so
// that commits go on between them.
#include <algorithm>
#include <tuple>

#include "point/line_encode.h"
#include "store/line_removal.h"
#include "store/log_database.h"
#include "store/schema.h"
#include "store/segment_row.h"

namespace vigile {

namespace {

constexpr std::int64_t kHourNs = 3'600'000'000'000;
constexpr std::uint64_t kRewrittenBytes = std::uint64_t{64} << 10;  // payload a transaction

// One for which a later one says what holds at ?1: the last before it stays.
constexpr const char* kSuperseded =
    "time_ns < ?1 AND clock <> 1 AND (?2 = '' OR equipment_id = ?2) AND EXISTS(SELECT 1 FROM status_changes "
    "AS "
    "later WHERE later.equipment_id = status_changes.equipment_id AND later.time_ns < ?1 AND "
    "(later.time_ns, later.id) > (status_changes.time_ns, status_changes.id) AND later.clock <> 1)";

}  // namespace

Result<std::uint64_t> DatabaseLog::remove_where(const std::string& table, const std::string& key,
                                                const std::string& where, std::int64_t before_ns,
                                                std::string_view equipment_id, bool dry_run) {
  const std::string chosen = " FROM " + table + " WHERE " + where;
  auto statement =
      writer_.db.prepare(dry_run ? "SELECT count(*)" + chosen
                                 : "DELETE FROM " + table + " WHERE (" + key + ") IN (SELECT " + key +
                                       chosen + " LIMIT " + std::to_string(kMostRemoved) + ")");
  if (!statement) return statement.error();
  for (std::uint64_t removed = 0;;) {
    if (auto done = checkpoint(dry_run ? 0 : kSmallWrite); !done) return done.error();
    Run run(*statement);
    run->bind(1, before_ns).bind(2, equipment_id);
    const auto row = run->step();
    if (!row) return row.error();
    if (dry_run) return as_count(run->integer(0));
    const auto step = as_count(sqlite3_changes64(writer_.db.handle()));
    removed += step;
    if (step < as_count(kMostRemoved)) return removed;
  }
}

Result<void> DatabaseLog::forget_old(std::int64_t before_ns) {
  std::uint64_t first_seq = 0;
  {
    const MutexLock lock(state_mutex_);
    first_seq = state_.first_seq;
  }
  const auto summaries = remove_where("summaries", "hour_ns", "hour_ns < ?1", before_ns, "", false);
  if (!summaries) return summaries.error();
  if (*summaries > 0) summary_bytes_.reset();
  for (const auto& [table, key, where] : {std::tuple{"status_changes", "id", kSuperseded},
                                          std::tuple{"gaps", "from_ns, to_ns", "to_ns < ?1"}}) {
    const auto removed = remove_where(table, key, where, before_ns, "", false);
    if (!removed) return removed.error();
  }
  return writer_.db.exec("DELETE FROM spans WHERE last_seq < " + std::to_string(first_seq));
}

// What every sink has had, those that left the settings too.
SeqRanges DatabaseLog::had_by_all() const {
  SeqRanges had = delivered_to_all();
  const MutexLock lock(state_mutex_);
  for (const auto& [name, sink] : state_.sinks) had = had.intersection(sink.acknowledged);
  return had;
}

// The runs of rows that are due, among the next few.
Result<DatabaseLog::DueRuns> DatabaseLog::find_due(SeqRange held, std::int64_t before_ns, bool undelivered) {
  auto rows = writer_.db.prepare(
      "SELECT seq, points, last_ns, length(payload), clock FROM segments WHERE seq >= ? AND seq <= ? "
      "ORDER BY seq LIMIT ?");
  if (!rows) return rows.error();
  rows->bind(1, as_int(held.first)).bind(2, as_int(held.last)).bind(3, kMostRemoved);
  const SeqRanges had = had_by_all();
  DueRuns due{.next = held.first};
  bool grows = false;  // the last run takes the next row
  SeqRanges found;
  for (std::int64_t stepped = 0;; ++stepped) {
    const auto row = rows->step();
    if (!row) return row.error();
    if (!*row) {
      due.is_end = stepped < kMostRemoved;
      rows->reset();
      if (auto all = find_all(writer_.db, found, {held.first, due.is_end ? held.last : due.next - 1}); !all)
        return all.error();
      return due;
    }
    const std::uint64_t seq = as_count(rows->integer(0));
    found.add({seq, seq});
    const std::uint64_t points = as_count(rows->integer(1));
    due.next = seq + 1;
    const bool is_unset = static_cast<ClockState>(rows->integer(4)) == ClockState::unset;
    const bool is_due = !is_unset && rows->integer(2) < before_ns;
    const bool is_waiting = is_due && !had.contains(seq);
    if (is_waiting) due.waiting_points += points;
    if (!is_due || (is_waiting && !undelivered)) {
      grows = false;
      continue;
    }
    if (!grows) due.runs.push_back(Removal{.range = {seq, seq}, .on_request = true});
    grows = true;
    Removal& run = due.runs.back();
    run.range.last = seq;
    run.points += points;
    run.payload_bytes += as_count(rows->integer(3));
    ++run.segments;
    run.known_to_ns = std::max(rows->integer(2), run.known_to_ns.value_or(INT64_MIN));
  }
}

Result<void> DatabaseLog::remove_segments_before(std::int64_t before_ns, bool undelivered, bool dry_run,
                                                 RemovalReport& report) {
  SeqRange held;
  {
    const MutexLock lock(state_mutex_);
    held = {state_.first_seq, state_.last_seq};
  }
  for (bool is_end = false; !is_end;) {
    const MutexLock write(write_mutex_);
    const auto due = find_due(held, before_ns, undelivered);
    if (!due) return due.error();
    is_end = due->is_end;
    held.first = due->next;
    report.undelivered_points += due->waiting_points;
    for (const Removal& run : due->runs) {
      report.segments += run.segments;
      report.points += run.points;
      report.bytes += run.payload_bytes;
      if (dry_run) continue;
      if (auto done = checkpoint(kSmallWrite); !done) return done;
      if (auto removed = remove_rows(run); !removed) return removed;
    }
  }
  return {};
}

// Meanwhile max_size may have taken it, or thinned it.
Result<bool> DatabaseLog::is_held(const StoredSegment& segment) {
  const auto found =
      writer_.db.integer("SELECT count(*) FROM segments WHERE seq = " + std::to_string(segment.seq) +
                         " AND crc32 = " + std::to_string(segment.crc32));
  if (!found) return found.error();
  return *found != 0;
}

// One transaction.
Result<void> DatabaseLog::rewrite(const std::vector<Rewrite>& rewrites) {
  std::uint64_t points = 0;
  std::uint64_t old_bytes = 0;
  for (const Rewrite& one : rewrites) {
    points += one.left.removed;
    old_bytes += one.segment.payload.size();
  }
  // What is written is smaller than what was there, but for a few bytes.
  if (auto done = checkpoint(2 * old_bytes + kSmallWrite); !done) return done;
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  auto update = writer_.db.prepare(
      "UPDATE segments SET points = ?, raw_bytes = ?, crc32 = ?, payload_crc32 = ?, payload = ?, first_ns = "
      "?, "
      "last_ns = ? WHERE seq = ?");
  auto trim = writer_.db.prepare(
      "INSERT INTO trimmed(seq, points) VALUES(?1, ?2) ON CONFLICT(seq) DO UPDATE SET points = points + ?2");
  if (!update) return update.error();
  if (!trim) return trim.error();
  std::uint64_t new_bytes = 0;
  std::optional<std::int64_t> known_to_ns;
  for (const Rewrite& one : rewrites) {
    encoder_->encode(one.left.lines, payload_);
    new_bytes += payload_.size();
    StoredSegment head = one.segment;
    head.points -= static_cast<std::uint32_t>(one.left.removed);
    head.raw_bytes = static_cast<std::uint32_t>(one.left.lines.size());
    head.crc32 = crc32_of(one.left.lines);
    head.first_ns = one.left.first_ns.value_or(head.first_ns);
    head.last_ns = one.left.last_ns.value_or(head.last_ns);
    if (one.is_of_all) known_to_ns = std::max(one.left.removed_to_ns, known_to_ns.value_or(INT64_MIN));
    Run run(*update);
    run->bind(1, std::int64_t{head.points})
        .bind(2, std::int64_t{head.raw_bytes})
        .bind(3, std::int64_t{head.crc32})
        .bind(4, std::int64_t{row_check(head, payload_)})
        .bind_blob(5, payload_)
        .bind(6, head.first_ns)
        .bind(7, head.last_ns)
        .bind(8, as_int(head.seq));
    if (const auto done = run->step(); !done) return done.error();
    if (!one.is_waiting) continue;
    Run count(*trim);
    count->bind(1, as_int(one.segment.seq)).bind(2, as_int(one.left.removed));
    if (const auto done = count->step(); !done) return done.error();
  }
  std::uint64_t held_points = 0;
  std::uint64_t held_bytes = 0;
  std::uint64_t held_segments = 0;
  {
    const MutexLock lock(state_mutex_);
    held_points = state_.points - points;
    held_bytes = state_.payload_bytes + new_bytes - old_bytes;
    held_segments = state_.segments;
    known_to_ns = std::max(state_.gone_to_ns, known_to_ns);
  }
  if (auto put = put_held(held_points, held_bytes, held_segments); !put) return put;
  if (known_to_ns) {
    if (auto put = put_meta(meta::kGoneTo, as_count(*known_to_ns)); !put) return put;
  }
  if (auto committed = transaction->commit(); !committed) return committed;
  const MutexLock lock(state_mutex_);
  state_.gone_to_ns = known_to_ns;
  state_.points = held_points;
  state_.payload_bytes = held_bytes;
  return {};
}

// What goes of a segment; absent: nothing, or it is not there any more, or it is kept for a sink.
Result<std::optional<DatabaseLog::Rewrite>> DatabaseLog::plan_rewrite(const StoredSegment& segment,
                                                                      std::string_view tag,
                                                                      std::int64_t before_ns,
                                                                      bool undelivered,
                                                                      RemovalReport& report) {
  using Plan = std::optional<Rewrite>;
  const bool is_of_all = tag.empty();
  if (is_of_all && segment.last_ns < before_ns) return Plan();  // it went as a whole, or waits for a sink
  const auto lines = inflate_payload(segment.view());
  if (!lines) return Plan();
  Rewrite one{segment, lines_left(*lines, tag, before_ns), !had_by_all().contains(segment.seq), is_of_all};
  if (one.left.removed == 0) return Plan();
  const auto held_still = is_held(segment);
  if (!held_still) return held_still.error();
  if (!*held_still) return Plan();
  if (one.is_waiting) report.undelivered_points += one.left.removed;
  if (one.is_waiting && !undelivered) return Plan();
  ++report.segments;
  report.points += one.left.removed;
  report.bytes += segment.payload.size() * one.left.removed / segment.points;
  return Plan(std::move(one));
}

// Without an equipment: of those segments that hold younger lines too.
Result<void> DatabaseLog::remove_lines_before(std::int64_t before_ns, std::string_view equipment_id,
                                              bool undelivered, bool dry_run, RemovalReport& report) {
  std::string tag;
  if (!equipment_id.empty()) append_tag("equipment_id", equipment_id, tag);
  SeqRange held;
  {
    const MutexLock lock(state_mutex_);
    held = {state_.first_seq, state_.last_seq};
  }
  while (held.first <= held.last) {
    const auto page = read_page(held, {INT64_MIN, before_ns}, kRewrittenBytes * 8);
    if (!page) return page.error();
    held.first = page->next.value_or(held.last + 1);
    const MutexLock write(write_mutex_);
    std::vector<Rewrite> rewrites;
    std::uint64_t rewritten_bytes = 0;
    for (const StoredSegment& segment : page->segments) {
      auto plan = plan_rewrite(segment, tag, before_ns, undelivered, report);
      if (!plan) return plan.error();
      if (!*plan || dry_run) continue;
      if ((*plan)->left.lines.empty()) {
        if (auto done = checkpoint(kSmallWrite); !done) return done;
        const Removal whole{.range = {segment.seq, segment.seq},
                            .segments = 1,
                            .points = segment.points,
                            .payload_bytes = segment.payload.size(),
                            .on_request = true};
        if (auto removed = remove_rows(whole); !removed) return removed;
        continue;
      }
      rewrites.push_back(std::move(**plan));
      rewritten_bytes += segment.payload.size();
      if (rewritten_bytes > wal_budget() / 8) {
        if (auto done = rewrite(rewrites); !done) return done;
        rewrites.clear();
        rewritten_bytes = 0;
      }
    }
    if (rewrites.empty()) continue;
    if (auto done = rewrite(rewrites); !done) return done;
  }
  return {};
}

Result<void> DatabaseLog::strip_summaries_before(std::int64_t before_ns, std::string_view equipment_id,
                                                 bool dry_run, const Strip& strip, RemovalReport& report) {
  std::vector<std::int64_t> hours;
  auto listed = read_summaries(INT64_MIN, before_ns - kHourNs + 1, [&](const SummaryRow& row) {
    hours.push_back(row.hour_ns);
    return true;
  });
  if (!listed) return listed;
  for (const std::int64_t hour_ns : hours) {
    const MutexLock write(write_mutex_);
    auto row = writer_.db.prepare("SELECT payload, crc32 FROM summaries WHERE hour_ns = ?");
    if (!row) return row.error();
    row->bind(1, hour_ns);
    const auto found = row->step();
    if (!found) return found.error();
    if (!*found) continue;
    const std::string payload(row->blob(0));
    const bool is_intact = crc32_of(payload) == static_cast<std::uint32_t>(row->integer(1));
    row->reset();
    if (!is_intact) continue;
    const auto left = strip(payload, equipment_id);
    if (!left) return left.error();
    if (*left == payload) continue;
    ++report.summaries;
    if (dry_run) continue;
    if (auto done = checkpoint(left->size() + kSmallWrite); !done) return done;
    auto change = writer_.db.prepare(
        left->empty() ? "DELETE FROM summaries WHERE hour_ns = ?1"
                      : "UPDATE summaries SET payload = ?2, crc32 = ?3 WHERE hour_ns = ?1");
    if (!change) return change.error();
    change->bind(1, hour_ns);
    if (!left->empty()) change->bind_blob(2, *left).bind(3, std::int64_t{crc32_of(*left)});
    if (const auto done = change->step(); !done) return done.error();
    summary_bytes_.reset();
  }
  return {};
}

Result<RemovalReport> DatabaseLog::remove(std::int64_t before_ns, std::string_view equipment_id,
                                          bool undelivered, bool dry_run, const Strip& strip) {
  return writing([&]() -> Result<RemovalReport> {
    const MutexLock one_at_a_time(removal_mutex_);
    RemovalReport report;
    const bool is_all = equipment_id.empty();
    if (is_all) {
      if (auto done = remove_segments_before(before_ns, undelivered, dry_run, report); !done)
        return done.error();
    }
    if (auto done = remove_lines_before(before_ns, equipment_id, undelivered, dry_run, report); !done)
      return done.error();
    if (!is_all) {
      if (auto done = strip_summaries_before(before_ns, equipment_id, dry_run, strip, report); !done)
        return done.error();
    }
    const MutexLock write(write_mutex_);
    if (is_all) {
      const auto summaries =
          remove_where("summaries", "hour_ns", "hour_ns <= ?1", before_ns - kHourNs, "", dry_run);
      if (!summaries) return summaries.error();
      report.summaries = *summaries;
      if (!dry_run) summary_bytes_.reset();
      const auto gaps = remove_where("gaps", "from_ns, to_ns", "to_ns < ?1", before_ns, "", dry_run);
      if (!gaps) return gaps.error();
    }
    const auto changes = remove_where("status_changes", "id", kSuperseded, before_ns, equipment_id, dry_run);
    if (!changes) return changes.error();
    report.status_changes = *changes;
    if (!dry_run) {
      const MutexLock version(version_mutex_);
      ++summaries_version_;
    }
    return report;
  });
}

}  // namespace vigile
