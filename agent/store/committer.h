// SPDX-License-Identifier: Apache-2.0
// Group commit: readings of all drivers are collected and committed together, at most `commit_every` after
// the first of them. When the log cannot take them they wait in a bounded ring, and the oldest beyond it are
// dropped and counted; sinks may have them from there meanwhile.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/logging.h"
#include "core/mutex.h"
#include "store/log.h"
#include "store/waiting_readings.h"
#include "store/waiting_ring.h"

namespace vigile {

struct CommitterOptions {
  std::chrono::nanoseconds commit_every = std::chrono::seconds(1);
  // Of lines that wait while commits fail; four times that while one is only slow.
  std::uint64_t memory_bytes = std::uint64_t{2} << 20;
};

struct CommitterStatus : WaitingStatus {
  std::uint64_t committed_points = 0;
  std::string last_error;                   // empty while commits work
  std::chrono::nanoseconds commit_every{};  // in force: at most this much is lost when the power goes
};

class Committer : public WaitingReadings {
 public:
  using OnCommitted = std::function<void(std::uint64_t seq, std::string_view lines)>;

  // `on_committed` is called by the committing thread after each commit; `on_first` by the adding thread when
  // a reading comes to an empty buffer, or a status change to any, to wake the thread that calls step().
  Committer(Log& log, const CommitterOptions& options, const Clock& clock, OnCommitted on_committed,
            std::function<void()> on_first);

  // Any thread; never waits for the disk. With status changes (their clock is `clock` too) all that waits is
  // due at once, and `on_first` is called. Changes are not dropped with the lines beside them: they wait on.
  void add(ClockState clock, std::int64_t first_ns, std::int64_t last_ns, std::uint32_t points,
           std::string_view lines, std::span<const StatusChange> changes = {}) EXCLUDES(mutex_);

  // Commits what is due. Returns when to be called again; absent: when something is added. One thread.
  std::optional<BootTime> step(BootTime now) EXCLUDES(mutex_, commit_mutex_);
  // Commits all that waits. Any thread. Errors: the log's; what was not committed waits on.
  Result<void> commit_now() EXCLUDES(mutex_, commit_mutex_);
  // Adds `more` and commits all that waits, with no other commit between: fine only when it is all in the
  // log. Errors: those of commit_now(); full when the log is at its max_size and drops the newest.
  Result<void> commit(std::span<const NewSegment> more) EXCLUDES(mutex_, commit_mutex_);

  std::vector<StoredSegment> read_waiting(std::string_view sink, std::uint64_t from,
                                          const ReadLimits& limits) override EXCLUDES(mutex_);
  void sent(std::string_view sink, SeqRange numbers) override EXCLUDES(mutex_);

  // At the end: sinks may have at once what the log has not taken; else it is lost.
  void hand_out_now() EXCLUDES(mutex_);
  // How many points are lost when this ends now: neither in the log, nor had by every sink.
  std::uint64_t unsent_points() const EXCLUDES(mutex_);

  // Of the settings: what all of them had is the first to go when memory is short.
  void set_sinks(std::vector<std::string> names) EXCLUDES(mutex_);
  void set_options(const CommitterOptions& options) EXCLUDES(mutex_);
  void set_commit_every(std::chrono::nanoseconds every) EXCLUDES(mutex_);
  CommitterStatus status() const EXCLUDES(mutex_);

 private:
  Result<void> commit_all() REQUIRES(commit_mutex_) EXCLUDES(mutex_);
  Result<void> commit_and_report() REQUIRES(commit_mutex_) EXCLUDES(mutex_);
  std::size_t segment_bytes() const REQUIRES(mutex_);
  void drop_beyond_memory() REQUIRES(mutex_);

  Log& log_;
  const Clock& clock_;
  const OnCommitted on_committed_;
  const std::function<void()> on_first_;

  Mutex commit_mutex_;  // held while the log works; taken before mutex_
  log::Repeated failure_ GUARDED_BY(commit_mutex_){"store: readings wait in memory"};

  mutable Mutex mutex_;
  CommitterOptions options_ GUARDED_BY(mutex_);
  WaitingRing waiting_ GUARDED_BY(mutex_);
  std::optional<BootTime> stalled_since_ GUARDED_BY(mutex_);  // the first commit that has not come to an end
  bool is_ending_ GUARDED_BY(mutex_) = false;
  std::optional<BootTime> oldest_ GUARDED_BY(mutex_);  // when the first that waits was added
  bool is_urgent_ GUARDED_BY(mutex_) = false;          // a status change waits
  std::uint64_t refused_ GUARDED_BY(mutex_) = 0;       // segments that the log dropped as the newest
  std::optional<BootTime> retry_at_ GUARDED_BY(mutex_);
  std::chrono::nanoseconds backoff_ GUARDED_BY(mutex_){};
  std::uint64_t committed_points_ GUARDED_BY(mutex_) = 0;
  std::string last_error_ GUARDED_BY(mutex_);
};

}  // namespace vigile
