// SPDX-License-Identifier: Apache-2.0
// What the agent says of itself: to the status socket, to the driver `agent`, to the service manager.
#include <unistd.h>

#include <algorithm>

#include "app/agent.h"
#include "catalog/driver_descriptions.h"
#include "core/units.h"

namespace vigile {

namespace {

using namespace std::chrono_literals;

// A loop that has not moved for so long hangs. Sinks have time-outs of their own, which may be long.
constexpr auto kStallLimit = 60s;
constexpr auto kSinkStallLimit = 10min;
// A sink with data waiting that has had nothing acknowledged for so long is not delivering.
constexpr auto kSilenceLimit = 5min;

std::string_view state_name(DeliveryStatus::State state) {
  switch (state) {
    case DeliveryStatus::State::starting:
      return "starting";
    case DeliveryStatus::State::idle:
      return "idle";
    case DeliveryStatus::State::delivering:
      return "delivering";
    case DeliveryStatus::State::retrying:
      return "retrying";
    case DeliveryStatus::State::waiting:
      return "waiting";
    case DeliveryStatus::State::paused:
      return "paused";
    case DeliveryStatus::State::conflict:
      return "conflict";
  }
  return "unknown";
}

std::string_view state_name(const InstanceStatus& status) {
  if (status.stuck_for) return "stuck";
  if (status.running) return "running";
  if (status.runs == 0 || status.queued_for > status.every) return "waiting";
  if (status.last_error.empty()) return "ok";
  return status.last_error_kind == ErrorKind::conflict ? "conflict" : "failing";
}

// The URL without user, password and query: those may hold secrets.
std::string target_of(const Options& options) {
  std::string url = options.has("url") ? options.text("url") : "";
  url.resize(std::min(url.find_first_of("?#"), url.size()));
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string::npos ? 0 : scheme + 3;
  const std::size_t at = url.substr(0, url.find('/', host)).rfind('@');
  if (at != std::string::npos && at >= host) url.erase(host, at + 1 - host);
  return url;
}

DriverView driver_view(const InstanceStatus& status) {
  DriverView view;
  view.name = status.name;
  view.driver = status.driver;
  view.equipment_id = status.equipment_id;
  view.state = state_name(status);
  view.every = status.every;
  view.last_run = status.last_run;
  view.last_duration = status.last_duration;
  view.last_error = status.last_error;
  view.stuck_for = status.stuck_for;
  view.runs = status.runs;
  view.errors = status.errors;
  view.late_ticks = status.late_ticks;
  view.points = status.points;
  view.left_out = status.left_out;
  return view;
}

std::chrono::nanoseconds age(std::int64_t since_ns, WallTime now) {
  return std::max<std::chrono::nanoseconds>(now - wall_from_ns(since_ns), 0ns);
}

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Settings Agent::current_settings() const {
  const MutexLock lock(wiring_mutex_);
  return settings_;
}

std::vector<SinkView> Agent::sink_views(const LogStatus& log) {
  const WallTime now = clock_.wall();
  const BootTime boot_now = clock_.boot();
  std::vector<SinkView> views;
  const MutexLock lock(wiring_mutex_);
  for (const RunningSink& sink : sinks_) {
    const SinkSettings& settings = sink.runner->settings();
    const DeliveryStatus status = sink.runner->status();
    SinkView view;
    view.name = settings.name;
    view.kind = settings.kind;
    view.target = target_of(settings.options);
    view.state = state_name(status.state);
    view.reason = status.reason;
    view.last_acknowledged = status.last_acknowledged;
    if (status.next_try) view.next_try = std::max<std::chrono::nanoseconds>(*status.next_try - boot_now, 0ns);
    view.delivered_points = status.delivered_points;
    view.delivered_bytes = status.delivered_bytes;
    view.requests = status.requests;
    view.failures = status.failures;
    view.dead_letters = status.dead_letters;
    view.batch_bytes = status.batch_bytes;
    view.conflicts = status.conflicts;
    for (const SinkBacklog& backlog : log.sinks) {
      if (backlog.sink != settings.name) continue;
      view.lag_points = backlog.points;
      if (backlog.oldest_ns) view.lag = age(*backlog.oldest_ns, now);
    }
    views.push_back(std::move(view));
  }
  return views;
}

AgentStatus Agent::status() {
  AgentStatus status;
  {
    const MutexLock lock(wiring_mutex_);
    status.site_id = settings_.site_id;
    status.site_name = settings_.site_name;
    status.device = settings_.device;
  }
  status.version = VIGILE_VERSION;
  status.config_file = source_.file;
  status.pid = ::getpid();
  status.now = clock_.wall();
  status.uptime = clock_.boot() - started_;
  status.clock = timeline_.now().clock == ClockState::set ? "set" : "unset";
  for (const InstanceStatus& instance : scheduler_->status()) status.drivers.push_back(driver_view(instance));
  status.notes = directory_->idle_limits();
  for (const DriverView& driver : status.drivers) {
    if (driver.left_out == 0) continue;
    status.notes.push_back("driver " + driver.name + ": " + std::to_string(driver.left_out) +
                           " numbers past 9223372036854775807 were left out (setting `unsigned`)");
  }
  status.log = log_->status();
  status.sinks = sink_views(status.log);

  const CommitterStatus committer = committer_->status();
  status.commit_error = committer.last_error;
  status.committed_points = committer.committed_points;
  status.waiting_points = committer.waiting_points;
  status.ring_dropped_points = committer.dropped_points;
  status.unrecorded_points = committer.unrecorded_points;

  status.loss_window = committer.commit_every;
  const WriteBudgetStatus budget = writer_->budget();
  status.write_budget_bytes = budget.bytes_a_day;
  status.write_budget_exceeded = budget.is_exceeded;

  const SelfUsage usage = read_self_usage();
  status.resident_bytes = usage.resident_bytes;
  status.private_dirty_bytes = usage.private_dirty_bytes;
  status.cpu_seconds = usage.cpu_seconds;
  {
    const MutexLock lock(wiring_mutex_);
    flash_.update(status.now, usage.write_bytes);
    status.flash_bytes_today = flash_.today();
    status.flash_bytes = flash_.total();
  }
  status.remote_settings = remote_view();
  if (const auto why = failing(status)) {
    status.healthy = false;
    status.unhealthy_reason = *why;
  }
  return status;
}

std::optional<std::string> Agent::stalled() const {
  const BootTime now = clock_.boot();
  const auto hangs = [&](std::string_view what, const Heartbeat& heartbeat,
                         std::chrono::nanoseconds limit) -> std::optional<std::string> {
    const auto overdue = heartbeat.overdue(now);
    if (overdue < limit) return std::nullopt;
    return std::string(what) + " has not moved for " +
           format_duration(std::chrono::floor<std::chrono::seconds>(overdue));
  };
  if (auto why = hangs("the sampler", sampler_heartbeat_, kStallLimit)) return why;
  if (auto why = hangs("the log's writer", writer_->heartbeat(), kStallLimit)) return why;
  if (auto why = hangs("the upkeep of equipment", upkeep_->heartbeat(), kStallLimit)) return why;
  const MutexLock lock(wiring_mutex_);
  for (const RunningSink& sink : sinks_) {
    if (auto why = hangs("sink " + sink.runner->settings().name, sink.runner->heartbeat(), kSinkStallLimit)) {
      return why;
    }
  }
  return std::nullopt;
}

std::optional<std::string> Agent::failing(const AgentStatus& status) const {
  if (auto why = stalled()) return why;
  if (const auto why = scheduler_->held_up()) return "sampling: " + *why;
  if (!status.commit_error.empty()) return "readings cannot be committed: " + status.commit_error;
  for (const DriverView& driver : status.drivers) {
    if (driver.state == "conflict") return "driver " + driver.name + ": conflict: " + driver.last_error;
  }
  if (status.remote_settings && !status.remote_settings->conflict.empty())
    return "settings from the broker: conflict: " + status.remote_settings->conflict;
  for (const SinkView& sink : status.sinks) {
    if (sink.state == "conflict") return "sink " + sink.name + ": conflict: " + sink.reason;
    if (sink.lag_points == 0) continue;
    if (sink.state == "paused") return "sink " + sink.name + " is paused: " + sink.reason;
    const auto silent = sink.last_acknowledged ? status.now - *sink.last_acknowledged : status.uptime;
    if (silent > kSilenceLimit && sink.lag.value_or(0ns) > kSilenceLimit && sink.state != "delivering") {
      return "sink " + sink.name + " has acknowledged nothing for " +
             format_duration(std::chrono::floor<std::chrono::seconds>(silent)) +
             (sink.reason.empty() ? "" : ": " + sink.reason);
    }
  }
  return std::nullopt;
}

std::string Agent::summary() {
  const AgentStatus now = status();
  std::string text =
      std::to_string(now.drivers.size()) + " drivers, " + std::to_string(now.log.points) + " points held";
  for (const SinkView& sink : now.sinks) {
    text += ", " + sink.name + " " + sink.state + " (" + std::to_string(sink.lag_points) + " waiting)";
  }
  if (!now.healthy) text += "; " + now.unhealthy_reason;
  return text;
}

std::vector<AgentFigure> Agent::figures() {
  const LogStatus log = log_->status();
  const CommitterStatus committer = committer_->status();
  const WallTime now = clock_.wall();
  std::vector<AgentFigure> all;
  using Tags = std::vector<std::pair<std::string, std::string>>;
  const auto add = [&](const std::string& field, std::variant<double, std::int64_t> number, Tags tags = {}) {
    all.push_back(AgentFigure{"agent_" + field, field, std::move(tags), number});
  };
  const auto count = [](std::uint64_t n) { return static_cast<std::int64_t>(n); };

  add("points_committed", count(committer.committed_points));
  add("points_waiting", count(committer.waiting_points));
  add("log_points", count(log.points));
  add("log_size", count(log.size_bytes));
  add("dropped_points", count(log.dropped_points + committer.dropped_points));
  add("unrecorded_points", count(committer.unrecorded_points));
  add("thinned_points", count(log.thinned_points));
  add("loss_window", seconds(committer.commit_every));
  add("dead_letters", count(log.dead_letters));
  for (const SinkView& sink : sink_views(log)) {
    const Tags tags = {{"sink", sink.name}};
    add("sink_lag_points", count(sink.lag_points), tags);
    add("sink_lag", seconds(sink.lag.value_or(0ns)), tags);
    add("sink_delivered_points", count(sink.delivered_points), tags);
    add("sink_failures", count(sink.failures), tags);
  }
  for (const InstanceStatus& driver : scheduler_->status()) {
    const Tags tags = {{"driver", driver.name}};
    add("driver_duration", seconds(driver.last_duration) * 1000, tags);
    add("driver_errors", count(driver.errors), tags);
    add("driver_late_ticks", count(driver.late_ticks), tags);
  }
  if (log.oldest_ns) add("log_age", seconds(age(*log.oldest_ns, now)));
  if (const auto remote = remote_view()) {
    add("settings_serial", count(remote->serial));
    add("settings_failed_serial", count(remote->failed_serial));
  }
  return all;
}

std::vector<DriverDescription> Agent::driver_descriptions() {
  return describe_drivers();
}

Result<void> Agent::flush() {
  auto committed = committer_->commit_now();
  const MutexLock lock(wiring_mutex_);
  for (RunningSink& sink : sinks_) sink.runner->flush();
  return committed;
}

std::unique_ptr<AgentView::Subscription> Agent::subscribe(
    std::function<void(std::string_view lines)> on_lines) {
  return feed_.subscribe(std::move(on_lines));
}

}  // namespace vigile
