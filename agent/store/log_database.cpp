// SPDX-License-Identifier: Apache-2.0
#include "store/log_database.h"

#include <algorithm>

#include "store/database_image.h"
#include "store/schema.h"
#include "store/segment_row.h"

namespace vigile {

namespace {

constexpr int kCacheKiB = 256;

// The storage is, and not what is on it or the rights to it.
bool is_away(const Error& error) {
  return error.kind == ErrorKind::io || error.kind == ErrorKind::full || error.kind == ErrorKind::unreadable;
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
  auto log = std::make_unique<DatabaseLog>(options, clock);
  if (auto opened = log->open(); !opened) return opened.error();
  return std::unique_ptr<Log>(std::move(log));
}

DatabaseLog::DatabaseLog(const LogOptions& options, const Clock& clock)
    : clock_(clock),
      files_(options.files != nullptr ? *options.files : system_files()),
      path_(options.path),
      boot_id_(clock.boot_id()),
      may_be_away_(options.may_be_away),
      options_(options) {}

DatabaseLog::~DatabaseLog() {
  if (const auto flushed = flush(); !flushed) log::warning("store: " + flushed.error().message);
}

Result<void> DatabaseLog::open() {
  const MutexLock write(write_mutex_);
  const MutexLock read(read_mutex_);
  const MutexLock history(history_mutex_);
  encoder_ = std::make_unique<PayloadEncoder>();
  {
    const MutexLock state(state_mutex_);
    max_size_bytes_ = options_.max_size_bytes;
  }
  auto opened = open_or_salvage();
  if (opened || !may_be_away_ || !is_away(opened.error())) return opened;
  log::error("store: " + opened.error().message + "; it is tried again, meanwhile readings wait in memory");
  return {};
}

Result<void> DatabaseLog::lock() {
  if (lock_) return {};
  auto taken = files_.lock(path_);
  if (!taken) return taken.error();
  lock_ = std::move(*taken);
  return {};
}

Result<void> DatabaseLog::open_or_salvage() {
  auto opened = try_open();
  if (!opened) close();
  return opened;
}

Result<void> DatabaseLog::try_open() {
  close();
  if (auto locked = lock(); !locked) return locked;
  if (auto finished = finish_swap(); !finished) return finished;
  if (files_.kind(path_) == StoreFiles::Kind::other) return salvage(path_.string() + ": is no file");
  // Before SQLite writes anything to it.
  const auto damage = find_damage();
  if (!damage) return damage.error();
  if (*damage) return salvage(**damage);
  const bool is_emptied = files_.size(path_) == 0U;
  auto connected = connect_and_load();
  if (!connected && connected.error().kind == ErrorKind::unreadable) connected = connect_and_load();
  if (!connected && is_damage(connected.error())) return salvage(connected.error().message);
  return connected && is_emptied ? note_emptied() : connected;
}

// What is wrong with the files as they are. Errors: corrupt for a newer schema.
Result<std::optional<std::string>> DatabaseLog::find_damage() const {
  const auto image = DatabaseImage::open(files_, path_);
  if (!image) return image.error();
  if ((*image)->size_bytes() == 0) return (*image)->damage();
  auto db = (*image)->connect();
  if (!db) return db.error();
  const auto version = db->integer("PRAGMA user_version");
  const auto tables = db->integer("SELECT count(*) FROM sqlite_schema");
  if (version && tables && is_newer_schema(*version)) return newer_schema(path_.string(), *version);
  if (version && tables && *version == 0 && *tables > 0)
    return std::optional(path_.string() + ": is a database of another program");
  return (*image)->damage();
}

// A file without a byte in it: a log was to be there, and nothing says how much it held.
Result<void> DatabaseLog::note_emptied() {
  log::warning("store: " + path_.string() + ": is empty; a new log begins");
  {
    const MutexLock lock(state_mutex_);
    state_.damaged_at_least = true;
  }
  return put_meta(meta::kDamagedAtLeast, 1);
}

Result<void> DatabaseLog::connect_and_load() {
  if (auto connected = connect(path_); !connected) return connected;
  if (auto loaded = load_state(); !loaded) return loaded;
  if (auto noted = note_place(); !noted) return noted;
  is_closed_ = false;
  return {};
}

Result<void> DatabaseLog::connect(const std::filesystem::path& database) {
  writer_ = {};
  reader_ = {};
  const bool is_new = files_.kind(database) != StoreFiles::Kind::file;
  auto opened = Db::open(database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, files_.vfs());
  if (!opened) return opened.error();
  writer_.db = std::move(*opened);
  const std::string cache = "PRAGMA cache_size = -" + std::to_string(kCacheKiB);
  for (const std::string& pragma :
       {"PRAGMA page_size = " + std::to_string(kPageBytes), std::string("PRAGMA journal_mode = WAL"),
        std::string("PRAGMA synchronous = FULL"), std::string("PRAGMA wal_autocheckpoint = 0"),
        std::string("PRAGMA temp_store = MEMORY"), std::string("PRAGMA secure_delete = OFF"), cache}) {
    if (auto done = writer_.db.exec(pragma); !done) return done;
  }
  if (auto migrated = migrate(writer_.db, migrations()); !migrated) return migrated;
  // Just made, it must be in its directory for good, or a power cut may bring back an older journal.
  if (is_new) {
    if (auto synced = files_.sync(directory_of(path_)); !synced) return synced;
  }
  sqlite3_wal_hook(
      writer_.db.handle(),
      [](void* pages, sqlite3*, const char*, int in_wal) {
        *static_cast<int*>(pages) = in_wal;
        return SQLITE_OK;
      },
      &writer_.wal_pages);
  const auto written = prepare(
      writer_.db,
      {{&writer_.insert,
        "INSERT INTO segments(seq, clock, boot_id, first_ns, last_ns, points, raw_bytes, crc32, "
        "payload_crc32, "
        "payload, total_points, total_bytes, total_segments, thinned) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
       {&writer_.erase, "DELETE FROM segments WHERE seq >= ? AND seq <= ?"},
       {&writer_.delete_progress, "DELETE FROM progress WHERE sink = ?"},
       {&writer_.insert_progress, "INSERT INTO progress(sink, first_seq, last_seq) VALUES(?,?,?)"},
       {&writer_.insert_dead_letter,
        "INSERT INTO dead_letters(sink, refused_ns, line, reason) VALUES(?,?,?,?)"},
       {&writer_.insert_change,
        "INSERT INTO status_changes(equipment_id, time_ns, clock, boot_id, old_status, new_status, "
        "reason, until_ns, decided_after_ns) VALUES(?,?,?,?,?,?,?,?,?)"},
       {&writer_.set_meta, "INSERT OR REPLACE INTO meta(key, value, crc32) VALUES(?,?,?)"},
       {&writer_.insert_trimmed, "INSERT INTO trimmed(seq, points, segments) VALUES(?,?,?)"},
       {&writer_.page_count, "PRAGMA page_count"},
       {&writer_.free_pages, "PRAGMA freelist_count"}});
  if (!written) return written;

  auto reading = Db::open(database, SQLITE_OPEN_READWRITE, files_.vfs());
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
        "SELECT total_points - points - coalesce((SELECT points FROM trimmed WHERE trimmed.seq = "
        "segments.seq), 0) "
        "FROM segments WHERE seq >= ? ORDER BY seq LIMIT 1"},
       {&reader_.first_ns_at, "SELECT first_ns FROM segments WHERE seq >= ? ORDER BY seq LIMIT 1"},
       {&reader_.trimmed, "SELECT sum(points), sum(segments) FROM trimmed WHERE seq >= ? AND seq <= ?"},
       {&reader_.segments_through,
        "SELECT total_segments FROM segments WHERE seq <= ? ORDER BY seq DESC LIMIT 1"},
       {&reader_.segments_before,
        "SELECT total_segments - 1 - coalesce((SELECT segments FROM trimmed WHERE trimmed.seq = "
        "segments.seq), 0) "
        "FROM segments WHERE seq >= ? ORDER BY seq LIMIT 1"},
       {&reader_.number_before, "SELECT seq FROM segments WHERE seq < ? ORDER BY seq DESC LIMIT 1"}});
  if (!read) return read;
  writer_.wal_pages = static_cast<int>(files_.size(database.string() + "-wal").value_or(0) / kFrameBytes);
  return {};
}

