// SPDX-License-Identifier: Apache-2.0
// The database behind the Log, private to the store. DatabaseLog's parts by subject: log_database.cpp (open),
// log_place.cpp (files taken away), log_append.cpp (a commit), log_progress.cpp (sinks, acknowledgements),
// log_reading.cpp (what sinks and people read), log_order.cpp (rows that are not found), log_history.cpp
// (what History reads and writes), history_removal.cpp (removal on request), retention.cpp (size cap, keep),
// log_thinning.cpp (overflow: thin), salvage.cpp, salvage_copy.cpp (damage), clock_repair.cpp.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/logging.h"
#include "core/mutex.h"
#include "core/unique_fd.h"
#include "point/payload.h"
#include "store/damaged_rows.h"
#include "store/database_state.h"
#include "store/history.h"
#include "store/inspection.h"
#include "store/line_removal.h"
#include "store/log.h"
#include "store/log_connections.h"
#include "store/log_place.h"
#include "store/seq_ranges.h"
#include "store/sqlite_db.h"
#include "store/store_files.h"
#include "store/thinning.h"

namespace vigile {

struct MetaRows;

class DatabaseLog final : public Log, public History {
 public:
  DatabaseLog(const LogOptions& options, const Clock& clock);
  ~DatabaseLog() override;

  Result<void> open();
  // In its place: see Log::salvage().
  Result<SalvageReport> open_from(const std::filesystem::path& damaged);

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
  bool has_unset_times() const override;
  Result<std::vector<DeadLetter>> dead_letters(std::string_view sink, std::uint64_t after_id,
                                               std::size_t limit) override;
  Result<std::uint64_t> clear_dead_letters(std::string_view sink) override;
  Result<std::uint64_t> resend_dead_letters(const DeadLetterChoice& choice) override;
  Result<std::vector<DeadLetter>> letters_to_resend(std::string_view sink, std::uint64_t bytes) override;
  Result<void> settle_letters(const std::vector<DeadLetter>& arrived,
                              const std::vector<DeadLetter>& refused) override;
  History& history() override { return *this; }
  Result<StoreInspection> inspect() const override;
  std::uint64_t last_seq() const override;
  LogStatus status() const override;

  Result<void> read_segments(TimeSpan span, bool unsummarised_only,
                             const std::function<bool(const StoredSegment&)>& use) override;
  std::optional<std::int64_t> oldest_segment_ns() override;
  std::optional<std::int64_t> removed_until_ns() override;
  Result<std::vector<StoredSegment>> read_unsummarised(std::uint64_t from_seq,
                                                       std::uint64_t raw_bytes) override;
  Result<void> store_summaries(const std::vector<SummaryRow>& rows, const SeqRanges& folded) override;
  std::uint64_t summaries_version() override;
  Result<void> read_summaries(std::int64_t from_ns, std::int64_t to_ns,
                              const std::function<bool(const SummaryRow&)>& use) override;
  Result<std::vector<StatusChange>> status_changes(std::string_view equipment_id, TimeSpan span,
                                                   std::size_t limit) override;
  Result<std::vector<StatusChange>> last_status_changes(std::string_view equipment_id,
                                                        std::int64_t before_ns) override;
  Result<void> add_gap(TimeSpan gap) override;
  Result<std::vector<TimeSpan>> gaps(TimeSpan span) override;
  std::optional<std::int64_t> last_alive_ns() override;
  Result<void> set_last_alive(std::int64_t now_ns) override;
  Result<RemovalReport> remove(std::int64_t before_ns, std::string_view equipment_id, bool undelivered,
                               bool dry_run, const Strip& strip) override;

 private:
  using State = DatabaseState;
  using SinkState = DatabaseState::Sink;
  struct RunRead {
    std::vector<StoredSegment> segments;
    // The segment at which the run cannot be read on; segments is empty.
    std::optional<std::uint64_t> damaged;
    std::uint64_t damaged_points = 0;
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
    bool on_request = false;                  // by a person: nothing is counted as lost
    std::uint64_t unsummarised_points = 0;    // not folded into summaries
    std::optional<std::int64_t> known_to_ns;  // largest time, of those whose clock is known
  };

