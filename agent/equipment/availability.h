// SPDX-License-Identifier: Apache-2.0
// How long an equipment was in which status, from its recorded changes. Pure.
//
// The status at a moment is that of the last change that began at or before it. A change begins at its time,
// or `decided_after_ns` before it (the first failed check of an outage), but not before the change before it.
// It is unknown before the first change, in a gap (no agent ran; after the gap the status goes on), and after
// `now`. Times are half open: a change on the first moment of the span counts from there, one on its end not
// at all.
//
// Changes may come in any order: they are put in order of their times, those of the same time stay in the
// order given, the last of them holds. (A clock that was stepped back makes changes that were recorded later
// older; the account follows the times, as a server's does.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "equipment/status.h"
#include "store/history.h"
#include "store/segment.h"

namespace vigile {

struct AvailabilityOptions {
  bool warning_is_up = true;
};

// From the first moment down to the last one of the same outage. Only being up ends an outage: one that goes
// on after a maintenance, a gap or a time of status unknown is one outage, and that time is not part of
// `down_ns`.
struct DowntimePeriod {
  std::int64_t from_ns = 0;
  std::optional<std::int64_t> to_ns;  // absent: it lasts, which is told only when the span reaches up to now
  std::int64_t down_ns = 0;
  std::string reason;  // of the change that held when it began, though it may be before the span
  bool operator==(const DowntimePeriod&) const = default;
};

struct AvailabilityReport {
  TimeSpan span;
  // Of time that counts (up + down); absent when there is none: no data is never 100 %.
  std::optional<double> availability_percent;
  // up + down + maintenance + unknown is the length of the span.
  std::int64_t up_ns = 0;       // online, and warning unless the options say otherwise
  std::int64_t down_ns = 0;     // offline (and warning)
  std::int64_t warning_ns = 0;  // part of up or down
  std::int64_t maintenance_ns = 0;
  std::int64_t unknown_ns = 0;  // before the first change, while no agent ran, after now
  std::uint64_t outages = 0;
  std::optional<double> mtbf_seconds;    // up time / outages; absent without an outage
  std::optional<double> mttr_seconds;    // down time / outages
  std::int64_t longest_outage_ns = 0;    // by its down_ns
  std::vector<DowntimePeriod> downtime;  // oldest first, cut to the span
  bool operator==(const AvailabilityReport&) const = default;
};

// One recorded change and how long it held.
struct StatusPeriod {
  Status old_status = Status::unknown;
  Status status = Status::unknown;
  std::int64_t from_ns = 0;
  std::optional<std::int64_t> to_ns;  // absent: it lasts
  std::int64_t unwatched_ns = 0;      // part of it in which no agent ran
  std::string reason;
  std::int64_t decided_ns = 0;  // when the status was decided: from_ns, or later for an outage, which begins
                                // with its first failed check
  bool operator==(const StatusPeriod&) const = default;
};

// `changes`: those in the span, the last one before it, and the first one after it, which may have begun in
// it; others do no harm. `gaps`: in any order, they may
// overlap.
AvailabilityReport calculate_availability(std::vector<StatusChange> changes, std::vector<TimeSpan> gaps,
                                          TimeSpan span, std::int64_t now_ns,
                                          const AvailabilityOptions& options);

// The changes that held at some moment of the span (or were made in it, if only for no time), oldest first,
// with their own times, not cut to it. What holds at the end of the span lasts unless `changes` has a later
// one.
std::vector<StatusPeriod> status_history(std::vector<StatusChange> changes, std::vector<TimeSpan> gaps,
                                         TimeSpan span, std::int64_t now_ns);

}  // namespace vigile
