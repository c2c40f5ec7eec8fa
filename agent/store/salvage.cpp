// SPDX-License-Identifier: Apache-2.0
// A damaged database is set aside and what still reads of it is copied into a new one. Debian's SQLite has no
// recovery extension: rows are read by number, past the damage.
#include <algorithm>

#include "store/log_database.h"
#include "store/schema.h"
#include "store/segment_row.h"

namespace vigile {

namespace {

constexpr std::uint64_t kMostSkip = std::uint64_t{1} << 20;
constexpr int kCopiedATransaction = 200;
// A larger number is damage, and the numbers that follow must not come near their end.
constexpr std::uint64_t kMostSalvagedSeq = kMostSeq / 2;
constexpr std::int64_t kHourNs = 3'600'000'000'000;

// "2026-11-24T075347Z": the time in a file name.
std::string time_suffix(WallTime now) {
  std::string text = to_iso8601(now);
  text.resize(19);
  std::erase(text, ':');
  return text + "Z";
}

}  // namespace

Result<void> DatabaseLog::recover(const Error& cause) {
  const MutexLock write(write_mutex_);
  const MutexLock read(read_mutex_);
  const MutexLock history(history_mutex_);
  return set_aside_and_salvage(cause.message);
}

Result<void> DatabaseLog::set_aside_and_salvage(const std::string& cause) {
  writer_ = {};
  reader_ = {};
  history_ = {};
  summary_bytes_.reset();
  const auto directory = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  const std::string prefix = path_.filename().string() + ".corrupt-";
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    std::error_code ignored;
    if (entry.path().filename().string().starts_with(prefix)) std::filesystem::remove(entry.path(), ignored);
  }
  const std::string aside = path_.string() + ".corrupt-" + time_suffix(clock_.wall());
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::rename(path_.string() + suffix, aside + suffix, error);
    if (error && error != std::errc::no_such_file_or_directory)
      return errno_error(path_.string() + suffix, error.value());
  }
  log::error("store: " + cause + "; the damaged database is kept as " + aside);
  if (auto connected = connect(); !connected) return connected;
  const auto copied = copy_from(aside);
  if (!copied) log::error("store: nothing could be salvaged: " + copied.error().message);
  if (auto loaded = load_state(); !loaded) return loaded;
  const MutexLock lock(state_mutex_);
  set_aside_ = aside;
  log::notice("store: salvaged " + std::to_string(salvaged_) + " segments with " +
              std::to_string(state_.points) + " points");
  return {};
}

Result<void> DatabaseLog::copy_from(const std::filesystem::path& damaged) {
  auto opened = Db::open(damaged, SQLITE_OPEN_READWRITE);
  if (!opened) return opened.error();
  Db& from = *opened;
  // With this SQLite reads a file that is shorter than its header says, as far as it goes.
  if (auto done = from.exec("PRAGMA writable_schema = ON"); !done) return done;
  // The numbers go on where the old ones ended, as far as that can be told.
  const auto newest = from.integer("SELECT max(seq) FROM segments");
  const std::uint64_t last = newest ? std::min(as_count(*newest), kMostSalvagedSeq) : kMostSalvagedSeq;
  const auto copied = copy_segments(from, last);
  if (!copied) return copied.error();

  const auto summaries =
      copy_table(from, "SELECT hour_ns, crc32, payload FROM summaries WHERE hour_ns >= ? ORDER BY hour_ns",
                 "INSERT INTO summaries(hour_ns, crc32, payload) VALUES(?,?,?)", kHourNs);
  if (!summaries) return summaries.error();
  if (summaries->met_damage) log::error("store: some hours of summaries are lost");
  for (const auto& [table, columns] :
       {std::pair{"status_changes",
                  "id, equipment_id, time_ns, clock, boot_id, old_status, new_status, reason, until_ns"},
        std::pair{"gaps", "from_ns, to_ns"}, std::pair{"spans", "first_seq, last_seq, first_ns, last_ns"},
        std::pair{"trimmed", "seq, points"},
        std::pair{"dead_letters", "id, sink, refused_ns, line, reason"}}) {
    const std::string names(columns);
    const std::string key = names.substr(0, names.find(','));
    std::string values = "?";
    for (const char c : names) {
      if (c == ',') values += ",?";
    }
    const std::int64_t step = std::string_view(table) == "gaps" ? kHourNs : 1;
    const auto rows = copy_table(
        from, "SELECT " + names + " FROM " + table + " WHERE " + key + " >= ? ORDER BY " + key,
        std::string("INSERT OR IGNORE INTO ") + table + "(" + names + ") VALUES(" + values + ")", step);
    if (!rows) return rows.error();
  }

  auto also = Transaction::begin(writer_.db);
  if (!also) return also.error();
  if (auto done = copy_progress(from, *copied, summaries->rows > 0); !done) return done;
  if (newest) {
    if (auto put = put_meta(meta::kLastSeq, last); !put) return put;
  }
  for (const char* key : {meta::kUnsummarisedLost, meta::kGoneTo, meta::kLastAlive}) {
    const auto value = from.integer(std::string("SELECT value FROM meta WHERE key = '") + key + "'");
    if (!value || *value == 0) continue;
    if (auto put = put_meta(key, as_count(*value)); !put) return put;
  }
  return also->commit();
}