  // log_database.cpp
  Result<void> lock() REQUIRES(write_mutex_);
  Result<void> open_or_salvage() REQUIRES(write_mutex_, read_mutex_, history_mutex_);
  Result<void> try_open() REQUIRES(write_mutex_, read_mutex_, history_mutex_);
  Result<std::optional<std::string>> find_damage() const;
  Result<void> note_emptied() REQUIRES(write_mutex_) EXCLUDES(state_mutex_);
  Result<void> connect_and_load() REQUIRES(write_mutex_, read_mutex_);
  Result<void> connect(const std::filesystem::path& database) REQUIRES(write_mutex_, read_mutex_);
  Result<void> load_state() REQUIRES(write_mutex_);
  void take_state(State state, const MetaRows& counters, std::int64_t alive_ns) EXCLUDES(state_mutex_);
  Result<void> put_meta(const char* key, std::uint64_t value) REQUIRES(write_mutex_);
  // log_place.cpp
  Result<void> note_place() REQUIRES(write_mutex_) EXCLUDES(state_mutex_);
  std::optional<Displaced> displaced() const EXCLUDES(state_mutex_);
  // Errors: corrupt when it was cut short: SQLite would write behind the hole.
  Result<void> check_wal() const REQUIRES(write_mutex_) EXCLUDES(state_mutex_);
  // Files that were taken away are put back. Errors: why they cannot be; what is committed meanwhile is lost.
  Result<void> keep_place() EXCLUDES(write_mutex_, read_mutex_, history_mutex_);
  Result<void> lock_again() REQUIRES(write_mutex_) EXCLUDES(state_mutex_);
  Result<void> move_back(const Displaced& moved) REQUIRES(write_mutex_, read_mutex_, history_mutex_);
  Result<void> fold_wal(const Error& cause) REQUIRES(write_mutex_, read_mutex_, history_mutex_);
  Result<void> copy_open() REQUIRES(write_mutex_);
  Result<Loss> begin_anew() REQUIRES(write_mutex_, read_mutex_);
  Result<void> put_counters_of_lost() REQUIRES(write_mutex_) EXCLUDES(state_mutex_);
  // A write: on the files that are at their names.
  template <class Run>
  auto writing(Run&& run) -> decltype(run()) {
    if (auto kept = keep_place(); !kept) return kept.error();
    return mending(run);
  }
  // log_append.cpp
  Result<std::uint64_t> insert(const NewSegment& segment) REQUIRES(write_mutex_);
  Result<void> insert_changes(const NewSegment& segment) REQUIRES(write_mutex_);
  Result<void> make_room_for_changes(const NewSegment& segment) REQUIRES(write_mutex_);
  Result<void> commit_changes(const NewSegment& segment) REQUIRES(write_mutex_);
  // log_progress.cpp
  void note_sinks(const std::vector<std::string>& names) EXCLUDES(state_mutex_);
  Result<void> write_progress() REQUIRES(write_mutex_);
  Result<void> write_ranges(std::string_view reader, const SeqRanges& ranges) REQUIRES(write_mutex_);
  Result<void> commit_progress() REQUIRES(write_mutex_) EXCLUDES(state_mutex_);
  void progress_written() EXCLUDES(state_mutex_);
  void mark_progress_written() REQUIRES(state_mutex_);
  Result<void> refuse(std::string_view sink, SeqRange range, const std::vector<DeadLetter>& dead_letters)
      EXCLUDES(write_mutex_);
  Result<void> settle(std::string_view sink, SeqRange range) EXCLUDES(state_mutex_);

  // log_letters.cpp
  // Errors: not_found when that is no fine answer to the choice.
  Result<void> why_none_is_sent(const DeadLetterChoice& choice, bool is_sink_known) REQUIRES(write_mutex_);

