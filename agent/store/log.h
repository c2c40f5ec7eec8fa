// SPDX-License-Identifier: Apache-2.0
// The log: one SQLite database that holds every reading until it was delivered, and after that as history
// until `keep` and `max_size` say otherwise. DESIGN §5 lists its promises.
//
// Threads: every function may be called from any thread. append() and the other writes take turns; reads use
// a connection of their own and never wait for a commit.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "store/segment.h"

namespace vigile {

class History;
class StoreFiles;
struct StoreInspection;

// What was carried over from a damaged database, and what could not be.
struct SalvageReport {
  std::uint64_t segments = 0;
  std::uint64_t points = 0;
  std::uint64_t lost_segments = 0;
  std::uint64_t lost_points = 0;
  bool lost_at_least = false;  // those are more, but the damage hides how many
};

// thin: the oldest undelivered readings are made into one line a series and minute, then ten minutes; dropped
// is only what that does not make room for.
enum class Overflow { drop_oldest, drop_newest, thin };

struct LogOptions {
  std::filesystem::path path;                               // its directory is made when missing
  std::uint64_t max_size_bytes = std::uint64_t{256} << 20;  // database plus WAL; at least 1 MiB
  std::chrono::nanoseconds keep = std::chrono::hours(7 * 24);
  std::chrono::nanoseconds keep_summaries = std::chrono::hours(400 * 24);  // status changes and gaps too
  Overflow overflow = Overflow::drop_oldest;
  // Acknowledgements are written with the next append, or by themselves after this long.
  std::chrono::nanoseconds progress_every = std::chrono::seconds(10);
  // open() succeeds though the storage is full, read-only or fails: every call then tries it again, and
  // returns its error until it can be used.
  bool may_be_away = false;
  StoreFiles* files = nullptr;  // null: the system's (store_files.h)
};

// A run of segment numbers, both included.
struct SeqRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool operator==(const SeqRange&) const = default;
};

// Limits of one read; whichever is reached first ends it, but one segment is always returned if there is one.
struct ReadLimits {
  std::uint64_t raw_bytes = std::uint64_t{1} << 20;
  std::uint64_t points = UINT64_MAX;
};

struct DeadLetter {
  std::uint64_t id = 0;  // given by the log
  std::string sink;
  std::int64_t refused_ns = 0;  // wall clock
  std::string line;
  std::string reason;
  bool resend = false;  // waits to be sent again
};

// Which dead letters: those that meet all that is given.
struct DeadLetterChoice {
  std::string sink;      // "": of all sinks
  std::uint64_t id = 0;  // 0: any
  std::string reason;    // a part of it
};

struct SinkBacklog {
  std::string sink;
  bool known = true;  // false: has undelivered data in the log but no entry in the settings
  std::uint64_t segments = 0;
  std::uint64_t points = 0;
  std::optional<std::int64_t> oldest_ns;  // first_ns of the oldest undelivered segment
};

struct LogStatus {
  std::uint64_t segments = 0;
  std::uint64_t points = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::optional<std::int64_t> oldest_ns;  // first_ns of the oldest segment held
  std::uint64_t size_bytes = 0;           // database plus WAL, as files
  std::uint64_t max_size_bytes = 0;
  std::uint64_t payload_bytes = 0;    // held, compressed
  std::uint64_t appended_points = 0;  // since the database was made
  std::uint64_t dropped_points = 0;   // undelivered points lost to max_size, since the database was made
  std::optional<std::int64_t> dropped_from_ns;  // the span of time they were from
  std::optional<std::int64_t> dropped_to_ns;
  // Overflow::thin: undelivered points that others now stand for, and how many those are, since the database
  // was made: `appended - dropped - thinned + made` is what there was to deliver. A point made may be thinned
  // again; it counts in both.
  std::uint64_t thinned_points = 0;
  std::uint64_t thinned_made_points = 0;
  std::optional<std::int64_t> thinned_from_ns;  // the span of time they were from
  std::optional<std::int64_t> thinned_to_ns;
  // Lost to max_size before they were stored in summaries; those of one that was just being made are in it.
  std::uint64_t unsummarised_lost_points = 0;
  std::uint64_t damaged_segments = 0;   // failed their check and were skipped
  std::uint64_t damaged_points = 0;     // lost to damage, since the database was first made
  bool damaged_at_least = false;        // they are more, but the damage hides how many
  std::uint64_t salvaged_segments = 0;  // carried over from a damaged database at this start
  std::uint64_t dead_letters = 0;
  std::string set_aside;  // path of the damaged database, if one is kept
  std::vector<SinkBacklog> sinks;
};

class Log {
 public:
  // Opens or makes the database, migrates its schema, salvages what reads from a damaged one. Reports what it
  // did through core/logging. Errors: unavailable when another process holds it (its pid is named),
  // permission, io, full, unreadable (the last three not with `may_be_away`); corrupt only for a schema newer
  // than this program.
  static Result<std::unique_ptr<Log>> open(const LogOptions& options, const Clock& clock);
  // Carries what still reads of `damaged` over into a new log at `options.path`, where none may be; what was
  // not delivered still is not. `damaged` and its WAL stay as they are. When it is interrupted there
  // is no new log. Errors: config when there is something at the path; not_found; those of
  // open().
  static Result<SalvageReport> salvage(const std::filesystem::path& damaged, const LogOptions& options,
                                       const Clock& clock);
  virtual ~Log() = default;

