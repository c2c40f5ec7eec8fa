// SPDX-License-Identifier: Apache-2.0
// The part of the agent that watches equipment: statuses, summaries, recording, answers.
#include <limits>

#include "app/agent.h"
#include "core/logging.h"
#include "equipment/equipment_lines.h"
#include "sinks/influx/influx_readings.h"

namespace vigile {

Stamp Agent::stamp() {
  const Timeline::Mapping mapping = timeline_.now();
  const BootTime boot = clock_.boot();
  return {mapping.clock, boot, mapping.stamp(boot)};
}

MetricNamer Agent::metric_namer() {
  return driver_metric_namer([this](std::string_view name) {
    const MutexLock lock(names_mutex_);
    return renamed_.contains(name);
  });
}

Result<void> Agent::open_equipment(const Settings& settings) {
  {
    const MutexLock lock(names_mutex_);
    renamed_ = renamed_metrics(settings);
  }
  directory_ = std::make_unique<EquipmentDirectory>(
      watched_site(settings), [this] { return stamp(); },
      [this](const StatusChange& change, const std::string& line, ClockState clock) {
        log::notice("equipment " + change.equipment_id + ": " + change.old_status + " -> " +
                    change.new_status + (change.reason.empty() ? "" : ": " + change.reason));
        committer_->add(clock, change.time_ns, change.time_ns, line.empty() ? 0 : 1, line, {&change, 1});
      });
  const auto known = log_->history().last_status_changes("", std::numeric_limits<std::int64_t>::max());
  if (known) {
    directory_->restore(*known);
  } else {
    log::warning("equipment: its last statuses are not known: " + known.error().message);
  }
  observer_ = std::make_unique<DirectoryObserver>(*directory_);
  const SiteIdSource site_id = [this] { return current_settings().site_id; };
  readings_ = std::make_unique<LogReadings>(log_->history(), metric_namer(), site_id);
  keeper_ = std::make_unique<SummaryKeeper>(log_->history(), clock_, metric_namer(), site_id);
  upkeep_ = std::make_unique<Upkeep>(*directory_, *keeper_, *log_, clock_);
  equipment_ = std::make_unique<SiteEquipment>(SiteEquipmentParts{
      .directory = *directory_,
      .history = log_->history(),
      .readings = *readings_,
      .keeper = *keeper_,
      .namer = metric_namer(),
      .stamp = [this] { return stamp(); },
      .site_id = site_id,
      .commit = [this](std::span<const NewSegment> lines) { return committer_->commit(lines); },
      .server_readings = [this](const std::string& sink) { return server_readings(sink); },
  });
  return {};
}

void Agent::record_gap(const Timeline::Mapping& mapping) {
  const std::int64_t started_ns = mapping.stamp(started_);
  if (!last_alive_ns_ || *last_alive_ns_ >= started_ns) return;
  const TimeSpan gap{*last_alive_ns_, started_ns};
  if (const auto added = log_->history().add_gap(gap); !added) {
    log::error("store: the time without an agent is not recorded: " + added.error().message);
    return;
  }
  const Settings settings = current_settings();
  std::string line;
  append_gap(settings.site_id, settings.device, gap, line);
  committer_->add(mapping.clock, started_ns, started_ns, 1, line);
}

Result<std::unique_ptr<ReadingSource>> Agent::server_readings(const std::string& sink) const {
  const Settings settings = current_settings();
  std::string known;
  for (const SinkSettings& one : settings.sinks) {
    if (one.kind != "influx") continue;
    if (one.name == sink || sink == "influx") {
      return influx_sink::make_influx_readings(one.options, settings.layout == Layout::native,
                                               settings.site_id, settings.device);
    }
    known += (known.empty() ? "" : ", ") + one.name;
  }
  return Error{ErrorKind::config, "from: no influx sink \"" + sink + "\" in the settings; " +
                                      (known.empty() ? "there is none" : "there are: " + known)};
}

}  // namespace vigile
