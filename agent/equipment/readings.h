// SPDX-License-Identifier: Apache-2.0
// Where the answers come from: readings and status changes in a span of time, from this device's log
// (log_readings.h) or from a server. All times are nanoseconds since the Unix epoch, UTC; spans are half
// open.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "equipment/coverage.h"
#include "equipment/summary.h"
#include "store/history.h"

namespace vigile {

// One number of one series. Views last until the callback returns.
struct Reading {
  std::string_view equipment_id;
  std::string_view metric;  // "cpu_usage"
  std::string_view tags;    // what tells it from its siblings, sorted, "core=0,mount=/"; without the layout's
                            // own; escaped as in line protocol, the other two are not
  std::int64_t time_ns = 0;
  double value = 0;
};

struct ReadingFilter {
  std::string equipment_id;          // empty: all
  std::vector<std::string> metrics;  // empty: all
  TimeSpan span;
};

class ReadingSource {
 public:
  virtual ~ReadingSource() = default;
  // Raw readings in no promised order; `use` returns false to end it.
  virtual Result<void> scan(const ReadingFilter& filter, const std::function<bool(const Reading&)>& use) = 0;
  // Everything in the span folded per series; hours that are complete in the span from summaries when
  // `may_use_summaries`, everything else from raw readings. Never counts a reading twice. With `bucket` (a
  // multiple of an hour, or 0 for one bucket) series are folded per bucket that starts at a multiple of it.
  // Buckets come oldest first.
  using FoldedSeries =
      std::function<void(std::string_view equipment_id, std::string_view metric, std::string_view tags,
                         std::int64_t bucket_start_ns, const SeriesSummary& summary)>;
  virtual Result<ReadingCoverage> fold(const ReadingFilter& filter, bool may_use_summaries,
                                       std::int64_t bucket_ns, const FoldedSeries& use) = 0;
  // Raw readings from before this time were held once and are gone; absent: none are.
  virtual Result<std::optional<std::int64_t>> raw_since_ns() { return std::optional<std::int64_t>(); }
  // Changes in the span, oldest first, and before them the last one before the span (which says what the
  // status was at its start), if there is one.
  virtual Result<std::vector<StatusChange>> status_changes(const std::string& equipment_id,
                                                           TimeSpan span) = 0;
  // Spans in which no agent ran: the status was unknown then.
  virtual Result<std::vector<TimeSpan>> gaps(TimeSpan span) = 0;
};

}  // namespace vigile
