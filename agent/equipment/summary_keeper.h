// SPDX-License-Identifier: Apache-2.0
// Makes the summaries: a loop that reads the log as a sink does, folds the readings of closed hours in
// memory, and stores what it folded together with the fact that it did (History::store_summaries). So nothing
// is counted twice, and a crash repeats what was not stored. Late, backfilled and clock-repaired readings are
// merged into the row of their hour. One commit an hour in the normal run; memory is bounded (kMostBytes), a
// backlog is taken in steps.
//
// Threads: step() and flush() from one thread; hurry() and remove() from any. A step takes some 10 ms, a few
// times that when it stores.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "core/clock.h"
#include "core/logging.h"
#include "core/mutex.h"
#include "core/result.h"
#include "equipment/line_readings.h"
#include "equipment/summary.h"
#include "point/payload.h"
#include "store/history.h"

namespace vigile {

class SummaryKeeper {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{2} << 20;      // folded and not stored
  static constexpr std::uint64_t kStepBytes = std::uint64_t{1} << 20;  // of lines, read in one step

  SummaryKeeper(History& history, const Clock& clock, MetricNamer namer, SiteIdSource site_id = {});

  // Does a slice of work if any is due. Returns when it wants to be called again: at once while there is
  // more, else shortly after the close of the hour (in a minute after an error, which is logged).
  BootTime step(BootTime now) EXCLUDES(mutex_);
  // The log fills up, and would lose what is not summarised yet: the next step folds the open hour too. Wake
  // the loop after it.
  void hurry() { hurry_ = true; }
  // Stores what was folded. For a clean end; without it the next start folds it again.
  Result<void> flush() EXCLUDES(mutex_);
  // Runs `removal` (History::remove) while nothing is folded in memory, so that what it takes away does not
  // come back.
  Result<RemovalReport> remove(const std::function<Result<RemovalReport>()>& removal) EXCLUDES(mutex_);

 private:
  Result<bool> fold_slice() REQUIRES(mutex_);
  void fold(const StoredSegment& segment) REQUIRES(mutex_);
  Result<void> store() REQUIRES(mutex_);
  std::size_t memory_bytes() const REQUIRES(mutex_);
  BootTime next_close(BootTime now) const;

  History& history_;
  const Clock& clock_;
  const MetricNamer namer_;
  const SiteIdSource site_id_;
  std::atomic<bool> hurry_ = false;

  Mutex mutex_;
  BootTime due_ GUARDED_BY(mutex_){};
  // Of the pass that is under way: from the first segment that has no summaries to the last.
  bool passing_ GUARDED_BY(mutex_) = false;
  bool with_open_hour_ GUARDED_BY(mutex_) = false;
  TimeSpan open_hours_ GUARDED_BY(mutex_);  // segments that begin in them wait
  std::uint64_t position_ GUARDED_BY(mutex_) = 0;
  std::optional<LineReadings> lines_ GUARDED_BY(mutex_);
  std::optional<PayloadDecoder> inflate_ GUARDED_BY(mutex_);
  // Folded, not stored.
  std::map<std::int64_t, SeriesSummaries> hours_ GUARDED_BY(mutex_);
  SeqRanges folded_ GUARDED_BY(mutex_);
  log::Repeated trouble_ GUARDED_BY(mutex_){"summaries"};
};

}  // namespace vigile