// O(1) in the number of segments: both ends of the table, and the few rows of the other tables.
Result<void> DatabaseLog::load_state() {
  State state;
  Db& db = writer_.db;
  MetaRows counters = read_meta(db);
  if (!counters.is_whole) return Error{ErrorKind::corrupt, path_.string() + ": its counters are damaged"};
  auto& meta = counters.values;
  is_clean_ = meta[meta::kCleanEnd] != 0;
  state.last_seq = as_count(meta[meta::kLastSeq]);
  state.total_points = as_count(meta[meta::kTotalPoints]);
  state.dropped_points = as_count(meta[meta::kDroppedPoints]);
  if (state.dropped_points > 0) {
    state.dropped_from_ns = meta[meta::kDroppedFrom];
    state.dropped_to_ns = meta[meta::kDroppedTo];
  }
  state.thinned_points = as_count(meta[meta::kThinnedPoints]);
  state.thinned_made = as_count(meta[meta::kThinnedMade]);
  if (state.thinned_points > 0) {
    state.thinned_from_ns = meta[meta::kThinnedFrom];
    state.thinned_to_ns = meta[meta::kThinnedTo];
  }
  state.damaged = as_count(meta[meta::kDamaged]);
  state.damaged_points = as_count(meta[meta::kDamagedPoints]);
  state.damaged_at_least = meta[meta::kDamagedAtLeast] != 0;
  state.unsummarised_lost = as_count(meta[meta::kUnsummarisedLost]);
  if (meta.contains(meta::kGoneTo)) state.gone_to_ns = meta[meta::kGoneTo];

  const std::string columns(kSegmentColumns);
  auto last =
      db.prepare("SELECT " + columns +
                 ", total_points, total_bytes, total_segments FROM segments ORDER BY seq DESC LIMIT 1");
  auto first = db.prepare("SELECT " + columns + " FROM segments ORDER BY seq LIMIT 2");
  if (!last) return last.error();
  if (!first) return first.error();
  const auto has_last = last->step();
  if (!has_last) return has_last.error();
  const auto has_first = first->step();
  if (!has_first) return has_first.error();
  // The first version did not write the totals: with no row left, all that was is gone.
  const bool has_totals = meta.contains(meta::kTotalBytes);
  total_bytes_ = as_count(meta[has_totals ? meta::kTotalBytes : meta::kGoneBytes]);
  total_segments_ = as_count(meta[has_totals ? meta::kTotalSegments : meta::kGoneSegments]);
  state.first_seq = state.last_seq + 1;
  if (!*has_last && total_segments_ != as_count(meta[meta::kGoneSegments])) {
    return Error{ErrorKind::corrupt, path_.string() + ": its segments are not there"};
  }
  // A page that is there in part reads as rows of nothing.
  if (*has_last && (last->is_null(10) || last->integer(0) < first->integer(0))) {
    return Error{ErrorKind::corrupt, path_.string() + ": its newest segment does not read"};
  }
  if (*has_last && *has_first) {
    state.first_seq = as_count(first->integer(0));
    // Else the newest was removed, before older ones that some sink has not had.
    const bool is_newest = as_count(last->integer(0)) >= state.last_seq;
    if (is_newest) {
      state.last_seq = as_count(last->integer(0));
      state.total_points = as_count(last->integer(10));
    }
    if (is_newest || !has_totals) {
      total_bytes_ = as_count(last->integer(11));
      total_segments_ = as_count(last->integer(12));
    }
    state.points = state.total_points - as_count(meta[meta::kGonePoints]);
    state.payload_bytes = total_bytes_ - as_count(meta[meta::kGoneBytes]);
    state.segments = total_segments_ - as_count(meta[meta::kGoneSegments]);
  }
  // What is damaged within a row, no page tells. Differences below zero are huge here.
  for (const std::uint64_t count : {state.last_seq, state.total_points, total_bytes_, total_segments_,
                                    state.points, state.payload_bytes, state.segments}) {
    if (count > kMostSeq) return Error{ErrorKind::corrupt, path_.string() + ": its counters cannot be right"};
  }
  if (*has_first && (state.first_seq == 0 || state.first_seq > state.last_seq))
    return Error{ErrorKind::corrupt, path_.string() + ": its segments are numbered wrong"};

  // Its number may be the damage, and those to come are given out from there.
  if (*has_last && !is_intact(*last))
    return Error{ErrorKind::corrupt, path_.string() + ": its newest segment is damaged"};
  const bool is_first_whole = !*has_first || is_intact(*first);
  // Where the log begins it says alone: with too large a number all before that would pass for removed.
  const auto has_second = first->step();
  if (!has_second) return has_second.error();
  if (*has_second && as_count(first->integer(0)) <= state.first_seq)
    return Error{ErrorKind::corrupt, path_.string() + ": its segments are out of order"};
  first->reset();
  last->reset();

  auto progress = db.prepare("SELECT sink, first_seq, last_seq FROM progress ORDER BY sink, first_seq");
  if (!progress) return progress.error();
  for (auto row = progress->step();; row = progress->step()) {
    if (!row) return row.error();
    if (!*row) break;
    const std::string name(progress->text(0));
    const SeqRange range{as_count(progress->integer(1)), as_count(progress->integer(2))};
    if (name == kSummariesReader && !state.folded) state.folded = SinkState{};
    SinkState& reader = name == kSummariesReader ? *state.folded : state.sinks[name];
    // Nobody has what is not there yet: a range that says so would make a sink skip it.
    if (range.last > state.last_seq) {
      reader.dirty = true;  // to be written as it should be, before there is more
      state.dirty_since = clock_.boot();
    }
    const std::uint64_t until = std::min(range.last, state.last_seq);
    if (range.first <= until) reader.acknowledged.add({range.first, until});
  }
  auto unset = db.prepare("SELECT seq FROM segments WHERE clock = 1 ORDER BY seq");
  if (!unset) return unset.error();
  for (auto row = unset->step();; row = unset->step()) {
    if (!row) return row.error();
    if (!*row) break;
    state.unset.add({as_count(unset->integer(0)), as_count(unset->integer(0))});
  }
  thin_from_ = {};
  for (const int level : {1, 2}) {
    const auto newest =
        db.integer("SELECT max(seq) FROM segments WHERE thinned > 0 AND thinned >= " + std::to_string(level));
    if (!newest) return newest.error();
    thin_from_[static_cast<std::size_t>(level)] = as_count(*newest) + 1;
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

  take_state(std::move(state), counters, alive_ns);
  return is_first_whole ? Result<void>() : check_order(db, std::nullopt);
}

void DatabaseLog::take_state(State state, const MetaRows& counters, std::int64_t alive_ns) {
  const MutexLock lock(state_mutex_);
  damaged_seen_ = damaged_segments(counters);
  // After a salvage the same sinks are at work as before, and when it was away they were named meanwhile.
  for (const auto& [name, sink] : state_.sinks) {
    if (!sink.known) continue;
    const auto [at, is_new] = state.sinks.try_emplace(name);
    at->second.known = true;
    if (!is_new) continue;
    at->second.acknowledged.add({0, 0});
    at->second.dirty = true;
    state.dirty_since = clock_.boot();
  }
  if (state_.folded && !state.folded) state.folded = SinkState{.known = true, .dirty = true};
  if (!last_alive_ns_ && state_.last_seq == 0 && alive_ns != 0) last_alive_ns_ = alive_ns;
  state_ = std::move(state);
}

Result<void> insert_row(WriteConnection& writer, const StoredSegment& head, std::string_view payload,
                        const RowTotals& totals, int thinned) {
  Run run(writer.insert);
  run->bind(1, as_int(head.seq))
      .bind(2, static_cast<std::int64_t>(head.clock))
      .bind(3, std::string_view(head.boot_id))
      .bind(4, head.first_ns)
      .bind(5, head.last_ns)
      .bind(6, std::int64_t{head.points})
      .bind(7, std::int64_t{head.raw_bytes})
      .bind(8, std::int64_t{head.crc32})
      .bind(9, std::int64_t{row_check(head, payload)})
      .bind_blob(10, payload)
      .bind(11, as_int(totals.points))
      .bind(12, as_int(totals.bytes))
      .bind(13, as_int(totals.segments))
      .bind(14, std::int64_t{thinned});
  if (const auto done = run->step(); !done) return done.error();
  return {};
}

Result<void> DatabaseLog::put_meta(const char* key, std::uint64_t value) {
  Run run(writer_.set_meta);
  run->bind(1, std::string_view(key))
      .bind(2, as_int(value))
      .bind(3, std::int64_t{meta_check(key, as_int(value))});
  if (const auto done = run->step(); !done) return done.error();
  return {};
}

}  // namespace vigile
