// SPDX-License-Identifier: Apache-2.0
// Readings of this device's own log: raw ones from segments, hours from summaries. Any thread; a call keeps a
// few megabytes at most (its buffers, and what it folds), however long its span is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "equipment/line_readings.h"
#include "equipment/readings.h"
#include "equipment/summary_codec.h"

namespace vigile {

class LogReadings final : public ReadingSource {
 public:
  LogReadings(History& history, MetricNamer namer, SiteIdSource site_id = {});

  Result<void> scan(const ReadingFilter& filter, const std::function<bool(const Reading&)>& use) override;
  Result<ReadingCoverage> fold(const ReadingFilter& filter, bool may_use_summaries, std::int64_t bucket_ns,
                               const FoldedSeries& use) override;
  Result<std::vector<StatusChange>> status_changes(const std::string& equipment_id, TimeSpan span) override;
  Result<std::vector<TimeSpan>> gaps(TimeSpan span) override;
  Result<std::optional<std::int64_t>> raw_since_ns() override;

 private:
  // Where the parts of a span come from: raw readings of all segments at both edges, summaries and segments
  // that are not summarised yet between.
  struct Plan {
    ReadingCoverage coverage;
    TimeSpan left;
    TimeSpan middle;
    TimeSpan right;
  };
  struct Tools;  // of one call
  enum class Edge { raw, inside, widened };

  Result<Plan> plan(const ReadingFilter& filter, bool may_use_summaries, Tools& tools);
  Result<Edge> edge(std::int64_t hour_ns, TimeSpan part, const ReadingFilter& filter, Tools& tools);
  Result<bool> read_raw(TimeSpan span, bool unsummarised_only, Tools& tools,
                        const std::function<bool(const Reading&)>& use);
  Result<bool> fold_part(const Plan& plan, TimeSpan part, std::int64_t bucket_ns, Tools& tools);

  History& history_;
  const MetricNamer namer_;
  const SiteIdSource site_id_;
};

}  // namespace vigile
