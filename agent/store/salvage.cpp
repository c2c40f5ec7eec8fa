// SPDX-License-Identifier: Apache-2.0
// What still reads of a damaged database is copied into a new one, and the damaged one is set aside. A power
// cut may come at any time: the new one is made beside the damaged ("….salvage") and takes its place when it
// is complete. salvage_copy.cpp: what is copied.
#include <algorithm>

#include "store/database_image.h"
#include "store/log_database.h"
#include "store/store_lock.h"

namespace vigile {

namespace {

constexpr const char* kCompanions[] = {"-wal", "-shm", "-journal"};

// "2026-11-24T075347Z": the time in a file name.
std::string time_suffix(WallTime now) {
  std::string text = to_iso8601(now);
  text.resize(19);
  std::erase(text, ':');
  return text + "Z";
}

}  // namespace

std::uint64_t DatabaseLog::salvages_so_far() const {
  const MutexLock state(state_mutex_);
  return salvages_;
}

void DatabaseLog::close() {
  is_closed_ = true;
  writer_ = {};
  reader_ = {};
  history_ = {};
  summary_bytes_.reset();
  const MutexLock lock(state_mutex_);
  place_.reset();
}

Result<void> DatabaseLog::reconnect() {
  if (!is_closed_) return {};
  const MutexLock write(write_mutex_);
  const MutexLock read(read_mutex_);
  const MutexLock history(history_mutex_);
  return is_closed_ ? open_or_salvage() : Result<void>();
}

Result<void> DatabaseLog::recover(const Error& cause, std::uint64_t salvages) {
  const MutexLock write(write_mutex_);
  const MutexLock read(read_mutex_);
  const MutexLock history(history_mutex_);
  if (salvages_so_far() != salvages) return {};
  // A medium that is away may come back, with all it holds.
  if (cause.kind == ErrorKind::unreadable) {
    if (const auto image = DatabaseImage::open(files_, path_); !image) return image.error();
  }
  auto salvaged = salvage(cause.message);
  if (!salvaged) close();
  return salvaged;
}

// Of the damaged databases set aside, the one kept; empty when there is none.
Result<std::string> DatabaseLog::last_set_aside() const {
  const std::string prefix = path_.filename().string() + ".corrupt-";
  const auto names = files_.names(directory_of(path_));
  if (!names) return names.error();
  std::string last;
  for (const std::string& name : *names) {
    if (!name.starts_with(prefix) || name.size() != prefix.size() + time_suffix({}).size()) continue;
    last = std::max(last, name);
  }
  return last.empty() ? last : (directory_of(path_) / last).string();
}

Result<void> DatabaseLog::remove_database(const std::filesystem::path& database) {
  if (auto removed = files_.remove(database); !removed) return removed;
  for (const char* suffix : kCompanions) {
    if (auto removed = files_.remove(database.string() + suffix); !removed) return removed;
  }
  return {};
}

// The WAL and its like: one left beside another database would be played into that.
Result<void> DatabaseLog::move_companions(const std::filesystem::path& to) {
  for (const char* suffix : kCompanions) {
    if (auto moved = files_.rename(path_.string() + suffix, to.string() + suffix); !moved) return moved;
  }
  return files_.sync(directory_of(path_));
}

// What a power cut left of a salvage: without a database in its place the new one is complete.
Result<void> DatabaseLog::finish_swap() {
  const auto fresh = salvage_of(path_);
  if (files_.kind(fresh) == StoreFiles::Kind::absent) return {};
  if (files_.kind(path_) != StoreFiles::Kind::absent) return remove_database(fresh);
  const auto aside = last_set_aside();
  if (!aside) return aside.error();
  if (auto moved = move_companions(aside->empty() ? path_.string() + ".corrupt" : *aside); !moved)
    return moved;
  if (auto moved = files_.rename(fresh, path_); !moved) return moved;
  if (auto synced = files_.sync(directory_of(path_)); !synced) return synced;
  const MutexLock lock(state_mutex_);
  set_aside_ = *aside;
  log::notice("store: the salvage begun before is finished");
  return {};
}

Result<Loss> DatabaseLog::make_salvage(const std::filesystem::path& damaged) {
  close();
  const auto fresh = salvage_of(path_);
  if (auto removed = remove_database(fresh); !removed) return removed.error();
  if (auto connected = connect(fresh); !connected) return connected.error();
  auto lost = copy_from(damaged);
  if (!lost) return lost;
  if (auto done = writer_.db.exec("PRAGMA wal_checkpoint(TRUNCATE)"); !done) return done.error();
  close();
  return lost;
}

Result<SalvageReport> Log::salvage(const std::filesystem::path& damaged, const LogOptions& options,
                                   const Clock& clock) {
  StoreFiles& files = options.files != nullptr ? *options.files : system_files();
  if (files.kind(options.path) != StoreFiles::Kind::absent) {
    return Error{ErrorKind::config, options.path.string() + ": is there already; nothing is overwritten"};
  }
  if (files.kind(damaged) != StoreFiles::Kind::file) {
    return Error{ErrorKind::not_found, damaged.string() + ": there is no such file"};
  }
  const auto theirs = lock_to_look(damaged);
  if (!theirs) return theirs.error();
  DatabaseLog log(options, clock);
  return log.open_from(damaged);
}

Result<SalvageReport> DatabaseLog::open_from(const std::filesystem::path& damaged) {
  const MutexLock write(write_mutex_);
  const MutexLock read(read_mutex_);
  const MutexLock history(history_mutex_);
  if (auto locked = lock(); !locked) return locked.error();
  const auto lost = make_salvage(damaged);
  if (!lost) return lost.error();
  if (auto moved = files_.rename(salvage_of(path_), path_); !moved) return moved.error();
  if (auto synced = files_.sync(directory_of(path_)); !synced) return synced.error();
  if (auto connected = connect_and_load(); !connected) return connected.error();
  const MutexLock lock(state_mutex_);
  return SalvageReport{state_.segments, state_.points, lost->segments, lost->points, lost->is_at_least};
}

Result<std::string> DatabaseLog::put_in_place(bool has_all) {
  const auto directory = directory_of(path_);
  std::string aside;
  if (has_all && files_.kind(path_) == StoreFiles::Kind::absent) {
    for (const char* suffix : kCompanions) {
      if (auto removed = files_.remove(path_.string() + suffix); !removed) return removed.error();
    }
  } else {
    // First the old set aside goes: one is kept.
    const std::string prefix = path_.filename().string() + ".corrupt-";
    const auto names = files_.names(directory);
    if (!names) return names.error();
    for (const std::string& name : *names) {
      if (!name.starts_with(prefix)) continue;
      if (auto removed = files_.remove(directory / name); !removed) return removed.error();
    }
    if (auto synced = files_.sync(directory); !synced) return synced.error();
    // Step by step, each for good before the next: finish_swap() goes on from any of them.
    aside = path_.string() + ".corrupt-" + time_suffix(clock_.wall());
    if (auto moved = files_.rename(path_, aside); !moved) return moved.error();
    if (auto synced = files_.sync(directory); !synced) return synced.error();
    if (auto moved = move_companions(aside); !moved) return moved.error();
  }
  if (auto moved = files_.rename(salvage_of(path_), path_); !moved) return moved.error();
  if (auto synced = files_.sync(directory); !synced) return synced.error();
  return aside;
}

Result<void> DatabaseLog::salvage(const std::string& cause) {
  const auto lost = make_salvage(path_);
  if (!lost) return lost.error();
  const auto aside = put_in_place(false);
  if (!aside) return aside.error();
  log::error("store: " + cause + "; the damaged database is kept as " + *aside);
  if (auto connected = connect_and_load(); !connected) return connected;

  const MutexLock lock(state_mutex_);
  set_aside_ = *aside;
  damaged_seen_.clear();
  ++salvages_;
  log::notice("store: salvaged " + std::to_string(salvaged_) + " segments with " +
              std::to_string(state_.points) + " points; lost " + (lost->is_at_least ? "at least " : "") +
              std::to_string(lost->segments) + " segments with " + std::to_string(lost->points) + " points");
  return {};
}

}  // namespace vigile
