// SPDX-License-Identifier: Apache-2.0
#include "store/log_database.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "store/schema.h"
#include "store/segment_row.h"
#include "store/store_lock.h"

namespace vigile {

namespace {

constexpr int kCacheKiB = 256;

// A database just made must be in its directory for good, or a power cut may bring back an older journal.
Result<void> sync_directory(const std::filesystem::path& file) {
  const auto directory = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return errno_error(directory.string(), errno);
  return {};
}

std::uint64_t bytes_of(const std::vector<StatusChange>& changes) {
  std::uint64_t bytes = 0;
  for (const StatusChange& change : changes)
    bytes += 2 * change.equipment_id.size() + change.reason.size() + kRowBytes;
  return bytes;
}

// Prepares all, or says which failed.
Result<void> prepare(Db& db, std::initializer_list<std::pair<Statement*, std::string>> statements) {
  for (const auto& [statement, sql] : statements) {
    auto prepared = db.prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Log>> Log::open(const LogOptions& options, const Clock& clock) {
  if (options.path.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(options.path.parent_path(), error);
    if (error) return errno_error(options.path.parent_path().string(), error.value());
  }
  auto lock = lock_store(options.path);
  if (!lock) return lock.error();
  auto log = std::make_unique<DatabaseLog>(options, clock, std::move(*lock));
  if (auto opened = log->open(); !opened) return opened.error();
  return std::unique_ptr<Log>(std::move(log));
}

DatabaseLog::DatabaseLog(const LogOptions& options, const Clock& clock, UniqueFd lock)
    : clock_(clock),
      path_(options.path),
      lock_(std::move(lock)),
      boot_id_(clock.boot_id()),
      options_(options) {}

DatabaseLog::~DatabaseLog() {
  if (const auto flushed = flush(); !flushed) log::warning("store: " + flushed.error().message);
}

Result<void> DatabaseLog::open() {
  const MutexLock write(write_mutex_);
  const MutexLock read(read_mutex_);
  const MutexLock history(history_mutex_);
  encoder_ = std::make_unique<PayloadEncoder>();
  auto connected = connect();
  if (!connected && connected.error().kind == ErrorKind::corrupt) {
    // A newer schema is no damage; migrate() has said so.
    auto version = writer_.db ? writer_.db.integer("PRAGMA user_version") : Result<std::int64_t>(0);
    if (version && *version > migrations().back().to) return connected;
    connected = set_aside_and_salvage(connected.error().message);
  }
  if (!connected) return connected;
  {
    const MutexLock state(state_mutex_);
    max_size_bytes_ = options_.max_size_bytes;
  }
  return {};
}

Result<void> DatabaseLog::connect() {
  writer_ = {};
  reader_ = {};
  const bool is_new = ::access(path_.c_str(), F_OK) != 0;
  auto opened = Db::open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!opened) return opened.error();
  writer_.db = std::move(*opened);
  const std::string cache = "PRAGMA cache_size = -" + std::to_string(kCacheKiB);
  for (const std::string& pragma :
       {"PRAGMA page_size = " + std::to_string(kPageBytes), std::string("PRAGMA journal_mode = WAL"),
        std::string("PRAGMA synchronous = FULL"), std::string("PRAGMA wal_autocheckpoint = 0"),
        std::string("PRAGMA temp_store = MEMORY"), cache}) {
    if (auto done = writer_.db.exec(pragma); !done) return done;
  }
  if (auto migrated = migrate(writer_.db, migrations()); !migrated) return migrated;
  if (is_new) {
    if (auto synced = sync_directory(path_); !synced) return synced;
  }
  sqlite3_wal_hook(
      writer_.db.handle(),
      [](void* pages, sqlite3*, const char*, int in_wal) {
        *static_cast<int*>(pages) = in_wal;
        return SQLITE_OK;
      },
      &writer_.wal_pages);
  const auto written =
      prepare(writer_.db,
              {{&writer_.insert,
                "INSERT INTO segments(seq, clock, boot_id, first_ns, last_ns, points, raw_bytes, crc32, "
                "payload_crc32, "
                "payload, total_points, total_bytes, total_segments) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)"},
               {&writer_.erase, "DELETE FROM segments WHERE seq >= ? AND seq <= ?"},
               {&writer_.delete_progress, "DELETE FROM progress WHERE sink = ?"},
               {&writer_.insert_progress, "INSERT INTO progress(sink, first_seq, last_seq) VALUES(?,?,?)"},
               {&writer_.insert_dead_letter,
                "INSERT INTO dead_letters(sink, refused_ns, line, reason) VALUES(?,?,?,?)"},
               {&writer_.insert_change,
                "INSERT INTO status_changes(equipment_id, time_ns, clock, boot_id, old_status, new_status, "
                "reason, until_ns) VALUES(?,?,?,?,?,?,?,?)"},
               {&writer_.set_meta, "INSERT OR REPLACE INTO meta(key, value) VALUES(?,?)"},
               {&writer_.page_count, "PRAGMA page_count"},
               {&writer_.free_pages, "PRAGMA freelist_count"}});
  if (!written) return written;

  auto reading = Db::open(path_, SQLITE_OPEN_READWRITE);
  if (!reading) return reading.error();
  reader_.db = std::move(*reading);
  if (auto done = reader_.db.exec(cache + "; PRAGMA query_only = 1"); !done) return done;
  const std::string columns(kSegmentColumns);
  const auto read = prepare(
      reader_.db,
      {{&reader_.by_seq, "SELECT " + columns + " FROM segments WHERE seq >= ? AND seq <= ? ORDER BY seq"},
       {&reader_.by_time,
        "SELECT " + columns +
            " FROM segments WHERE seq >= ? AND last_ns >= ? AND first_ns < ? AND clock <> 1 ORDER BY seq"},
       {&reader_.points_through,
        "SELECT total_points FROM segments WHERE seq <= ? ORDER BY seq DESC LIMIT 1"},
       {&reader_.points_before,
        "SELECT total_points - points FROM segments WHERE seq >= ? ORDER BY seq LIMIT 1"},
       {&reader_.first_ns_at, "SELECT first_ns FROM segments WHERE seq >= ? ORDER BY seq LIMIT 1"},
       {&reader_.trimmed, "SELECT sum(points) FROM trimmed WHERE seq >= ? AND seq <= ?"}});
  if (!read) return read;
  return load_state();
}

// O(1) in the number of segments: both ends of the table, and the few rows of the other tables.
Result<void> DatabaseLog::load_state() {
  State state;
  Db& db = writer_.db;
  std::map<std::string, std::int64_t> meta;
  auto rows = db.prepare("SELECT key, value FROM meta");
  if (!rows) return rows.error();
  for (auto row = rows->step();; row = rows->step()) {
    if (!row) return row.error();
    if (!*row) break;
    meta[std::string(rows->text(0))] = rows->integer(1);
  }
  state.last_seq = as_count(meta[meta::kLastSeq]);
  state.total_points = as_count(meta[meta::kTotalPoints]);
  state.dropped_points = as_count(meta[meta::kDroppedPoints]);
  if (state.dropped_points > 0) {
    state.dropped_from_ns = meta[meta::kDroppedFrom];
    state.dropped_to_ns = meta[meta::kDroppedTo];
  }
  state.damaged = as_count(meta[meta::kDamaged]);
  state.unsummarised_lost = as_count(meta[meta::kUnsummarisedLost]);
  if (meta.contains(meta::kGoneTo)) state.gone_to_ns = meta[meta::kGoneTo];

  auto last = db.prepare(
      "SELECT seq, total_points, total_bytes, total_segments FROM segments ORDER BY seq DESC LIMIT 1");
  auto first = db.prepare("SELECT seq FROM segments ORDER BY seq LIMIT 1");
  if (!last) return last.error();
  if (!first) return first.error();
  const auto has_last = last->step();
  if (!has_last) return has_last.error();
  const auto has_first = first->step();
  if (!has_first) return has_first.error();
  state.first_seq = state.last_seq + 1;
  if (*has_last && *has_first) {
    state.first_seq = as_count(first->integer(0));
    state.last_seq = as_count(last->integer(0));
    state.total_points = as_count(last->integer(1));
    state.points = state.total_points - as_count(meta[meta::kGonePoints]);
    state.payload_bytes = as_count(last->integer(2) - meta[meta::kGoneBytes]);
    state.segments = as_count(last->integer(3) - meta[meta::kGoneSegments]);
  }

  auto progress = db.prepare("SELECT sink, first_seq, last_seq FROM progress ORDER BY sink, first_seq");
  if (!progress) return progress.error();
  for (auto row = progress->step();; row = progress->step()) {
    if (!row) return row.error();
    if (!*row) break;
    const std::string name(progress->text(0));
    SinkState& reader = name == kSummariesReader ? (state.folded ? *state.folded : state.folded.emplace())
                                                 : state.sinks[name];
    reader.acknowledged.add({as_count(progress->integer(1)), as_count(progress->integer(2))});
  }
  auto unset = db.prepare("SELECT seq FROM segments WHERE clock = 1 ORDER BY seq");
  if (!unset) return unset.error();
  for (auto row = unset->step();; row = unset->step()) {
    if (!row) return row.error();
    if (!*row) break;
    state.unset.add({as_count(unset->integer(0)), as_count(unset->integer(0))});
  }
  const auto letters = db.integer("SELECT count(*) FROM dead_letters");
  if (!letters) return letters.error();
  state.dead_letters = as_count(*letters);

  // Readings that came late have older times: a few segments say more than one.
  const auto alive = db.integer(
      "SELECT max(last_ns) FROM (SELECT last_ns FROM segments WHERE clock = 0 ORDER BY seq DESC LIMIT 32)");
  if (!alive) return alive.error();
  std::int64_t alive_ns = *alive;
  for (const char* key : {meta::kGoneTo, meta::kLastAlive}) {
    if (meta.contains(key)) alive_ns = std::max(alive_ns, meta[key]);
  }

  total_bytes_ = *has_last ? as_count(last->integer(2)) : as_count(meta[meta::kGoneBytes]);
  total_segments_ = *has_last ? as_count(last->integer(3)) : as_count(meta[meta::kGoneSegments]);

  const MutexLock lock(state_mutex_);
  // After a salvage the same sinks are at work as before.
  for (const auto& [name, sink] : state_.sinks) {
    if (sink.known) state.sinks[name].known = true;
  }
  if (state_.folded && !state.folded) state.folded = SinkState{.known = true, .dirty = true};
  if (!last_alive_ns_ && state_.last_seq == 0 && alive_ns != 0) last_alive_ns_ = alive_ns;
  state_ = std::move(state);
  return {};
}

Result<void> DatabaseLog::put_meta(const char* key, std::uint64_t value) {
  Run run(writer_.set_meta);
  run->bind(1, std::string_view(key)).bind(2, as_int(value));
  if (const auto done = run->step(); !done) return done.error();
  return {};
}

Result<void> DatabaseLog::set_sinks(const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), kSummariesReader) != names.end())
    return Error{ErrorKind::config, "a sink cannot have the name of the summaries"};
  const MutexLock write(write_mutex_);
  {
    const MutexLock lock(state_mutex_);
    for (auto& [name, sink] : state_.sinks) sink.known = false;
    for (const std::string& name : names) {
      const auto [sink, is_new] = state_.sinks.try_emplace(name);
      sink->second.known = true;
      // Kept from now on, so that what it has not delivered stays listed when it leaves the settings.
      if (is_new) {
        sink->second.acknowledged.add({0, 0});
        sink->second.dirty = true;
      }
    }
  }
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  if (auto written = write_progress(); !written) return written;
  if (auto committed = transaction->commit(); !committed) return committed;
  progress_written();
  return {};
}