Result<SeqRanges> DatabaseLog::copy_segments(Db& from, std::uint64_t last) {
  auto row = from.prepare("SELECT " + std::string(kSegmentColumns) +
                          " FROM segments WHERE seq >= ? ORDER BY seq LIMIT 1");
  if (!row) return row.error();
  SeqRanges copied;
  std::uint64_t seq = 1;
  std::uint64_t skip = 1;
  std::uint64_t points = 0;
  std::uint64_t bytes = 0;
  std::uint64_t segments = 0;
  std::uint64_t lost = 0;
  std::optional<Transaction> transaction;
  while (seq <= last) {
    Run run(*row);
    run->bind(1, as_int(seq));
    const auto found = run->step();
    if (found && !*found) break;
    if (!found) {
      // Behind the damage there may be more: look further and further ahead.
      if (skip > kMostSkip) break;
      seq += skip;
      skip *= 2;
      continue;
    }
    skip = 1;
    seq = as_count(run->integer(0));
    if (seq > last) break;
    if (!is_intact(*row)) {
      ++lost;
      ++seq;
      continue;
    }
    if (!transaction) {
      auto begun = Transaction::begin(writer_.db);
      if (!begun) return begun.error();
      transaction.emplace(std::move(*begun));
    }
    const std::string_view payload = run->blob(9);
    points += as_count(run->integer(5));
    bytes += payload.size();
    ++segments;
    Run insert(writer_.insert);
    for (int column = 0; column <= 8; ++column) insert->bind_column(column + 1, *row, column);
    insert->bind_blob(10, payload)
        .bind(11, as_int(points))
        .bind(12, as_int(bytes))
        .bind(13, as_int(segments));
    if (const auto done = insert->step(); !done) return done.error();
    copied.add({seq, seq});
    ++seq;
    if (segments % kCopiedATransaction == 0) {
      if (auto committed = transaction->commit(); !committed) return committed.error();
      transaction.reset();
    }
  }
  if (!transaction) {
    auto begun = Transaction::begin(writer_.db);
    if (!begun) return begun.error();
    transaction.emplace(std::move(*begun));
  }
  for (const auto& [key, value] : {std::pair{meta::kTotalPoints, points}, std::pair{meta::kTotalBytes, bytes},
                                   std::pair{meta::kTotalSegments, segments}}) {
    if (auto put = put_meta(key, value); !put) return put.error();
  }
  if (lost > 0) {
    if (auto put = put_meta(meta::kDamaged, lost); !put) return put.error();
  }
  if (auto committed = transaction->commit(); !committed) return committed.error();
  const MutexLock lock(state_mutex_);
  salvaged_ = segments;
  return copied;
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
  std::int64_t at = 0;
  for (std::int64_t skip = 1; skip <= as_int(kMostSkip);) {
    auto transaction = Transaction::begin(writer_.db);
    if (!transaction) return transaction.error();
    Run run(*rows);
    run->bind(1, at);
    bool is_end = false;
    bool is_damaged = false;
    for (int taken = 0; taken < kCopiedATransaction && !is_end && !is_damaged; ++taken) {
      const auto row = run->step();
      is_damaged = !row;
      is_end = row && !*row;
      if (!row || !*row) break;
      at = run->integer(0) + 1;
      skip = 1;
      Run copy(*put);
      for (int column = 0; column < columns; ++column) copy->bind_column(column + 1, *rows, column);
      if (const auto done = copy->step(); !done) return done.error();
      ++copied.rows;
    }
    if (auto committed = transaction->commit(); !committed) return committed.error();
    if (is_end) return copied;
    if (!is_damaged) continue;
    copied.met_damage = true;
    at += skip * step;
    skip *= 2;
  }
  return copied;
}

// Numbers that were not found again are gone for every reader.
Result<void> DatabaseLog::copy_progress(Db& from, const SeqRanges& copied, bool has_summaries) {
  const std::uint64_t newest = copied.ranges().empty() ? 0 : copied.ranges().back().last;
  std::map<std::string, SeqRanges, std::less<>> progress;
  auto old_progress = from.prepare("SELECT sink, first_seq, last_seq FROM progress");
  bool is_whole = false;
  if (old_progress) {
    auto more = old_progress->step();
    for (; more && *more; more = old_progress->step()) {
      progress[std::string(old_progress->text(0))].add(
          {as_count(old_progress->integer(1)), as_count(old_progress->integer(2))});
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
    if (auto written = write_ranges(sink, ranges); !written) return written;
  }
  return {};
}

}  // namespace vigile
