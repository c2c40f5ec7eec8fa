// SPDX-License-Identifier: Apache-2.0
#include "api/status_json.h"

#include <nlohmann/json.hpp>

#include "api/json_text.h"

namespace vigile {

using Json = nlohmann::ordered_json;

namespace {

Json driver_json(const DriverView& driver) {
  return {{"name", driver.name},
          {"driver", driver.driver},
          {"equipment_id", driver.equipment_id},
          {"state", driver.state},
          {"every_s", seconds(driver.every)},
          {"last_run", optional_time(driver.last_run)},
          {"last_duration_ms", milliseconds(driver.last_duration)},
          {"last_error", driver.last_error},
          {"stuck_for_s", optional_seconds(driver.stuck_for)},
          {"runs", driver.runs},
          {"errors", driver.errors},
          {"late_ticks", driver.late_ticks},
          {"points", driver.points},
          {"left_out", driver.left_out}};
}

Json sink_json(const SinkView& sink) {
  return {{"name", sink.name},
          {"kind", sink.kind},
          {"target", sink.target},
          {"state", sink.state},
          {"reason", sink.reason},
          {"last_acknowledged", optional_time(sink.last_acknowledged)},
          {"next_try_s", optional_seconds(sink.next_try)},
          {"delivered_points", sink.delivered_points},
          {"delivered_bytes", sink.delivered_bytes},
          {"requests", sink.requests},
          {"failures", sink.failures},
          {"dead_letters", sink.dead_letters},
          {"lag_points", sink.lag_points},
          {"lag_s", optional_seconds(sink.lag)},
          {"batch_bytes", sink.batch_bytes},
          {"conflicts", sink.conflicts}};
}

Json remote_settings_json(const std::optional<RemoteSettingsView>& remote) {
  if (!remote) return nullptr;
  return {{"broker", remote->broker},
          {"topic", remote->topic},
          {"connected", remote->connected},
          {"reason", remote->reason},
          {"conflict", remote->conflict},
          {"conflicts", remote->conflicts},
          {"serial", remote->serial},
          {"trial_left_s", optional_seconds(remote->trial_left)},
          {"failed_serial", remote->failed_serial},
          {"failed_reason", remote->failed_reason},
          {"refused", remote->refused}};
}

}  // namespace

Json log_json(const LogStatus& log) {
  Json sinks = Json::array();
  for (const SinkBacklog& sink : log.sinks) {
    sinks.push_back({{"sink", sink.sink},
                     {"known", sink.known},
                     {"segments", sink.segments},
                     {"points", sink.points},
                     {"oldest", optional_time_ns(sink.oldest_ns)}});
  }
  return {{"segments", log.segments},
          {"points", log.points},
          {"first_seq", log.first_seq},
          {"last_seq", log.last_seq},
          {"size_bytes", log.size_bytes},
          {"max_size_bytes", log.max_size_bytes},
          {"payload_bytes", log.payload_bytes},
          {"appended_points", log.appended_points},
          {"dropped_points", log.dropped_points},
          {"dropped_from", optional_time_ns(log.dropped_from_ns)},
          {"dropped_to", optional_time_ns(log.dropped_to_ns)},
          {"thinned_points", log.thinned_points},
          {"thinned_made_points", log.thinned_made_points},
          {"thinned_from", optional_time_ns(log.thinned_from_ns)},
          {"thinned_to", optional_time_ns(log.thinned_to_ns)},
          {"damaged_segments", log.damaged_segments},
          {"damaged_points", log.damaged_points},
          {"damaged_at_least", log.damaged_at_least},
          {"salvaged_segments", log.salvaged_segments},
          {"dead_letters", log.dead_letters},
          {"set_aside", log.set_aside},
          {"sinks", std::move(sinks)}};
}

Json status_json(const AgentStatus& status) {
  Json drivers = Json::array();
  for (const DriverView& driver : status.drivers) drivers.push_back(driver_json(driver));
  Json sinks = Json::array();
  for (const SinkView& sink : status.sinks) sinks.push_back(sink_json(sink));
  return {{"version", status.version},
          {"site_id", status.site_id},
          {"site_name", status.site_name},
          {"device", status.device},
          {"config_file", status.config_file},
          {"pid", status.pid},
          {"now", to_iso8601(status.now)},
          {"uptime_s", seconds(status.uptime)},
          {"clock", status.clock},
          {"healthy", status.healthy},
          {"unhealthy_reason", status.unhealthy_reason},
          {"notes", status.notes},
          {"drivers", std::move(drivers)},
          {"sinks", std::move(sinks)},
          {"remote_settings", remote_settings_json(status.remote_settings)},
          {"log", log_json(status.log)},
          {"commit_error", status.commit_error},
          {"committed_points", status.committed_points},
          {"waiting_points", status.waiting_points},
          {"ring_dropped_points", status.ring_dropped_points},
          {"unrecorded_points", status.unrecorded_points},
          {"loss_window_s", seconds(status.loss_window)},
          {"write_budget_bytes", status.write_budget_bytes},
          {"write_budget_exceeded", status.write_budget_exceeded},
          {"flash_bytes_today", status.flash_bytes_today},
          {"flash_bytes", status.flash_bytes},
          {"resident_bytes", status.resident_bytes},
          {"private_dirty_bytes", status.private_dirty_bytes},
          {"cpu_seconds", status.cpu_seconds}};
}

}  // namespace vigile
