// SPDX-License-Identifier: Apache-2.0
// The log's files are removed, moved, replaced or made unreachable while they are open. SQLite goes on with
// what it has open, and what it commits there is gone when we end: nothing says so but the names. So before
// and after each commit the names are looked at, and a log that is not where it belongs is put back there.
#include "core/logging.h"
#include "store/log_database.h"
#include "store/schema.h"
#include "store/segment_row.h"

namespace vigile {

namespace {

// Not there yet: a power cut while it is made leaves it incomplete, unlike what salvage_of() names.
std::filesystem::path unfinished(const std::filesystem::path& database) {
  return database.string() + ".unfinished";
}

std::string quoted(const std::filesystem::path& path) {
  std::string text = "'";
  for (const char c : path.string()) text.append(c == '\'' ? 2 : 1, c);
  return text += "'";
}

}  // namespace

Result<void> DatabaseLog::note_place() {
  FilesInPlace place{.wal_name = std::string(sqlite3_db_filename(writer_.db.handle(), "main")) + "-wal"};
  const auto database = files_.identity(path_);
  if (!database) return database.error();
  const auto wal = files_.identity(place.wal_name);
  if (!wal) return wal.error();
  place.database = *database;
  place.wal = *wal;
  if (const auto locked = files_.identity(path_.string() + ".lock")) place.lock = *locked;
  const MutexLock lock(state_mutex_);
  place_ = std::move(place);
  return {};
}

std::optional<Displaced> DatabaseLog::displaced() const {
  std::optional<FilesInPlace> place;
  {
    const MutexLock lock(state_mutex_);
    place = place_;
  }
  if (!place) return std::nullopt;
  for (const bool is_wal : {false, true}) {
    const std::string name = is_wal ? place->wal_name : path_.string();
    const auto found = files_.identity(name);
    if (!found && found.error().kind == ErrorKind::permission)
      return Displaced{{ErrorKind::permission, found.error().message + ", while it is open"}, is_wal, false};
    if (!found && found.error().kind != ErrorKind::not_found) return Displaced{found.error(), is_wal, true};
    if (!found)
      return Displaced{{ErrorKind::io, name + ": was removed or moved while it was open"}, is_wal, true};
    if (*found != (is_wal ? place->wal : place->database))
      return Displaced{
          {ErrorKind::io, name + ": was replaced by another file while it was open"}, is_wal, true};
  }
  return std::nullopt;
}

Result<void> DatabaseLog::check_wal() const {
  std::string wal;
  {
    const MutexLock lock(state_mutex_);
    if (!place_) return {};
    wal = place_->wal_name;
  }
  if (files_.size(wal).value_or(0) < wal_bytes())
    return Error{ErrorKind::corrupt, wal + ": is shorter than what was written to it"};
  return {};
}

Result<void> DatabaseLog::keep_place() {
  if (is_closed_ || !displaced()) return {};
  const MutexLock write(write_mutex_);
  const MutexLock read(read_mutex_);
  const MutexLock history(history_mutex_);
  const auto moved = is_closed_ ? std::nullopt : displaced();
  return moved ? move_back(*moved) : Result<void>();
}

// The lock may be gone with the directory, or be held by another vigiled that was started meanwhile.
Result<void> DatabaseLog::lock_again() {
  std::optional<StoreFiles::Identity> held;
  {
    const MutexLock state(state_mutex_);
    if (place_) held = place_->lock;
  }
  const auto found = files_.identity(path_.string() + ".lock");
  if (found ? held == *found : !held) return {};
  auto taken = files_.lock(path_);
  if (!taken) return taken.error();
  lock_ = std::move(*taken);
  return {};
}

// When this fails all is as before: sinks read what is open, and the next write tries again.
Result<void> DatabaseLog::move_back(const Displaced& moved) {
  if (!moved.may_return) return moved.cause;
  const auto failed = [&](const Error& error) {
    return Error{error.kind == ErrorKind::permission ? ErrorKind::permission : ErrorKind::io,
                 moved.cause.message + "; it cannot be made again: " + error.message};
  };
  if (auto locked = lock_again(); !locked) return failed(locked.error());
  (void)commit_progress();  // at worst the sinks get it once more
  if (moved.is_wal) return fold_wal(moved.cause);

  std::string outcome = "; what it held is carried over to a new one";
  if (auto copied = copy_open(); !copied) {
    if (!is_damage(copied.error())) return failed(copied.error());
    const auto lost = begin_anew();
    if (!lost) return failed(lost.error());
    outcome = "; it does not read any more (" + copied.error().message + ") and a new one begins: lost " +
              std::to_string(lost->segments) + " segments with " + std::to_string(lost->points) + " points";
  }
  close();
  const auto aside = put_in_place(true);
  if (!aside) return failed(aside.error());
  if (!aside->empty()) outcome += "; the file in its place is kept as " + *aside;
  log::error("store: " + moved.cause.message + outcome);
  if (auto connected = connect_and_load(); !connected) return connected;
  const MutexLock lock(state_mutex_);
  ++salvages_;
  if (!aside->empty()) set_aside_ = *aside;
  return {};
}

// The database is where it belongs: it takes what the WAL holds, and the next one begins empty.
Result<void> DatabaseLog::fold_wal(const Error& cause) {
  if (auto done = writer_.db.exec("PRAGMA wal_checkpoint(TRUNCATE)"); !done)
    return Error{ErrorKind::io,
                 cause.message + "; the database does not take what it held: " + done.error().message};
  close();
  log::error("store: " + cause.message + "; what it held is in the database, and a new one begins");
  return open_or_salvage();
}

// All that is open, into a database beside path_, whole when this returns.
Result<void> DatabaseLog::copy_open() {
  const auto copy = unfinished(path_);
  if (auto removed = remove_database(copy); !removed) return removed;
  if (auto done = writer_.db.exec("VACUUM INTO " + quoted(copy)); !done) return done;
  {
    auto made = Db::open(copy, SQLITE_OPEN_READWRITE, files_.vfs());
    if (!made) return Error{ErrorKind::io, made.error().message};
    // A transaction of its own: with it the copy is on the medium.
    if (auto done = made->exec("PRAGMA journal_mode = WAL"); !done)
      return Error{ErrorKind::io, done.error().message};
  }
  if (auto removed = remove_database(salvage_of(path_)); !removed) return removed;
  if (auto moved = files_.rename(copy, salvage_of(path_)); !moved) return moved;
  return files_.sync(directory_of(path_));
}

// Of a log that does not read: an empty one beside path_, whose numbers go on and whose counters say what is
// lost.
Result<Loss> DatabaseLog::begin_anew() {
  const auto copy = unfinished(path_);
  if (auto removed = remove_database(copy); !removed) return removed.error();
  WriteConnection writer = std::exchange(writer_, {});
  ReadConnection reader = std::exchange(reader_, {});
  auto made = connect(copy);
  if (made) made = put_counters_of_lost();
  if (made) made = writer_.db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  writer_ = std::move(writer);
  reader_ = std::move(reader);
  if (made) made = remove_database(salvage_of(path_));
  if (made) made = files_.rename(copy, salvage_of(path_));
  if (made) made = files_.sync(directory_of(path_));
  if (!made) return made.error();
  const MutexLock lock(state_mutex_);
  return Loss{.segments = state_.segments, .points = state_.points};
}

Result<void> DatabaseLog::put_counters_of_lost() {
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  if (auto put = put_held(0, 0, 0); !put) return put;
  std::vector<std::pair<const char*, std::uint64_t>> counters;
  std::vector<std::string> readers;
  SeqRange all;
  {
    const MutexLock lock(state_mutex_);
    counters = {{meta::kDamaged, state_.damaged + state_.segments},
                {meta::kDamagedPoints, state_.damaged_points + state_.points},
                {meta::kDamagedAtLeast, state_.damaged_at_least ? 1 : 0},
                {meta::kUnsummarisedLost, state_.unsummarised_lost},
                {meta::kDroppedPoints, state_.dropped_points},
                {meta::kDroppedFrom, as_count(state_.dropped_from_ns.value_or(0))},
                {meta::kDroppedTo, as_count(state_.dropped_to_ns.value_or(0))},
                {meta::kThinnedPoints, state_.thinned_points},
                {meta::kThinnedMade, state_.thinned_made},
                {meta::kThinnedFrom, as_count(state_.thinned_from_ns.value_or(0))},
                {meta::kThinnedTo, as_count(state_.thinned_to_ns.value_or(0))}};
    for (const auto& [name, sink] : state_.sinks) readers.push_back(name);
    if (state_.folded) readers.emplace_back(kSummariesReader);
    all.last = state_.last_seq;
  }
  for (const auto& [key, value] : counters) {
    if (auto put = put_meta(key, value); !put) return put;
  }
  SeqRanges gone;
  gone.add(all);
  for (const std::string& reader : readers) {
    if (auto written = write_ranges(reader, gone); !written) return written;
  }
  return transaction->commit();
}

}  // namespace vigile