  // log_reading.cpp
  std::optional<SeqRange> next_run(std::string_view sink, std::uint64_t from) const EXCLUDES(state_mutex_);
  Result<RunRead> read_run(SeqRange run, const ReadLimits& limits) REQUIRES(read_mutex_);
  void count_damaged(std::uint64_t seq, std::uint64_t said_points) REQUIRES(read_mutex_)
      EXCLUDES(state_mutex_);
  void note_handed(std::string_view sink, const std::vector<StoredSegment>& segments) EXCLUDES(state_mutex_);
  std::optional<SeqRange> hole_in(SeqRange run, const RunRead& read) const EXCLUDES(state_mutex_);
  // The numbers before it that have no row were thinned into it, or are gone: it stands for them too.
  SeqRange with_absent_before(SeqRange range) const REQUIRES(read_mutex_);
  // The first column of a statement that is given one number; 0 when there is no row.
  std::int64_t look_up(Statement& statement, std::uint64_t seq) const REQUIRES(read_mutex_);

  // log_order.cpp
  // Of the numbers `looked`, the first run that has no row among `found`, and should have.
  std::optional<SeqRange> missing(const SeqRanges& found, SeqRange looked) const EXCLUDES(state_mutex_);
  // Whether all rows are there, in order, and `hole` (through `db`) has none that a search does not find.
  // What has no row is known from then on. Errors: corrupt.
  Result<void> check_order(Db& db, std::optional<SeqRange> hole) REQUIRES(write_mutex_)
      EXCLUDES(state_mutex_);
  Result<void> find_all(Db& db, const SeqRanges& found, SeqRange looked) REQUIRES(write_mutex_)
      EXCLUDES(state_mutex_);

  // log_history.cpp
  struct SegmentPage {
    SeqRanges found;  // all that were met, damaged or outside the span too
    std::vector<StoredSegment> segments;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> damaged;  // numbers, and points
    std::optional<std::uint64_t> next;  // where to read on; absent: the run is done
  };
  // Runs one short read; once more on the salvaged database when it meets damage.
  template <class T>
  Result<T> ask_history(const std::function<Result<T>(HistoryConnection&)>& read)
      EXCLUDES(write_mutex_, read_mutex_, history_mutex_);
  Result<void> connect_history() REQUIRES(history_mutex_);
  Result<SegmentPage> step_page(SeqRange run, TimeSpan span, std::uint64_t raw_bytes)
      REQUIRES(history_mutex_);
  Result<SegmentPage> read_page(SeqRange run, TimeSpan span, std::uint64_t raw_bytes)
      EXCLUDES(write_mutex_, read_mutex_, history_mutex_);
  Result<SeqRanges> spans_outside(TimeSpan span) EXCLUDES(write_mutex_, read_mutex_, history_mutex_);
  void start_folding() EXCLUDES(state_mutex_);
  // Runs of numbers that are neither folded nor wait for the clock.
  std::optional<SeqRange> next_unfolded(std::uint64_t from) const EXCLUDES(state_mutex_);
  Result<void> put_spans(const SeqRanges& folded) REQUIRES(write_mutex_);
  Result<void> load_summary_bytes() REQUIRES(write_mutex_);
  // Down to half of max_size.
  Result<void> trim_summaries() REQUIRES(write_mutex_);

  // history_removal.cpp
  struct Rewrite {
    StoredSegment segment;  // as it was
    LinesLeft left;
    bool is_waiting = false;  // some sink has not had it
    bool is_of_all = false;   // not of one equipment alone
  };
  Result<void> remove_segments_before(std::int64_t before_ns, bool undelivered, bool dry_run,
                                      RemovalReport& report) EXCLUDES(write_mutex_);
  struct DueRuns {
    std::vector<Removal> runs;
    std::uint64_t next = 0;
    std::uint64_t waiting_points = 0;  // of those that are due, not had by every sink
    bool is_end = false;
  };
  Result<DueRuns> find_due(SeqRange held, std::int64_t before_ns, bool undelivered) REQUIRES(write_mutex_);
  Result<void> remove_lines_before(std::int64_t before_ns, std::string_view equipment_id, bool undelivered,
                                   bool dry_run, RemovalReport& report) EXCLUDES(write_mutex_);
  Result<bool> is_held(const StoredSegment& segment) REQUIRES(write_mutex_);
  Result<std::optional<Rewrite>> plan_rewrite(const StoredSegment& segment, std::string_view tag,
                                              std::int64_t before_ns, bool undelivered, RemovalReport& report)
      REQUIRES(write_mutex_);
  Result<void> rewrite(const std::vector<Rewrite>& rewrites) REQUIRES(write_mutex_);
  // Removes, or counts, rows of the table that `where` (of the time ?1 and the equipment ?2) names.
  Result<std::uint64_t> remove_where(const std::string& table, const std::string& key,
                                     const std::string& where, std::int64_t before_ns,
                                     std::string_view equipment_id, bool dry_run) REQUIRES(write_mutex_);
  Result<void> strip_summaries_before(std::int64_t before_ns, std::string_view equipment_id, bool dry_run,
                                      const Strip& strip, RemovalReport& report) EXCLUDES(write_mutex_);
  SeqRanges had_by_all() const EXCLUDES(state_mutex_);