Result<void> DatabaseLog::forget_sink(std::string_view name) {
  const MutexLock write(write_mutex_);
  {
    const MutexLock lock(state_mutex_);
    const auto sink = state_.sinks.find(name);
    if (sink == state_.sinks.end())
      return Error{ErrorKind::not_found, "no sink \"" + std::string(name) + "\""};
    if (sink->second.known) {
      return Error{ErrorKind::config,
                   "sink \"" + std::string(name) + "\" is in the settings: take it out first"};
    }
  }
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  std::int64_t letters = 0;
  for (const char* sql : {"DELETE FROM progress WHERE sink = ?", "DELETE FROM dead_letters WHERE sink = ?"}) {
    auto statement = writer_.db.prepare(sql);
    if (!statement) return statement.error();
    statement->bind(1, name);
    if (const auto done = statement->step(); !done) return done.error();
    letters = sqlite3_changes64(writer_.db.handle());
  }
  if (auto committed = transaction->commit(); !committed) return committed;
  const MutexLock lock(state_mutex_);
  state_.sinks.erase(state_.sinks.find(name));
  state_.dead_letters -= as_count(letters);
  return {};
}

// Within a transaction; progress_written() follows its commit.
Result<void> DatabaseLog::write_progress() {
  std::vector<std::pair<std::string, SeqRanges>> dirty;
  {
    const MutexLock lock(state_mutex_);
    for (const auto& [name, sink] : state_.sinks) {
      if (sink.dirty) dirty.emplace_back(name, sink.acknowledged);
    }
    if (state_.folded && state_.folded->dirty)
      dirty.emplace_back(kSummariesReader, state_.folded->acknowledged);
  }
  for (const auto& [name, ranges] : dirty) {
    if (auto written = write_ranges(name, ranges); !written) return written;
  }
  return {};
}

