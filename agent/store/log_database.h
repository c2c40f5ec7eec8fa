// SPDX-License-Identifier: Apache-2.0
// The database behind the Log, private to the store. DatabaseLog's parts by subject: log_database.cpp (open,
// append, read, acknowledge), retention.cpp (size cap, keep), salvage.cpp (damage), clock_repair.cpp.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/logging.h"
#include "core/mutex.h"
#include "core/unique_fd.h"
#include "point/payload.h"
#include "store/log.h"
#include "store/seq_ranges.h"
#include "store/sqlite_db.h"

namespace vigile {

// Chosen by measuring (README.md): a small commit writes few bytes, and a large one loses little.
inline constexpr std::uint64_t kPageBytes = 1024;

// The connection that writes, with its statements.
struct WriteConnection {
  Db db;
  Statement insert;
  Statement erase;
  Statement delete_progress;
  Statement insert_progress;
  Statement insert_dead_letter;
  Statement set_meta;
  Statement page_count;
  Statement free_pages;
  int wal_pages = 0;  // frames in the WAL, from SQLite's hook
};

struct ReadConnection {
  Db db;
  Statement by_seq;          // rows of a run of numbers
  Statement by_time;         // rows that overlap a span of time
  Statement points_through;  // total_points of the last row up to a number
  Statement points_before;   // total_points before the first row from a number on
  Statement first_ns_at;     // first_ns of that row
};

class DatabaseLog final : public Log {
 public:
  DatabaseLog(const LogOptions& options, const Clock& clock, UniqueFd lock);
  ~DatabaseLog() override;

  Result<void> open();

  Result<void> set_sinks(const std::vector<std::string>& names) override;
  Result<void> forget_sink(std::string_view name) override;
  Result<void> set_limits(const LogOptions& options) override;
  Result<std::uint64_t> append(const NewSegment& segment) override;
  Result<std::vector<StoredSegment>> read_undelivered(std::string_view sink, std::uint64_t from_seq,
                                                      const ReadLimits& limits) override;
  Result<std::vector<StoredSegment>> read_history(std::int64_t from_ns, std::int64_t to_ns,
                                                  std::uint64_t from_seq, const ReadLimits& limits) override;
  Result<void> acknowledge(std::string_view sink, SeqRange range,
                           const std::vector<DeadLetter>& dead_letters) override;
  Result<std::optional<BootTime>> maintain(BootTime now) override;
  Result<void> flush() override;
  Result<std::uint64_t> repair_clock(std::int64_t boot_epoch_ns) override;
  Result<std::vector<DeadLetter>> dead_letters(std::string_view sink, std::uint64_t after_id,
                                               std::size_t limit) override;
  Result<std::uint64_t> clear_dead_letters(std::string_view sink) override;
  std::uint64_t last_seq() const override;
  LogStatus status() const override;

 private:
  struct SinkState {
    SeqRanges acknowledged;
    bool known = false;
    bool dirty = false;
  };
  // What append and status need to know without asking the database.
  struct State {
    std::map<std::string, SinkState, std::less<>> sinks;
    SeqRanges unset;              // segments that wait for the clock
    std::uint64_t first_seq = 1;  // of the oldest held; last_seq + 1 when none is
    std::uint64_t last_seq = 0;
    std::uint64_t total_points = 0;  // up to last_seq
    std::uint64_t points = 0;        // held
    std::uint64_t payload_bytes = 0;
    std::uint64_t segments = 0;
    std::uint64_t dropped_points = 0;
    std::optional<std::int64_t> dropped_from_ns;
    std::optional<std::int64_t> dropped_to_ns;
    std::uint64_t damaged = 0;
    std::uint64_t dead_letters = 0;
    std::optional<BootTime> dirty_since;
  };
  struct RunRead {
    std::vector<StoredSegment> segments;
    std::optional<std::uint64_t>
        damaged;  // the segment at which the run cannot be read on; segments is empty
  };
  // What a deletion takes away.
  struct Removal {
    SeqRange range;
    std::uint64_t segments = 0;
    std::uint64_t points = 0;
    std::uint64_t payload_bytes = 0;
    std::uint64_t lost_points = 0;  // not delivered to every sink
    std::int64_t lost_from_ns = 0;
    std::int64_t lost_to_ns = 0;
  };