  // retention.cpp
  std::uint64_t wal_budget() const REQUIRES(write_mutex_);
  std::uint64_t wal_bytes() const REQUIRES(write_mutex_);
  Result<std::uint64_t> used_bytes() REQUIRES(write_mutex_);
  enum class RoomFor { readings, memories };
  // For rows with these sizes in all. False: there is none, and `overflow` says that the newest is dropped.
  Result<bool> make_room(std::uint64_t payload_bytes, std::uint64_t rows, RoomFor what)
      REQUIRES(write_mutex_);
  Result<bool> remove_delivered(std::uint64_t goal_bytes, std::optional<std::int64_t> older_than_ns)
      REQUIRES(write_mutex_);
  Result<bool> remove_oldest(std::uint64_t goal_bytes) REQUIRES(write_mutex_);
  Result<std::optional<Removal>> plan_removal(SeqRange within, std::uint64_t goal_bytes,
                                              std::optional<std::int64_t> older_than_ns)
      REQUIRES(write_mutex_);
  Result<void> remove_rows(const Removal& removal) REQUIRES(write_mutex_);
  Result<void> put_held(std::uint64_t points, std::uint64_t payload_bytes, std::uint64_t segments)
      REQUIRES(write_mutex_);
  // Oldest first, at least one if there is one. False when there is none.
  Result<bool> remove_oldest_summaries(std::uint64_t goal_bytes) REQUIRES(write_mutex_);
  bool holds_segments() const EXCLUDES(state_mutex_);
  // Summaries, superseded status changes and gaps older than this.
  Result<void> forget_old(std::int64_t before_ns) REQUIRES(write_mutex_);
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
  SeqRanges folded_of_delivered() const EXCLUDES(state_mutex_);
  Result<void> checkpoint(std::uint64_t coming_bytes) REQUIRES(write_mutex_)
      EXCLUDES(read_mutex_, history_mutex_);
  Result<void> shrink() REQUIRES(write_mutex_) EXCLUDES(read_mutex_, history_mutex_);

  // log_thinning.cpp
  // Segments that can be made one: for every reader all of them are settled, or none is.
  struct ThinPlan {
    SeqRange rows;  // the first and the last
    int level = 1;
    std::uint64_t count = 0;
    std::uint64_t points = 0;
    std::uint64_t payload_bytes = 0;
    std::int64_t checksum = 0;  // to see that nothing has changed
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
    ClockState clock = ClockState::set;
    std::string boot_id;
  };
  Result<bool> thin() REQUIRES(write_mutex_) EXCLUDES(read_mutex_, state_mutex_);
  // When the log is nearly full; one run. The lock is not held while lines are made.
  Result<bool> thin_ahead() EXCLUDES(write_mutex_, read_mutex_, state_mutex_);
  Result<bool> is_nearly_full() REQUIRES(write_mutex_);
  Result<std::optional<ThinPlan>> plan_thinning() REQUIRES(write_mutex_) EXCLUDES(state_mutex_);
  Result<std::optional<ThinPlan>> plan_thinning(int level) REQUIRES(write_mutex_) EXCLUDES(state_mutex_);
  Result<std::optional<ThinPlan>> choose_rows(SeqRange within, int level) REQUIRES(write_mutex_);
  std::optional<SeqRange> next_thinnable(std::uint64_t from, std::uint64_t last) const EXCLUDES(state_mutex_);
  // Absent when it meets damage: passed over.
  Result<std::optional<ThinnedLines>> make_thinned(const ThinPlan& plan) EXCLUDES(read_mutex_);
  Result<bool> replace(const ThinPlan& plan, const ThinnedLines& thinned) REQUIRES(write_mutex_)
      EXCLUDES(read_mutex_, state_mutex_);
  Result<bool> is_unchanged(const ThinPlan& plan) REQUIRES(write_mutex_) EXCLUDES(state_mutex_);