Result<void> DatabaseLog::write_ranges(std::string_view reader, const SeqRanges& ranges) {
  Run erase(writer_.delete_progress);
  erase->bind(1, reader);
  if (const auto done = erase->step(); !done) return done.error();
  for (const SeqRange& range : ranges.ranges()) {
    Run insert(writer_.insert_progress);
    insert->bind(1, reader).bind(2, as_int(range.first)).bind(3, as_int(range.last));
    if (const auto done = insert->step(); !done) return done.error();
  }
  return {};
}

void DatabaseLog::progress_written() {
  const MutexLock lock(state_mutex_);
  mark_progress_written();
}

void DatabaseLog::mark_progress_written() {
  for (auto& [name, sink] : state_.sinks) sink.dirty = false;
  if (state_.folded) state_.folded->dirty = false;
  state_.dirty_since.reset();
}

Result<std::uint64_t> DatabaseLog::append(const NewSegment& segment) {
  Error damage;
  {
    const MutexLock write(write_mutex_);
    auto appended = insert(segment);
    if (appended || appended.error().kind != ErrorKind::corrupt) return appended;
    damage = appended.error();
  }
  if (auto recovered = recover(damage); !recovered) return recovered.error();
  const MutexLock write(write_mutex_);
  return insert(segment);
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
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  {
    Run run(writer_.insert);
    run->bind(1, as_int(seq))
        .bind(2, static_cast<std::int64_t>(segment.clock))
        .bind(3, std::string_view(boot_id_))
        .bind(4, segment.first_ns)
        .bind(5, segment.last_ns)
        .bind(6, std::int64_t{segment.points})
        .bind(7, static_cast<std::int64_t>(segment.lines.size()))
        .bind(8, std::int64_t{crc32_of(segment.lines)})
        .bind(9, std::int64_t{crc32_of(payload_)})
        .bind_blob(10, payload_)
        .bind(11, as_int(total_points))
        .bind(12, as_int(total_bytes_ + payload_.size()))
        .bind(13, as_int(total_segments_ + 1));
    if (const auto done = run->step(); !done) return done.error();
  }
  if (auto inserted = insert_changes(segment); !inserted) return inserted.error();
  if (auto written = write_progress(); !written) return written.error();
  if (auto committed = transaction->commit(); !committed) return committed.error();
  progress_written();
  total_bytes_ += payload_.size();
  ++total_segments_;
  const MutexLock lock(state_mutex_);
  state_.last_seq = seq;
  state_.total_points = total_points;
  state_.points += segment.points;
  state_.payload_bytes += payload_.size();
  ++state_.segments;
  if (segment.clock == ClockState::unset) state_.unset.add({seq, seq});
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
        .bind(7, std::string_view(change.reason));
    if (change.until_ns) run->bind(8, *change.until_ns);
    if (const auto done = run->step(); !done) return done.error();
  }
  return {};
}

