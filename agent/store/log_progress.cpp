// SPDX-License-Identifier: Apache-2.0
// Which sinks there are, and what each has for good.
#include <algorithm>

#include "store/log_database.h"
#include "store/schema.h"
#include "store/segment_row.h"

namespace vigile {

void DatabaseLog::note_sinks(const std::vector<std::string>& names) {
  const MutexLock lock(state_mutex_);
  for (auto& [name, sink] : state_.sinks) sink.known = false;
  for (const std::string& name : names) {
    const auto [sink, is_new] = state_.sinks.try_emplace(name);
    sink->second.known = true;
    // Kept from now on, so that what it has not delivered stays listed when it leaves the settings.
    if (!is_new) continue;
    sink->second.acknowledged.add({0, 0});
    sink->second.dirty = true;
  }
}

Result<void> DatabaseLog::set_sinks(const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), kSummariesReader) != names.end())
    return Error{ErrorKind::config, "a sink cannot have the name of the summaries"};
  note_sinks(names);
  auto written = writing([&]() -> Result<void> {
    const MutexLock write(write_mutex_);
    return commit_progress();
  });
  if (!written && may_be_away_ && is_closed_) return {};
  return written;
}

Result<void> DatabaseLog::forget_sink(std::string_view name) {
  return writing([&]() -> Result<void> {
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
    for (const char* sql :
         {"DELETE FROM progress WHERE sink = ?", "DELETE FROM dead_letters WHERE sink = ?"}) {
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
  });
}

Result<void> DatabaseLog::commit_progress() {
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  if (auto written = write_progress(); !written) return written;
  if (auto committed = transaction->commit(); !committed) return committed;
  progress_written();
  return {};
}

// Within a transaction; progress_written() follows its commit.
Result<void> DatabaseLog::write_progress() {
  std::vector<std::pair<std::string, SeqRanges>> dirty;
  std::map<std::string, std::uint64_t> damage;
  {
    const MutexLock lock(state_mutex_);
    if (!state_.new_damage.empty())
      damage = {{meta::kDamaged, state_.damaged}, {meta::kDamagedPoints, state_.damaged_points}};
    for (const auto& [seq, points] : state_.new_damage)
      damage[meta::kDamagedSegment + std::to_string(seq)] = points;
    for (const auto& [name, sink] : state_.sinks) {
      if (sink.dirty) dirty.emplace_back(name, sink.acknowledged);
    }
    if (state_.folded && state_.folded->dirty)
      dirty.emplace_back(kSummariesReader, state_.folded->acknowledged);
  }
  for (const auto& [name, ranges] : dirty) {
    if (auto written = write_ranges(name, ranges); !written) return written;
  }
  for (const auto& [key, value] : damage) {
    if (auto put = put_meta(key.c_str(), value); !put) return put;
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
  state_.new_damage.clear();
  state_.dirty_since.reset();
}

Result<void> DatabaseLog::acknowledge(std::string_view sink, SeqRange range,
                                      const std::vector<DeadLetter>& dead_letters) {
  if (!dead_letters.empty()) return refuse(sink, range, dead_letters);
  const MutexLock read(read_mutex_);  // until it is settled: nothing is thinned meanwhile
  return settle(sink, with_absent_before(range));
}

Result<void> DatabaseLog::refuse(std::string_view sink, SeqRange range,
                                 const std::vector<DeadLetter>& dead_letters) {
  return writing([&]() -> Result<void> {
    const MutexLock write(write_mutex_);
    SeqRange settled;
    {
      const MutexLock read(read_mutex_);
      settled = with_absent_before(range);
    }
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
    auto result = settle(sink, settled);
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
  });
}

Result<void> DatabaseLog::settle(std::string_view sink, SeqRange range) {
  const MutexLock lock(state_mutex_);
  const auto found = state_.sinks.find(sink);
  if (found == state_.sinks.end())
    return Error{ErrorKind::not_found, "no sink \"" + std::string(sink) + "\""};
  found->second.acknowledged.add(range);
  found->second.dirty = true;
  if (found->second.handed && found->second.handed->last <= range.last) found->second.handed.reset();
  if (!state_.dirty_since) state_.dirty_since = clock_.boot();
  return {};
}

Result<void> DatabaseLog::flush() {
  return writing([&]() -> Result<void> {
    const MutexLock write(write_mutex_);
    {
      const MutexLock lock(state_mutex_);
      if (!state_.dirty_since) return {};
    }
    if (auto written = commit_progress(); !written) return written;
    return checkpoint(0);
  });
}

}  // namespace vigile
