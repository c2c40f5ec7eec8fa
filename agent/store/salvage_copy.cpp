// SPDX-License-Identifier: Apache-2.0
// What of a damaged database is copied, and how it is counted what is not.
#include <algorithm>

#include "store/damaged_rows.h"
#include "store/database_image.h"
#include "store/log_database.h"
#include "store/schema.h"
#include "store/segment_row.h"

namespace vigile {

namespace {

constexpr int kCopiedATransaction = 200;
constexpr std::int64_t kHourNs = 3'600'000'000'000;

// What was written does not fit the table: the damage made it so.
bool is_misfit(Db& db) {
  const int code = sqlite3_errcode(db.handle()) & 0xff;
  return code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH;
}

std::uint64_t count_lines(std::string_view lines) {
  return static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
}
}  // namespace

// While it runs memory knows of commits of which the files know nothing any more.
std::optional<Held> DatabaseLog::held_while_open() const {
  const MutexLock lock(state_mutex_);
  if (state_.last_seq == 0) return std::nullopt;
  return Held{state_.segments, state_.points, state_.total_points - state_.points,
              state_.last_seq, true,          true};
}

// The totals of the rows are counted anew, so `trimmed` stays empty. Errors: those of the new database. What
// cannot be read of the damaged one is lost and counted.
Result<Loss> DatabaseLog::copy_from(const std::filesystem::path& damaged) {
  const auto image = DatabaseImage::open(files_, damaged);
  if (!image) return image.error();
  auto from = (*image)->connect();
  if (!from) return from.error();
  // With this SQLite reads a file that is shorter than its header says, as far as it goes.
  (void)from->exec("PRAGMA writable_schema = ON");
  Held held = held_in(*from);
  if (const auto known = held_while_open(); known && (!held.is_exact || known->last_seq > held.last_seq))
    held = *known;
  auto segments = copy_segments(**image, *from, held);
  if (!segments) return segments.error();
  const auto summaries = copy_tables(*from);
  if (!summaries) return summaries.error();
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  const auto last_seq = copy_progress(*from, segments->numbers, held.last_seq, *summaries);
  if (!last_seq) return last_seq.error();
  if (auto done = copy_meta(*from, *segments, *last_seq); !done) return done.error();
  if (auto done = transaction->commit(); !done) return done.error();
  if (const auto unreadable = (*image)->unreadable(); unreadable && !(*image)->is_medium_there())
    return Error{ErrorKind::io, *unreadable};
  const MutexLock lock(state_mutex_);
  salvaged_ = segments->count;
  return segments->lost;
}

Result<void> DatabaseLog::copy_meta(Db& from, const CopiedSegments& segments, std::uint64_t last_seq) {
  const MetaRows old = read_meta(from);
  std::map<std::string, std::uint64_t> values;
  for (const char* key :
       {meta::kUnsummarisedLost, meta::kGoneTo, meta::kLastAlive, meta::kDroppedPoints, meta::kDroppedFrom,
        meta::kDroppedTo, meta::kDamaged, meta::kDamagedPoints, meta::kDamagedAtLeast, meta::kThinnedPoints,
        meta::kThinnedMade, meta::kThinnedFrom, meta::kThinnedTo}) {
    if (const std::uint64_t value = old.count(key); value != 0) values[key] = value;
  }
  // Of a repair of times that was under way.
  for (const auto& [key, value] : old.values) {
    if (key.starts_with(meta::kBootEpoch) || key.starts_with(meta::kBootEstimate))
      values[key] = as_count(value);
  }
  // The numbers go on where the old ones ended.
  values[meta::kLastSeq] = last_seq;
  values[meta::kTotalPoints] = segments.points;
  values[meta::kTotalBytes] = segments.bytes;
  values[meta::kTotalSegments] = segments.count;
  {
    // What was counted when it was met is among what is not found now.
    const MutexLock lock(state_mutex_);
    std::uint64_t seen_points = 0;
    std::map<std::uint64_t, std::uint64_t> seen = damaged_segments(old);
    for (const auto& [seq, points] : damaged_seen_) seen[seq] = points;
    for (const auto& [seq, points] : seen) seen_points += points;
    const auto add = [&](const char* key, std::uint64_t counted, std::uint64_t lost, std::uint64_t before) {
      values[key] = std::max(values[key], counted) + lost - std::min(lost, before);
    };
    add(meta::kDamaged, state_.damaged, segments.lost.segments, seen.size());
    add(meta::kDamagedPoints, state_.damaged_points, segments.lost.points, seen_points);
  }
  if (segments.lost.is_at_least) values[meta::kDamagedAtLeast] = 1;
  for (const auto& [key, value] : values) {
    if (auto put = put_meta(key.c_str(), value); !put) return put;
  }
  return {};
}

Result<DatabaseLog::CopiedSegments> DatabaseLog::copy_segments(DatabaseImage& image, Db& from,
                                                               const Held& held) {
  CopiedSegments copied;
  LossCount losses(from, held);
  auto walk = SegmentWalk::over(image, from, held);
  std::optional<Transaction> transaction;
  bool is_in_order = true;
  while (Statement* const row = walk ? walk->next() : nullptr) {
    const std::uint64_t number = as_count(row->integer(0));
    StoredSegment segment = segment_of(*row);
    const auto lines = walk->is_intact() ? inflate_payload(segment.view()) : Error{};
    if (!lines) {
      losses.failed();
      continue;
    }
    if (!transaction) {
      auto begun = Transaction::begin(writer_.db);
      if (!begun) return begun.error();
      transaction.emplace(std::move(*begun));
    }
    // The check is of the lines: the rest of the row may be damaged.
    const std::uint64_t points = count_lines(*lines);
    segment.points = static_cast<std::uint32_t>(points);
    const RowTotals totals{copied.points + points, copied.bytes + segment.payload.size(), copied.count + 1};
    const auto put =
        insert_row(writer_, segment, segment.payload, totals, static_cast<int>(row->integer(10)));
    if (!put) {
      if (!is_misfit(writer_.db)) return put.error();
      losses.failed();
      continue;
    }
    copied.points += points;
    copied.bytes += segment.payload.size();
    ++copied.count;
    is_in_order =
        is_in_order && (copied.numbers.ranges().empty() || copied.numbers.ranges().back().last < number);
    copied.numbers.add({number, number});
    losses.found(number, points, as_count(row->integer(11)));
    if (copied.count % kCopiedATransaction == 0) {
      if (auto committed = transaction->commit(); !committed) return committed.error();
      transaction.reset();
    }
  }
  copied.lost = losses.end(image.is_stale());
  if (transaction) {
    if (auto committed = transaction->commit(); !committed) return committed.error();
  }
  if (!is_in_order) {
    // The totals of a row are those of all before it, too.
    if (auto done = writer_.db.exec(
            "UPDATE segments SET total_points = t.points, total_bytes = t.bytes, total_segments = t.count "
            "FROM (SELECT seq, sum(points) OVER upto AS points, sum(length(payload)) OVER upto AS bytes, "
            "count(*) OVER upto AS count FROM segments WINDOW upto AS (ORDER BY seq)) AS t "
            "WHERE segments.seq = t.seq");
        !done)
      return done.error();
  }
  return copied;
}

// Whether there were summaries.
Result<bool> DatabaseLog::copy_tables(Db& from) {
  bool has_summaries = false;
  // Columns that came after schema 4.
  const auto newer = [&from](const char* table, const char* column) {
    return from.prepare(std::string("SELECT ") + column + " FROM " + table) ? std::string(", ") + column : "";
  };
  for (const auto& [table, names] :
       {std::pair<std::string, std::string>{"summaries", "hour_ns, crc32, payload"},
        {"status_changes",
         "id, equipment_id, time_ns, clock, boot_id, old_status, new_status, reason, until_ns" +
             newer("status_changes", "decided_after_ns")},
        {"gaps", "from_ns, to_ns"},
        {"spans", "first_seq, last_seq, first_ns, last_ns"},
        {"dead_letters", "id, sink, refused_ns, line, reason" + newer("dead_letters", "resend")}}) {
    const std::string key = names.substr(0, names.find(','));
    std::string values = "?";
    for (const char c : names) {
      if (c == ',') values += ",?";
    }
    const bool by_time = key.ends_with("_ns");
    const auto rows = copy_table(
        from, "SELECT " + names + " FROM " + table + " WHERE " + key + " >= ? ORDER BY " + key,
        "INSERT OR IGNORE INTO " + table + "(" + names + ") VALUES(" + values + ")", by_time ? kHourNs : 1);
    if (!rows) return rows.error();
    if (rows->met_damage) log::error("store: some of " + table + " is lost");
    if (table == "summaries") has_summaries = rows->rows > 0;
  }
  return has_summaries;
}

Result<DatabaseLog::Copied> DatabaseLog::copy_table(Db& from, const std::string& select,
                                                    const std::string& insert, std::int64_t step) {
  Copied copied;
  auto rows = from.prepare(select);
  if (!rows) {  // not there: an older schema, or its part of it is damaged
    copied.met_damage = true;
    return copied;
  }
  auto put = writer_.db.prepare(insert);
  if (!put) return put.error();
  const int columns = sqlite3_bind_parameter_count(put->handle());
  const auto reads_from = [&](std::int64_t from_number) {
    Run run(*rows);
    run->bind(1, from_number);
    const auto row = step_twice(*rows);
    return row && (!*row || (run->integer(0) >= from_number && run->integer(0) != INT64_MAX));
  };
  for (std::int64_t at = 0;;) {
    auto transaction = Transaction::begin(writer_.db);
    if (!transaction) return transaction.error();
    Run run(*rows);
    run->bind(1, at);
    bool is_end = false;
    bool is_damaged = false;
    for (int taken = 0; taken < kCopiedATransaction && !is_end && !is_damaged; ++taken) {
      const auto row = taken == 0 ? step_twice(*rows) : run->step();
      is_end = row && !*row;
      is_damaged = !row || (*row && (run->integer(0) < at || run->integer(0) == INT64_MAX));
      if (is_end || is_damaged) break;
      // The rows of one number go together: `gaps` may have several.
      at = run->integer(0);
      Run copy(*put);
      for (int column = 0; column < columns; ++column) copy->bind_column(column + 1, *rows, column);
      if (const auto done = copy->step(); !done) {
        if (!is_misfit(writer_.db)) return done.error();
        copied.met_damage = true;
        continue;
      }
      ++copied.rows;
    }
    if (auto committed = transaction->commit(); !committed) return committed.error();
    if (is_end) return copied;
    ++at;
    if (is_damaged) {
      copied.met_damage = true;
      const auto good = first_that_reads(at, step, reads_from);
      if (!good) return copied;
      at = *good;
    }
  }
}

// Returns the last number given out, as far as it can be told. Numbers that were not found again are gone for
// every reader.
Result<std::uint64_t> DatabaseLog::copy_progress(Db& from, const SeqRanges& copied, std::uint64_t last_seq,
                                                 bool has_summaries) {
  std::uint64_t newest = copied.ranges().empty() ? 0 : copied.ranges().back().last;
  if (last_seq != kUnknownSeq) newest = std::max(newest, last_seq);
  std::map<std::string, SeqRanges, std::less<>> progress;
  {
    // What was acknowledged and waits to be written.
    const MutexLock lock(state_mutex_);
    for (const auto& [name, sink] : state_.sinks) progress[name] = sink.acknowledged;
    newest = std::max(newest, state_.last_seq);
  }
  auto old_progress = from.prepare("SELECT sink, first_seq, last_seq FROM progress");
  bool is_whole = false;
  if (old_progress) {
    auto more = step_twice(*old_progress);
    for (; more && *more; more = old_progress->step()) {
      const SeqRange range{as_count(old_progress->integer(1)), as_count(old_progress->integer(2))};
      if (range.last > kUnknownSeq / 2) continue;  // not a number we gave
      if (last_seq == kUnknownSeq) newest = std::max(newest, range.last);
      if (range.last > newest) continue;
      progress[std::string(old_progress->text(0))].add(range);
    }
    is_whole = more.has_value();
  }
  // Rather an hour that lacks its last readings than one that counts them twice.
  const bool is_folded_known = is_whole && progress.contains(kSummariesReader);
  if (has_summaries && !is_folded_known) progress[std::string(kSummariesReader)].add({0, newest});
  for (auto& [sink, ranges] : progress) {
    std::uint64_t at = 0;
    while (const auto hole = copied.first_gap(at, newest)) {
      ranges.add(*hole);
      at = hole->last + 1;
    }
    if (auto written = write_ranges(sink, ranges); !written) return written.error();
  }
  return newest;
}

}  // namespace vigile