  // log_database.cpp
  Result<void> connect() REQUIRES(write_mutex_, read_mutex_);
  Result<void> load_state() REQUIRES(write_mutex_);
  Result<std::uint64_t> insert(const NewSegment& segment) REQUIRES(write_mutex_);
  Result<void> write_progress() REQUIRES(write_mutex_);
  Result<void> put_meta(const char* key, std::uint64_t value) REQUIRES(write_mutex_);
  void progress_written() EXCLUDES(state_mutex_);
  void mark_progress_written() REQUIRES(state_mutex_);
  std::optional<SeqRange> next_run(std::string_view sink, std::uint64_t from) const EXCLUDES(state_mutex_);
  Result<RunRead> read_run(SeqRange run, const ReadLimits& limits) REQUIRES(read_mutex_);
  void count_damaged(std::uint64_t seq) EXCLUDES(state_mutex_);
  Result<void> settle(std::string_view sink, SeqRange range) EXCLUDES(state_mutex_);
  // The first column of a statement that is given one number; 0 when there is no row.
  std::int64_t look_up(Statement& statement, std::uint64_t seq) const REQUIRES(read_mutex_);

  // retention.cpp
  std::uint64_t wal_budget() const REQUIRES(write_mutex_);
  std::uint64_t wal_bytes() const REQUIRES(write_mutex_);
  Result<std::uint64_t> used_bytes() REQUIRES(write_mutex_);
  // False: there is none, and `overflow` says that the newest is dropped.
  Result<bool> make_room(std::uint64_t payload_bytes) REQUIRES(write_mutex_);
  Result<bool> remove_delivered(std::uint64_t goal_bytes, std::optional<std::int64_t> older_than_ns)
      REQUIRES(write_mutex_);
  Result<bool> remove_oldest(std::uint64_t goal_bytes) REQUIRES(write_mutex_);
  Result<std::optional<Removal>> plan_removal(SeqRange within, std::uint64_t goal_bytes,
                                              std::optional<std::int64_t> older_than_ns)
      REQUIRES(write_mutex_);
  Result<void> remove(const Removal& removal) REQUIRES(write_mutex_);
  struct Dropped {
    std::uint64_t points = 0;
    std::int64_t from_ns = 0;
    std::int64_t to_ns = 0;
  };
  Dropped dropped_with(std::uint64_t points, std::int64_t from_ns, std::int64_t to_ns) const
      EXCLUDES(state_mutex_);
  Result<void> put_dropped(const Dropped& dropped) REQUIRES(write_mutex_);
  Result<void> drop_newest(const NewSegment& incoming) REQUIRES(write_mutex_);
  void report_dropping(std::string_view what) REQUIRES(write_mutex_);
  SeqRanges delivered_to_all() const EXCLUDES(state_mutex_);
  Result<void> checkpoint(std::uint64_t coming_bytes) REQUIRES(write_mutex_) EXCLUDES(read_mutex_);
  Result<void> shrink() REQUIRES(write_mutex_) EXCLUDES(read_mutex_);

  // salvage.cpp
  Result<void> set_aside_and_salvage(const std::string& cause) REQUIRES(write_mutex_, read_mutex_);
  Result<void> recover(const Error& cause) EXCLUDES(write_mutex_, read_mutex_);
  Result<void> copy_from(const std::filesystem::path& damaged) REQUIRES(write_mutex_, read_mutex_);

  // clock_repair.cpp
  Result<bool> repair_one(std::uint64_t seq, std::int64_t boot_epoch_ns) REQUIRES(write_mutex_);
  Result<std::int64_t> estimate_start(const StoredSegment& segment, std::int64_t boot_epoch_ns)
      REQUIRES(write_mutex_);

  const Clock& clock_;
  const std::filesystem::path path_;
  const UniqueFd lock_;
  const std::string boot_id_;

  // Taken in this order.
  mutable Mutex write_mutex_;
  mutable Mutex read_mutex_;
  mutable Mutex state_mutex_;

  LogOptions options_ GUARDED_BY(write_mutex_);
  WriteConnection writer_ GUARDED_BY(write_mutex_);
  std::unique_ptr<PayloadEncoder> encoder_ GUARDED_BY(write_mutex_);
  std::string payload_ GUARDED_BY(write_mutex_);
  std::uint64_t total_bytes_ GUARDED_BY(write_mutex_) = 0;  // ever appended, compressed
  std::uint64_t total_segments_ GUARDED_BY(write_mutex_) = 0;
  std::string estimated_boot_ GUARDED_BY(write_mutex_);  // the boot that was placed last, and how
  std::int64_t estimated_shift_ GUARDED_BY(write_mutex_) = 0;
  std::optional<BootTime> upkeep_due_ GUARDED_BY(write_mutex_);
  bool dropped_since_upkeep_ GUARDED_BY(write_mutex_) = false;
  log::Repeated dropping_ GUARDED_BY(write_mutex_){"store"};
  mutable ReadConnection reader_ GUARDED_BY(read_mutex_);
  State state_ GUARDED_BY(state_mutex_);
  std::uint64_t salvaged_ GUARDED_BY(state_mutex_) = 0;
  std::uint64_t max_size_bytes_ GUARDED_BY(state_mutex_) = 0;
  std::string set_aside_ GUARDED_BY(state_mutex_);
};

}  // namespace vigile
