// SPDX-License-Identifier: Apache-2.0
// What the log remembers for questions on the device (DESIGN §2, §5): raw segments, status changes, the
// times in which no agent ran, and one row of summaries an hour. agent/equipment/ reads and writes it; what
// a row of summaries holds is known there alone.
//
// Threads: every function may be called from any thread. Reads use a connection of their own: a long one
// holds up neither commits nor delivery.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "store/segment.h"
#include "store/seq_ranges.h"

namespace vigile {

// A span of time, wall clock, from_ns included and to_ns not.
struct TimeSpan {
  std::int64_t from_ns = 0;
  std::int64_t to_ns = 0;
  bool operator==(const TimeSpan&) const = default;
};

// One hour of summaries of all series, as agent/equipment/ encodes it.
struct SummaryRow {
  std::int64_t hour_ns = 0;  // start of the hour (UTC)
  std::string payload;
};

// What remove() takes away, or would.
struct RemovalReport {
  std::uint64_t segments = 0;  // whole, or some of their lines
  std::uint64_t points = 0;
  std::uint64_t bytes = 0;               // compressed
  std::uint64_t undelivered_points = 0;  // kept, because some sink has not had them (or removed, if asked)
  std::uint64_t summaries = 0;           // hours
  std::uint64_t status_changes = 0;
};

class History {
 public:
  // Takes an equipment out of a row of summaries; "" when nothing is left of it. Must not call the log.
  using Strip = std::function<Result<std::string>(std::string_view payload, std::string_view equipment_id)>;

  virtual ~History() = default;

  // Calls `use` with each segment that overlaps `span`, in order of number, until it returns false. Segments
  // whose clock is unset and damaged ones are passed over. `unsummarised_only`: only those that
  // store_summaries() has not folded yet.
  virtual Result<void> read_segments(TimeSpan span, bool unsummarised_only,
                                     const std::function<bool(const StoredSegment&)>& use) = 0;
  // Since when raw readings are held without a hole: none with a known time was removed from then on. Absent
  // when there are none. Older answers need summaries.
  virtual std::optional<std::int64_t> oldest_segment_ns() = 0;
  // The largest time among the raw readings that were removed so far: those after it are all held. Absent
  // when none was.
  virtual std::optional<std::int64_t> removed_until_ns() = 0;

  // Segments that are not folded into summaries yet, in order of number, at most `raw_bytes` of lines (but
  // one segment always); none with an unset clock. Empty: all from there on are folded. From the first call
  // on, segments not folded yet are kept past `keep`; only max_size removes them, and they are counted.
  virtual Result<std::vector<StoredSegment>> read_unsummarised(std::uint64_t from_seq,
                                                               std::uint64_t raw_bytes) = 0;
  // Puts rows in place of those of the same hours, and counts `folded` as summarised: one commit. After a
  // crash both are there or neither is. Rows of one call may take 1/16 of max_size, 1 MiB at most.
  // When summaries take more than half of max_size the oldest go. Errors: full when there is no room, or the
  // rows are larger than that: nothing was stored.
  virtual Result<void> store_summaries(const std::vector<SummaryRow>& rows, const SeqRanges& folded) = 0;
  // Another number after each commit of store_summaries() or remove(); waits for one that is under way. Who
  // reads summaries and then the segments that have none yet sees by it whether both belong together.
  virtual std::uint64_t summaries_version() = 0;
  // Rows with hours in [from_ns, to_ns), oldest first, until `use` returns false.
  virtual Result<void> read_summaries(std::int64_t from_ns, std::int64_t to_ns,
                                      const std::function<bool(const SummaryRow&)>& use) = 0;

  // Status changes of one equipment (all when empty) with times in `span`, oldest first, at most `limit`.
  virtual Result<std::vector<StatusChange>> status_changes(std::string_view equipment_id, TimeSpan span,
                                                           std::size_t limit) = 0;
  // The last change of each equipment before `before_ns` (of one, when named). With INT64_MAX the last of all
  // counts, also one whose clock is not set yet: its time is then boot-relative.
  virtual Result<std::vector<StatusChange>> last_status_changes(std::string_view equipment_id,
                                                                std::int64_t before_ns) = 0;

  // A time in which no agent ran is known when the next one starts: from the last sign of life to then.
  virtual Result<void> add_gap(TimeSpan gap) = 0;
  virtual Result<std::vector<TimeSpan>> gaps(TimeSpan span) = 0;
  // When an agent was last known to run, before this one: the last committed reading or clean end. Absent
  // for a new database.
  virtual std::optional<std::int64_t> last_alive_ns() = 0;
  // Called at a clean end, so that the gap begins there.
  virtual Result<void> set_last_alive(std::int64_t now_ns) = 0;

  // Removes what is older than `before_ns`: readings (delivered to every sink, or all with `undelivered`; a
  // segment that holds younger ones too is written anew with those), summaries of hours that ended by then,
  // status changes and gaps. The last change of each equipment before `before_ns` stays: it says what holds
  // from then on. Segments with unset clocks stay. With an equipment's id only its lines go: segments are
  // written anew, and its series leave the summaries through `strip`. With `dry_run` nothing is removed.
  virtual Result<RemovalReport> remove(std::int64_t before_ns, std::string_view equipment_id,
                                       bool undelivered, bool dry_run, const Strip& strip) = 0;
};

}  // namespace vigile