Result<void> DatabaseLog::commit_changes(const NewSegment& segment) {
  if (segment.changes.empty()) return {};
  const auto room = make_room(bytes_of(segment.changes), segment.changes.size(), RoomFor::memories);
  if (!room) return room.error();
  if (!*room) return Error{ErrorKind::full, path_.string() + ": no room for status changes"};
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  if (auto inserted = insert_changes(segment); !inserted) return inserted;
  return transaction->commit();
}

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
    raw_bytes += as_count(rows->integer(6));
    points += as_count(rows->integer(5));
    if (!segments.empty() && (raw_bytes > limits.raw_bytes || points > limits.points)) return read;
    if (!is_intact(reader_.by_seq)) {
      // What came before it goes first; the next read meets it again.
      if (segments.empty()) read.damaged = as_count(rows->integer(0));
      return read;
    }
    segments.push_back(segment_of(reader_.by_seq));
  }
}

void DatabaseLog::count_damaged(std::uint64_t seq) {
  log::error("store: segment " + std::to_string(seq) + " is damaged and is passed over");
  const MutexLock lock(state_mutex_);
  ++state_.damaged;
  for (auto& [name, sink] : state_.sinks) {
    sink.acknowledged.add({seq, seq});
    sink.dirty = true;
  }
  if (state_.folded) {
    state_.folded->acknowledged.add({seq, seq});
    state_.folded->dirty = true;
  }
  if (!state_.dirty_since) state_.dirty_since = clock_.boot();
}