  // salvage.cpp, salvage_copy.cpp
  // Runs a write or a read; once more when the medium stumbles, and on the salvaged database when there is
  // damage.
  template <class Run>
  auto mending(Run&& run) -> decltype(run()) {
    bool has_stumbled = false;
    for (bool is_mended = false;; is_mended = true) {
      const std::uint64_t salvages = salvages_so_far();
      if (auto ready = reconnect(); !ready) return ready.error();
      auto done = run();
      if (!done && done.error().kind == ErrorKind::unreadable && !std::exchange(has_stumbled, true))
        done = run();
      if (done || !is_damage(done.error()) || is_mended) return done;
      if (auto recovered = recover(done.error(), salvages); !recovered) return recovered.error();
    }
  }
  static bool is_damage(const Error& error) {
    return error.kind == ErrorKind::corrupt || error.kind == ErrorKind::unreadable;
  }
  std::uint64_t salvages_so_far() const EXCLUDES(state_mutex_);
  // Opens the database again when a salvage could not be finished, as with a full disk.
  Result<void> reconnect() EXCLUDES(write_mutex_, read_mutex_, history_mutex_);
  // `salvages`: how many there were when the damage was met; another thread may have mended it since.
  Result<void> recover(const Error& cause, std::uint64_t salvages)
      EXCLUDES(write_mutex_, read_mutex_, history_mutex_);
  void close() REQUIRES(write_mutex_, read_mutex_, history_mutex_);
  Result<void> salvage(const std::string& cause) REQUIRES(write_mutex_, read_mutex_, history_mutex_);
  // What stands complete at salvage_of(path_) takes its place; no connection is open. Returns what the file
  // that was there is called from now on; empty when there was none.
  Result<std::string> put_in_place(bool has_all) REQUIRES(write_mutex_);
  Result<void> finish_swap() REQUIRES(write_mutex_);
  Result<void> move_companions(const std::filesystem::path& to) REQUIRES(write_mutex_);
  Result<void> remove_database(const std::filesystem::path& database) REQUIRES(write_mutex_);
  Result<std::string> last_set_aside() const;
  std::optional<Held> held_while_open() const EXCLUDES(state_mutex_);
  Result<Loss> copy_from(const std::filesystem::path& damaged) REQUIRES(write_mutex_, read_mutex_);
  // What of `damaged` reads, in a new database beside path_, whole when this returns.
  Result<Loss> make_salvage(const std::filesystem::path& damaged)
      REQUIRES(write_mutex_, read_mutex_, history_mutex_);
  struct CopiedSegments {
    SeqRanges numbers;
    std::uint64_t count = 0;
    std::uint64_t points = 0;
    std::uint64_t bytes = 0;
    Loss lost;
  };
  Result<CopiedSegments> copy_segments(DatabaseImage& image, Db& from, const Held& held)
      REQUIRES(write_mutex_);
  Result<bool> copy_tables(Db& from) REQUIRES(write_mutex_);
  Result<void> copy_meta(Db& from, const CopiedSegments& segments, std::uint64_t last_seq)
      REQUIRES(write_mutex_);
  struct Copied {
    std::uint64_t rows = 0;
    bool met_damage = false;
  };
  // `select` gives the rows of a table from the number ?1 on, its first column; damage is jumped over.
  Result<Copied> copy_table(Db& from, const std::string& select, const std::string& insert, std::int64_t step)
      REQUIRES(write_mutex_);
  Result<std::uint64_t> copy_progress(Db& from, const SeqRanges& copied, std::uint64_t last_seq,
                                      bool has_summaries) REQUIRES(write_mutex_);

