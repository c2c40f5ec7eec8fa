// SPDX-License-Identifier: Apache-2.0
// Readings, status changes and gaps as an influx sink's server holds them, so that the same questions can be
// asked of the server as of the log. Only of this site (tag site_id), gaps only of this device. Layout
// equipment alone: elsewhere the names of metrics are not on the wire.
//
// Any thread; each call has a connection of its own. Errors: those of client.h.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/option.h"
#include "equipment/readings.h"
#include "sinks/influx/influx_settings.h"

namespace vigile::influx_sink {

class InfluxReadings final : public ReadingSource {
 public:
  InfluxReadings(InfluxSettings settings, std::string site_id, std::string device);

  // Rows are used as they come; nothing is held but the answer's piece at hand.
  Result<void> scan(const ReadingFilter& filter, const std::function<bool(const Reading&)>& use) override;
  // From raw readings: a server has no summaries of ours. Holds one summary a series and bucket.
  Result<ReadingCoverage> fold(const ReadingFilter& filter, bool may_use_summaries, std::int64_t bucket_ns,
                               const FoldedSeries& use) override;
  Result<std::vector<StatusChange>> status_changes(const std::string& equipment_id, TimeSpan span) override;
  Result<std::vector<TimeSpan>> gaps(TimeSpan span) override;

 private:
  const InfluxSettings settings_;
  const std::string site_id_;
  const std::string device_;
};

// Of the options of an influx sink. Errors: config, also for layout native.
Result<std::unique_ptr<ReadingSource>> make_influx_readings(const Options& sink_options, bool native_layout,
                                                            const std::string& site_id,
                                                            const std::string& device);

}  // namespace vigile::influx_sink