Result<std::vector<StoredSegment>> DatabaseLog::read_undelivered(std::string_view sink,
                                                                 std::uint64_t from_seq,
                                                                 const ReadLimits& limits) {
  for (;;) {
    const auto run = next_run(sink, from_seq);
    if (!run) return std::vector<StoredSegment>{};
    Error damage;
    {
      const MutexLock lock(read_mutex_);
      auto read = read_run(*run, limits);
      if (!read && read.error().kind != ErrorKind::corrupt) return read.error();
      if (read && !read->segments.empty()) return std::move(read->segments);
      if (read && read->damaged) {
        count_damaged(*read->damaged);
        continue;
      }
      if (read) {  // numbers without rows: lost in a salvage
        from_seq = run->last + 1;
        continue;
      }
      damage = read.error();
    }
    if (auto recovered = recover(damage); !recovered) return recovered.error();
  }
}

Result<std::vector<StoredSegment>> DatabaseLog::read_history(std::int64_t from_ns, std::int64_t to_ns,
                                                             std::uint64_t from_seq,
                                                             const ReadLimits& limits) {
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
}

Result<void> DatabaseLog::acknowledge(std::string_view sink, SeqRange range,
                                      const std::vector<DeadLetter>& dead_letters) {
  if (dead_letters.empty()) return settle(sink, range);

  const MutexLock write(write_mutex_);
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  for (const DeadLetter& letter : dead_letters) {
    Run run(writer_.insert_dead_letter);
    run->bind(1, sink)
        .bind(2, letter.refused_ns)
        .bind(3, std::string_view(letter.line))
        .bind(4, std::string_view(letter.reason));
    if (const auto done = run->step(); !done) return done.error();
  }
  SeqRanges before;
  {
    const MutexLock lock(state_mutex_);
    const auto found = state_.sinks.find(sink);
    if (found != state_.sinks.end()) before = found->second.acknowledged;
  }
  auto result = settle(sink, range);
  if (result) result = write_progress();
  if (result) result = transaction->commit();
  const MutexLock lock(state_mutex_);
  if (!result) {
    // Neither the letters nor the progress: the batch is tried again.
    const auto found = state_.sinks.find(sink);
    if (found != state_.sinks.end()) found->second.acknowledged = before;
    return result;
  }
  mark_progress_written();
  state_.dead_letters += dead_letters.size();
  return {};
}

