// SPDX-License-Identifier: Apache-2.0
// Reload: validated whole before anything is touched; only what changed is restarted.
#include <signal.h>
#include <unistd.h>

#include "app/agent.h"
#include "app/limit_check.h"
#include "app/startup_pages.h"
#include "core/logging.h"

namespace vigile {

namespace {

using namespace std::chrono_literals;

std::vector<std::string> both(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void say(ReloadReport& report, const std::string& what, const std::vector<std::string>& names) {
  if (!names.empty()) report.messages.push_back(what + ": " + joined(names));
}

}  // namespace

ReloadReport Agent::reload() {
  const MutexLock one_at_a_time(reload_mutex_);
  manager_.reloading();
  ReloadReport report = apply(source_.load());
  for (const std::string& message : report.messages) {
    log::write(report.accepted ? log::Level::info : log::Level::error,
               (report.accepted ? "reload: " : "reload refused: ") + message);
  }
  manager_.ready(summary());
  release_startup_pages();
  return report;
}

std::optional<Agent::Prepared> Agent::prepare(LoadedSettings loaded, std::vector<std::string>& messages) {
  for (const SettingsError& error : loaded.errors) messages.push_back(to_string(error));
  if (!loaded.settings) return std::nullopt;
  Prepared prepared{std::move(loaded), {}, {}, {}};
  const Settings& next = *prepared.loaded.settings;
  prepared.change = compare(current_settings(), next);
  messages = prepared.change.needs_restart();
  if (!messages.empty()) return std::nullopt;

  const auto instances_wanted = both(prepared.change.drivers.added, prepared.change.drivers.changed);
  const auto sinks_wanted = both(prepared.change.sinks.added, prepared.change.sinks.changed);
  std::vector<SettingsError> errors;
  prepared.instances = build_instances(next, &instances_wanted, assembly_context(), errors);
  prepared.sinks = build_sinks(next, &sinks_wanted, clock_, errors);
  if (prepared.change.remote) check_remote(next, errors);
  for (const SettingsError& error : errors) messages.push_back(to_string(error));
  if (!errors.empty()) return std::nullopt;
  return prepared;
}

ReloadReport Agent::apply(LoadedSettings loaded) {
  ReloadReport report;
  auto prepared = prepare(std::move(loaded), report.messages);
  if (!prepared) return report;
  const Settings& next = *prepared->loaded.settings;
  const SettingsChange& change = prepared->change;
  const auto sinks_ending = both(change.sinks.removed, change.sinks.changed);
  const auto hanging = stop_sinks(&sinks_ending, 5s);
  report.accepted = true;
  {
    const MutexLock lock(wiring_mutex_);
    settings_ = next;
  }
  {
    const MutexLock lock(names_mutex_);
    renamed_ = renamed_metrics(next);
  }
  directory_->replace(watched_site(next));
  scheduler_->remove(both(change.drivers.removed, change.drivers.changed));
  scheduler_->add(prepared->instances);
  if (const auto known = log_->set_sinks(sink_names(next)); !known)
    report.messages.push_back(known.error().message);
  committer_->set_sinks(sink_names(next));
  for (BuiltSink& sink : prepared->sinks) start_sink(std::move(sink));
  if (change.store_limits) {
    if (const auto set = log_->set_limits(log_options(next.store)); !set) {
      report.messages.push_back("store: " + set.error().message);
    }
    committer_->set_options(committer_options(next.store));
    writer_->set_budget(budget_options(next.store));
  }
  if (change.api) api_changed_ = true;
  if (change.remote) remote_changed_ = true;
  if (change.api || change.remote) ::kill(::getpid(), SIGUSR1);

  say(report, "warning: these sinks hang, and are left to end by themselves", hanging);
  say(report, "drivers started", change.drivers.added);
  say(report, "drivers restarted", change.drivers.changed);
  say(report, "drivers ended", change.drivers.removed);
  say(report, "equipment added", change.equipment.added);
  say(report, "equipment changed", change.equipment.changed);
  say(report, "equipment removed", change.equipment.removed);
  say(report, "sinks started", change.sinks.added);
  say(report, "sinks restarted", change.sinks.changed);
  say(report, "sinks ended; what they have not delivered stays listed in `vigilectl store`",
      change.sinks.removed);
  if (change.store_limits) report.messages.push_back("store: new limits");
  if (change.api) report.messages.push_back("status socket: opened again");
  if (change.remote) report.messages.push_back("settings from the broker: connecting anew");
  auto warnings = std::move(prepared->loaded.warnings);
  for (SettingsError& problem : limits_on_nothing(next)) warnings.push_back(std::move(problem));
  for (SettingsError& problem : rules_without_effect(next)) warnings.push_back(std::move(problem));
  for (const SettingsError& warning : warnings) report.messages.push_back("warning: " + to_string(warning));
  if (report.messages.empty()) report.messages.push_back("nothing has changed");
  return report;
}

}  // namespace vigile
