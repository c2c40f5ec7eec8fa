// SPDX-License-Identifier: Apache-2.0
#include "api/exposition.h"
#include "api/json_text.h"
#include "api/routes.h"

namespace vigile {

namespace {

constexpr std::string_view kGauge = "gauge";
constexpr std::string_view kCounter = "counter";

double number(std::uint64_t value) {
  return static_cast<double>(value);
}

double epoch_seconds(WallTime time) {
  return seconds(time.time_since_epoch());
}

void add_agent(const AgentStatus& status, Exposition& page) {
  page.family("vigile_info", kGauge, "What runs here; always 1.");
  page.sample({{"version", status.version},
               {"site_id", status.site_id},
               {"site_name", status.site_name},
               {"device", status.device}},
              1);
  page.single("vigile_healthy", kGauge, "1 while the pipeline moves, else 0.", status.healthy ? 1 : 0);
  page.single("vigile_uptime_seconds", kGauge, "Since the agent started.", seconds(status.uptime));
  page.single("vigile_clock_set", kGauge, "1 when the wall clock is believed.",
              status.clock == "set" ? 1 : 0);
  page.single("vigile_committed_points_total", kCounter, "Points committed to the log since the start.",
              number(status.committed_points));
  page.single("vigile_waiting_points", kGauge, "Points in memory, not committed yet.",
              number(status.waiting_points));
  page.single("vigile_lost_points_total", kCounter, "Points that could never be committed, since the start.",
              number(status.ring_dropped_points));
  page.single("vigile_unrecorded_points_total", kCounter,
              "Points that every sink had, but that could not be committed, since the start.",
              number(status.unrecorded_points));
  page.single("vigile_loss_window_seconds", kGauge,
              "Readings of this long are lost when the power goes: the time between commits in force.",
              seconds(status.loss_window));
  if (status.write_budget_bytes > 0) {
    page.single("vigile_write_budget_bytes", kGauge, "What may be written to storage in a day.",
                number(status.write_budget_bytes));
    page.single("vigile_write_budget_exceeded", kGauge,
                "1 when more is written than the budget allows, at the widest loss window.",
                status.write_budget_exceeded ? 1 : 0);
  }
  page.single("vigile_flash_written_bytes_total", kCounter, "Bytes written to storage since the start.",
              number(status.flash_bytes));
  page.single("vigile_flash_written_today_bytes", kGauge, "Bytes written to storage since midnight UTC.",
              number(status.flash_bytes_today));
  page.single("vigile_resident_bytes", kGauge, "Resident memory.", number(status.resident_bytes));
  page.single("vigile_private_dirty_bytes", kGauge, "Memory of this process alone.",
              number(status.private_dirty_bytes));
  page.single("vigile_cpu_seconds_total", kCounter, "CPU time used.", status.cpu_seconds);
}

void add_log(const LogStatus& log, Exposition& page) {
  page.single("vigile_log_segments", kGauge, "Segments held.", number(log.segments));
  page.single("vigile_log_points", kGauge, "Points held, delivered or not.", number(log.points));
  page.single("vigile_log_size_bytes", kGauge, "Database and WAL.", number(log.size_bytes));
  page.single("vigile_log_max_size_bytes", kGauge, "The limit of vigile_log_size_bytes.",
              number(log.max_size_bytes));
  page.single("vigile_log_payload_bytes", kGauge, "Compressed lines held.", number(log.payload_bytes));
  page.single("vigile_log_appended_points_total", kCounter, "Points appended since the database was made.",
              number(log.appended_points));
  page.single("vigile_log_dropped_points_total", kCounter,
              "Undelivered points lost to the size limit since the database was made.",
              number(log.dropped_points));
  page.single("vigile_log_thinned_points_total", kCounter,
              "Undelivered points that thinned ones stand for, since the database was made.",
              number(log.thinned_points));
  page.single("vigile_log_thinned_made_points_total", kCounter,
              "Points that stand for thinned ones, since the database was made.",
              number(log.thinned_made_points));
  page.single("vigile_log_damaged_segments_total", kCounter, "Segments that failed their check.",
              number(log.damaged_segments));
  page.single("vigile_log_salvaged_segments", kGauge, "Segments saved from a damaged database at this start.",
              number(log.salvaged_segments));
  page.single("vigile_log_dead_letters", kGauge, "Refused lines held.", number(log.dead_letters));
  page.family("vigile_backlog_points", kGauge,
              "Points not delivered to a sink; known=\"0\": not in the settings.");
  for (const SinkBacklog& sink : log.sinks) {
    page.sample({{"sink", sink.sink}, {"known", sink.known ? "1" : "0"}}, number(sink.points));
  }
}

// One family over all drivers or sinks; `labels` and `value` say what of each. An absent value has no sample.
template <class Views, class Labels, class Value>
void add_family(Exposition& page, const Views& views, std::string_view name, std::string_view type,
                std::string_view help, const Labels& labels, const Value& value) {
  page.family(name, type, help);
  for (const auto& view : views) {
    if (const std::optional<double> figure = value(view)) labels(page, view, *figure);
  }
}

void add_drivers(const std::vector<DriverView>& drivers, Exposition& page) {
  const auto labelled = [](Exposition& to, const DriverView& driver, double figure) {
    to.sample({{"name", driver.name}, {"driver", driver.driver}, {"equipment_id", driver.equipment_id}},
              figure);
  };
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help,
                       const auto& value) { add_family(page, drivers, name, type, help, labelled, value); };
  using Figure = std::optional<double>;
  add("vigile_driver_runs_total", kCounter, "Runs of a driver instance.",
      [](const DriverView& d) { return Figure(number(d.runs)); });
  add("vigile_driver_errors_total", kCounter, "Runs that failed.",
      [](const DriverView& d) { return Figure(number(d.errors)); });
  add("vigile_driver_late_ticks_total", kCounter, "Ticks passed over because a run took too long.",
      [](const DriverView& d) { return Figure(number(d.late_ticks)); });
  add("vigile_driver_points_total", kCounter, "Points of a driver instance.",
      [](const DriverView& d) { return Figure(number(d.points)); });
  add("vigile_driver_interval_seconds", kGauge, "Time between two runs, as set.",
      [](const DriverView& d) { return Figure(seconds(d.every)); });
  add("vigile_driver_last_duration_seconds", kGauge, "How long the last run took.",
      [](const DriverView& d) { return Figure(seconds(d.last_duration)); });
  add("vigile_driver_last_run_timestamp_seconds", kGauge, "When the last run was, Unix time.",
      [](const DriverView& d) { return d.last_run ? Figure(epoch_seconds(*d.last_run)) : Figure(); });
  add("vigile_driver_failing", kGauge, "1 when the last run failed.",
      [](const DriverView& d) { return Figure(d.last_error.empty() ? 0 : 1); });
  add("vigile_driver_stuck_seconds", kGauge, "Age of a run past its deadline; 0 when there is none.",
      [](const DriverView& d) { return Figure(d.stuck_for ? seconds(*d.stuck_for) : 0); });
}

void add_remote_settings(const RemoteSettingsView& remote, Exposition& page) {
  page.single("vigile_settings_connected", kGauge, "1 while settings can arrive from the broker.",
              remote.connected ? 1 : 0);
  page.single("vigile_settings_conflicts_total", kCounter,
              "Connections lost to another client of the same name.", number(remote.conflicts));
  page.single("vigile_settings_serial", kGauge, "Settings from the broker that are in force; 0: none.",
              number(remote.serial));
  page.single("vigile_settings_on_trial", kGauge, "1 while they are on trial.", remote.trial_left ? 1 : 0);
  page.single("vigile_settings_failed_serial", kGauge, "Those that were taken back since; 0: none.",
              number(remote.failed_serial));
}

void add_sinks(const std::vector<SinkView>& sinks, Exposition& page) {
  const auto labelled = [](Exposition& to, const SinkView& sink, double figure) {
    to.sample({{"sink", sink.name}, {"kind", sink.kind}}, figure);
  };
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help,
                       const auto& value) { add_family(page, sinks, name, type, help, labelled, value); };
  using Figure = std::optional<double>;
  page.family("vigile_sink_state", kGauge, "1 for the state a sink is in.");
  for (const SinkView& sink : sinks) {
    page.sample({{"sink", sink.name}, {"kind", sink.kind}, {"state", sink.state}}, 1);
  }
  add("vigile_sink_delivered_points_total", kCounter, "Points acknowledged since the start.",
      [](const SinkView& s) { return Figure(number(s.delivered_points)); });
  add("vigile_sink_delivered_bytes_total", kCounter, "Bytes of lines acknowledged since the start.",
      [](const SinkView& s) { return Figure(number(s.delivered_bytes)); });
  add("vigile_sink_requests_total", kCounter, "Tries to deliver.",
      [](const SinkView& s) { return Figure(number(s.requests)); });
  add("vigile_sink_failures_total", kCounter, "Tries that failed.",
      [](const SinkView& s) { return Figure(number(s.failures)); });
  add("vigile_sink_dead_letters_total", kCounter, "Lines refused for good since the start.",
      [](const SinkView& s) { return Figure(number(s.dead_letters)); });
  add("vigile_sink_conflicts_total", kCounter, "Connections lost to another client of the same name.",
      [](const SinkView& s) { return Figure(number(s.conflicts)); });
  add("vigile_sink_lag_points", kGauge, "Points not delivered yet.",
      [](const SinkView& s) { return Figure(number(s.lag_points)); });
  add("vigile_sink_lag_seconds", kGauge, "Age of the oldest point not delivered; 0 when there is none.",
      [](const SinkView& s) { return Figure(s.lag ? seconds(*s.lag) : 0); });
  add("vigile_sink_last_acknowledged_timestamp_seconds", kGauge,
      "When data was last acknowledged, Unix time.", [](const SinkView& s) {
        return s.last_acknowledged ? Figure(epoch_seconds(*s.last_acknowledged)) : Figure();
      });
  add("vigile_sink_batch_bytes", kGauge, "The limit of a batch now.",
      [](const SinkView& s) { return Figure(number(s.batch_bytes)); });
}

}  // namespace

void add_metric_routes(Router& router, AgentView& agent) {
  router.add("GET", "/metrics", [&agent](const Request&) {
    const AgentStatus status = agent.status();
    Exposition page;
    add_agent(status, page);
    add_log(status.log, page);
    add_drivers(status.drivers, page);
    add_sinks(status.sinks, page);
    if (status.remote_settings) add_remote_settings(*status.remote_settings, page);
    Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = page.take();
    return response;
  });
}

}  // namespace vigile