  // The sinks of the settings. A name not seen before starts at the oldest segment held. Names that are no
  // longer listed keep their progress: what they have not delivered stays listed in status(). A log that is
  // away learns them when it can be used.
  virtual Result<void> set_sinks(const std::vector<std::string>& names) = 0;
  // Forgets a sink that is no longer in the settings, with its progress and dead letters.
  virtual Result<void> forget_sink(std::string_view name) = 0;
  // New limits after a reload; path and files are ignored.
  virtual Result<void> set_limits(const LogOptions& options) = 0;

  // Commits one segment: when it returns a number, the segment survives a power cut. Makes room first when
  // max_size is reached; 0 when there was none and `overflow` is drop_newest: the segment is counted as
  // dropped, its status changes are stored all the same. One without lines stores its changes alone and has
  // no number: the last one is returned. Errors: full, io, permission: nothing was stored; try again.
  virtual Result<std::uint64_t> append(const NewSegment& segment) = 0;

  // Up to `limits` of what `sink` has not acknowledged, with numbers from `from_seq` on, in order, only
  // segments with consecutive numbers apart from delivered or dropped ones, only those ready to be sent
  // (clock not unset). Damaged segments are skipped, counted and settled. Empty: nothing to send. What was
  // read last stays as it is until it is acknowledged or the sink reads elsewhere: it may be under way.
  virtual Result<std::vector<StoredSegment>> read_undelivered(std::string_view sink, std::uint64_t from_seq,
                                                              const ReadLimits& limits) = 0;
  // History for analytics: segments whose time overlaps [from_ns, to_ns), delivered or not, from `from_seq`
  // on.
  virtual Result<std::vector<StoredSegment>> read_history(std::int64_t from_ns, std::int64_t to_ns,
                                                          std::uint64_t from_seq,
                                                          const ReadLimits& limits) = 0;

  // The sink has these segments for good. Without dead letters this is kept in memory until the next append
  // (or progress_every): a crash repeats at most that. With dead letters it is one commit, done on return.
  virtual Result<void> acknowledge(std::string_view sink, SeqRange range,
                                   const std::vector<DeadLetter>& dead_letters = {}) = 0;

  // Housekeeping by the writer's thread: writes waiting acknowledgements when due, deletes delivered history
  // older than `keep`, checkpoints, thins ahead when the log is nearly full. Returns when it wants to be
  // called again, if at all.
  virtual Result<std::optional<BootTime>> maintain(BootTime now) = 0;
  // Writes everything that waits in memory (acknowledgements).
  virtual Result<void> flush() = 0;

  // The wall clock became known: boot time 0 of this boot was `boot_epoch_ns`. Repairs segments with unset
  // clocks: those of this boot exactly, those of earlier boots as estimates after the last known time. One
  // segment a transaction; may be called again after an error. When the power goes on the way, the rest is
  // exact all the same at the next call, in whatever boot.
  virtual Result<std::uint64_t> repair_clock(std::int64_t boot_epoch_ns) = 0;
  // Whether there is anything for repair_clock(): readings that were begun before the clock was set may come
  // after it.
  virtual bool has_unset_times() const = 0;

  virtual Result<std::vector<DeadLetter>> dead_letters(std::string_view sink, std::uint64_t after_id,
                                                       std::size_t limit) = 0;  // sink "": all
  virtual Result<std::uint64_t> clear_dead_letters(std::string_view sink) = 0;  // how many
  // Puts dead letters of sinks in the settings back in the queue; survives a power cut. How many wait now of
  // those that are meant; letters without a line cannot be sent. Errors: not_found for a sink that is not in
  // the settings, for an id that is none, and when all that are meant are of sinks that are not there.
  virtual Result<std::uint64_t> resend_dead_letters(const DeadLetterChoice& choice) = 0;
  // Those of a sink in the queue, oldest first, up to `bytes` of lines; one always if there is one.
  virtual Result<std::vector<DeadLetter>> letters_to_resend(std::string_view sink, std::uint64_t bytes) = 0;
  // Removes those that arrived; those that were refused again leave the queue, with `refused_ns` and `reason`
  // as given. One commit.
  virtual Result<void> settle_letters(const std::vector<DeadLetter>& arrived,
                                      const std::vector<DeadLetter>& refused) = 0;

  // What is remembered for questions on the device; lives as long as the log.
  virtual History& history() = 0;

  // Reads every segment against its checksum, while the log goes on (inspection.h). Takes as long as reading
  // the file does.
  virtual Result<StoreInspection> inspect() const = 0;

  virtual std::uint64_t last_seq() const = 0;
  virtual LogStatus status() const = 0;  // O(sinks), no scan
};

}  // namespace vigile
