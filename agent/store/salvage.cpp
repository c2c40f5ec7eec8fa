// SPDX-License-Identifier: Apache-2.0
// A damaged database is set aside and what still reads of it is copied into a new one. Debian's SQLite has no
// recovery extension: rows are read by number, past the damage.
#include <algorithm>

#include "store/log_database.h"
#include "store/schema.h"

namespace vigile {

namespace {

constexpr std::uint64_t kMostSkip = std::uint64_t{1} << 20;
constexpr int kCopiedATransaction = 200;

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
  return set_aside_and_salvage(cause.message);
}

Result<void> DatabaseLog::set_aside_and_salvage(const std::string& cause) {
  writer_ = {};
  reader_ = {};
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
  auto row = from.prepare(
      "SELECT seq, clock, boot_id, first_ns, last_ns, points, raw_bytes, crc32, payload_crc32, payload FROM "
      "segments "
      "WHERE seq >= ? ORDER BY seq LIMIT 1");
  if (!row) return row.error();
  // The numbers go on where the old ones ended, as far as that can be told.
  const auto newest = from.integer("SELECT max(seq) FROM segments");
  const std::uint64_t last = newest ? static_cast<std::uint64_t>(*newest) : INT64_MAX;

  SeqRanges copied;
  std::uint64_t seq = 0;
  std::uint64_t skip = 1;
  std::uint64_t points = 0;
  std::uint64_t bytes = 0;
  std::uint64_t segments = 0;
  std::uint64_t lost = 0;
  std::optional<Transaction> transaction;
  while (seq <= last) {
    Run run(*row);
    run->bind(1, static_cast<std::int64_t>(seq));
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
    seq = static_cast<std::uint64_t>(run->integer(0));
    const std::string_view payload = run->blob(9);
    if (crc32_of(payload) != static_cast<std::uint32_t>(run->integer(8))) {
      ++lost;
      ++seq;
      continue;
    }
    if (!transaction) {
      auto begun = Transaction::begin(writer_.db);
      if (!begun) return begun.error();
      transaction.emplace(std::move(*begun));
    }
    points += static_cast<std::uint64_t>(run->integer(5));
    bytes += payload.size();
    ++segments;
    Run insert(writer_.insert);
    insert->bind(1, run->integer(0)).bind(2, run->integer(1)).bind(3, run->text(2));
    for (int column = 3; column <= 8; ++column) insert->bind(column + 1, run->integer(column));
    insert->bind_blob(10, payload)
        .bind(11, static_cast<std::int64_t>(points))
        .bind(12, static_cast<std::int64_t>(bytes))
        .bind(13, static_cast<std::int64_t>(segments));
    if (const auto done = insert->step(); !done) return done.error();
    copied.add({seq, seq});
    ++seq;
    if (segments % kCopiedATransaction == 0) {
      if (auto committed = transaction->commit(); !committed) return committed;
      transaction.reset();
    }
  }
  if (transaction) {
    if (auto committed = transaction->commit(); !committed) return committed;
  }
  {
    const MutexLock lock(state_mutex_);
    salvaged_ = segments;
  }

  auto also = Transaction::begin(writer_.db);
  if (!also) return also.error();
  // Numbers that were not found again are gone for every sink.
  std::map<std::string, SeqRanges> progress;
  auto old_progress = from.prepare("SELECT sink, first_seq, last_seq FROM progress");
  if (old_progress) {
    for (auto more = old_progress->step(); more && *more; more = old_progress->step()) {
      progress[std::string(old_progress->text(0))].add(
          {static_cast<std::uint64_t>(old_progress->integer(1)),
           static_cast<std::uint64_t>(old_progress->integer(2))});
    }
  }
  for (auto& [sink, ranges] : progress) {
    std::uint64_t at = 0;
    while (const auto hole =
               copied.first_gap(at, copied.ranges().empty() ? 0 : copied.ranges().back().last)) {
      ranges.add(*hole);
      at = hole->last + 1;
    }
    for (const SeqRange& range : ranges.ranges()) {
      Run insert(writer_.insert_progress);
      insert->bind(1, std::string_view(sink))
          .bind(2, static_cast<std::int64_t>(range.first))
          .bind(3, static_cast<std::int64_t>(range.last));
      if (const auto done = insert->step(); !done) return done.error();
    }
  }
  auto letters = from.prepare("SELECT sink, refused_ns, line, reason FROM dead_letters");
  if (letters) {
    for (auto more = letters->step(); more && *more; more = letters->step()) {
      Run insert(writer_.insert_dead_letter);
      insert->bind(1, letters->text(0))
          .bind(2, letters->integer(1))
          .bind(3, letters->text(2))
          .bind(4, letters->text(3));
      if (const auto done = insert->step(); !done) return done.error();
    }
  }
  if (newest) {
    if (auto put = put_meta(meta::kLastSeq, last); !put) return put;
  }
  if (auto put = put_meta(meta::kTotalPoints, points); !put) return put;
  if (lost > 0) {
    if (auto put = put_meta(meta::kDamaged, lost); !put) return put;
  }
  return also->commit();
}

}  // namespace vigile