  // clock_repair.cpp
  void is_repaired(std::uint64_t seq) EXCLUDES(state_mutex_);
  Result<bool> repair_one(std::uint64_t seq, std::int64_t boot_epoch_ns) REQUIRES(write_mutex_);
  Result<std::int64_t> estimate_start(const StoredSegment& segment, std::int64_t boot_epoch_ns)
      REQUIRES(write_mutex_);
  // Within a transaction: the changes of one boot that wait for the clock.
  Result<void> shift_changes(std::string_view boot_id, std::int64_t shift_ns, ClockState clock)
      REQUIRES(write_mutex_);
  Result<void> repair_lone_changes(std::int64_t boot_epoch_ns) REQUIRES(write_mutex_);
  Result<void> note_boot_epoch(std::int64_t boot_epoch_ns) REQUIRES(write_mutex_);
  Result<void> forget_boot_epochs() REQUIRES(write_mutex_);
  Result<std::optional<std::int64_t>> noted_epoch(const char* kind, std::string_view boot_id)
      REQUIRES(write_mutex_);
  Result<std::optional<std::int64_t>> epoch_of(std::string_view boot_id, std::int64_t boot_epoch_ns)
      REQUIRES(write_mutex_);

  const Clock& clock_;
  StoreFiles& files_;
  const std::filesystem::path path_;
  const std::string boot_id_;
  const bool may_be_away_;
  std::atomic<bool> is_closed_ = true;  // since it could not be opened, or mended

  Mutex removal_mutex_;  // one removal on request at a time
  // Taken in this order, after it.
  mutable Mutex write_mutex_;
  mutable Mutex read_mutex_;
  mutable Mutex history_mutex_;
  Mutex version_mutex_;
  mutable Mutex state_mutex_;

  LogOptions options_ GUARDED_BY(write_mutex_);
  UniqueFd lock_ GUARDED_BY(write_mutex_);
  WriteConnection writer_ GUARDED_BY(write_mutex_);
  std::unique_ptr<PayloadEncoder> encoder_ GUARDED_BY(write_mutex_);
  std::string payload_ GUARDED_BY(write_mutex_);
  std::uint64_t total_bytes_ GUARDED_BY(write_mutex_) = 0;  // ever appended, compressed
  std::uint64_t total_segments_ GUARDED_BY(write_mutex_) = 0;
  bool is_clean_ GUARDED_BY(write_mutex_) = false;  // as meta says (schema.h)
  std::optional<BootTime> upkeep_due_ GUARDED_BY(write_mutex_);
  bool dropped_since_upkeep_ GUARDED_BY(write_mutex_) = false;
  log::Repeated dropping_ GUARDED_BY(write_mutex_){"store"};
  std::optional<std::uint64_t> summary_bytes_ GUARDED_BY(write_mutex_);   // of all rows, once asked for
  std::array<std::uint64_t, 3> thin_from_ GUARDED_BY(write_mutex_) = {};  // by level: all before is done
  std::optional<BootTime> opened_ GUARDED_BY(write_mutex_);
  mutable ReadConnection reader_ GUARDED_BY(read_mutex_);
  HistoryConnection history_ GUARDED_BY(history_mutex_);
  std::uint64_t summaries_version_ GUARDED_BY(version_mutex_) = 0;
  State state_ GUARDED_BY(state_mutex_);
  std::optional<FilesInPlace> place_ GUARDED_BY(state_mutex_);  // while it is open
  std::uint64_t salvaged_ GUARDED_BY(state_mutex_) = 0;
  std::map<std::uint64_t, std::uint64_t> damaged_seen_
      GUARDED_BY(state_mutex_);  // held, and counted with these points
  std::uint64_t salvages_ GUARDED_BY(state_mutex_) = 0;
  std::uint64_t max_size_bytes_ GUARDED_BY(state_mutex_) = 0;
  std::string set_aside_ GUARDED_BY(state_mutex_);
  std::optional<std::int64_t> last_alive_ns_ GUARDED_BY(state_mutex_);  // of the agent before this one
};

}  // namespace vigile