Result<void> DatabaseLog::settle(std::string_view sink, SeqRange range) {
  const MutexLock lock(state_mutex_);
  const auto found = state_.sinks.find(sink);
  if (found == state_.sinks.end())
    return Error{ErrorKind::not_found, "no sink \"" + std::string(sink) + "\""};
  found->second.acknowledged.add(range);
  found->second.dirty = true;
  if (!state_.dirty_since) state_.dirty_since = clock_.boot();
  return {};
}

Result<void> DatabaseLog::flush() {
  const MutexLock write(write_mutex_);
  std::uint64_t damaged = 0;
  {
    const MutexLock lock(state_mutex_);
    if (!state_.dirty_since) return {};
    damaged = state_.damaged;
  }
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  if (auto written = write_progress(); !written) return written;
  if (damaged > 0) {
    if (auto put = put_meta(meta::kDamaged, damaged); !put) return put;
  }
  if (auto committed = transaction->commit(); !committed) return committed;
  progress_written();
  return checkpoint(0);
}

Result<std::vector<DeadLetter>> DatabaseLog::dead_letters(std::string_view sink, std::uint64_t after_id,
                                                          std::size_t limit) {
  const MutexLock lock(read_mutex_);
  auto rows = reader_.db.prepare(
      "SELECT id, sink, refused_ns, line, reason FROM dead_letters WHERE id > ? AND (? = '' OR sink = ?) "
      "ORDER BY id LIMIT ?");
  if (!rows) return rows.error();
  rows->bind(1, as_int(after_id)).bind(2, sink).bind(3, sink).bind(4, static_cast<std::int64_t>(limit));
  std::vector<DeadLetter> letters;
  for (;;) {
    const auto row = rows->step();
    if (!row) return row.error();
    if (!*row) return letters;
    letters.push_back(DeadLetter{as_count(rows->integer(0)), std::string(rows->text(1)), rows->integer(2),
                                 std::string(rows->text(3)), std::string(rows->text(4))});
  }
}

Result<std::uint64_t> DatabaseLog::clear_dead_letters(std::string_view sink) {
  const MutexLock write(write_mutex_);
  auto statement = writer_.db.prepare("DELETE FROM dead_letters WHERE ? = '' OR sink = ?");
  if (!statement) return statement.error();
  statement->bind(1, sink).bind(2, sink);
  if (const auto done = statement->step(); !done) return done.error();
  const auto cleared = as_count(sqlite3_changes64(writer_.db.handle()));
  const MutexLock lock(state_mutex_);
  state_.dead_letters -= cleared;
  return cleared;
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
    status.unsummarised_lost_points = state_.unsummarised_lost;
    status.damaged_segments = state_.damaged;
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
        backlog.segments += gap.last + 1 - gap.first;
        backlog.points +=
            as_count(look_up(reader_.points_through, gap.last) - look_up(reader_.points_before, gap.first));
        Run trimmed(reader_.trimmed);
        trimmed->bind(1, as_int(gap.first)).bind(2, as_int(gap.last));
        if (const auto row = trimmed->step(); row && *row) backlog.points -= as_count(trimmed->integer(0));
      }
      if (!gaps.empty()) backlog.oldest_ns = look_up(reader_.first_ns_at, gaps.front().first);
      // One that has left the settings and has nothing waiting is of no interest.
      if (backlog.known || backlog.points > 0) status.sinks.push_back(std::move(backlog));
    }
  }
  for (const char* suffix : {"", "-wal"}) {
    std::error_code absent;
    const auto bytes = std::filesystem::file_size(path_.string() + suffix, absent);
    if (!absent) status.size_bytes += bytes;
  }
  return status;
}

}  // namespace vigile
