// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/agent_view.h"
#include "api/server.h"
#include "app/assembly.h"
#include "app/directory_observer.h"
#include "app/live_feed.h"
#include "app/self_usage.h"
#include "app/service_manager.h"
#include "app/sink_runner.h"
#include "app/thread_group.h"
#include "app/upkeep.h"
#include "app/writer.h"
#include "catalog/catalog.h"
#include "core/mutex.h"
#include "equipment/directory.h"
#include "equipment/log_readings.h"
#include "equipment/site_equipment.h"
#include "equipment/summary_keeper.h"
#include "remote/settings_receiver.h"
#include "sampling/scheduler.h"
#include "settings/change.h"
#include "settings/settings.h"
#include "store/committer.h"
#include "store/log.h"

namespace vigile {

struct AgentOptions {
  Settings settings;
  SettingsSource source;  // for reloads
  std::optional<int> inherited_socket;
};

// The whole daemon, wired: the one place that starts threads. Made and stopped by main(), asked by the API.
class Agent final : public AgentView {
 public:
  // Opens the log, starts every thread. `clock` and `manager` outlive the agent.
  static Result<std::unique_ptr<Agent>> start(AgentOptions options, const Clock& clock,
                                              ServiceManager& manager);
  ~Agent() override;

  // Ends everything in order: no more sampling, the last readings committed, sinks closed. What has not
  // ended within `limit` (a driver that hangs) is left behind: false, and the process must _exit.
  bool stop(std::chrono::nanoseconds limit);

  // Why the agent makes no progress (a loop hangs); absent while it does. For the watchdog.
  std::optional<std::string> stalled() const;
  // One line for the service manager.
  std::string summary();

  AgentStatus status() override;
  std::vector<DriverDescription> driver_descriptions() override;
  Result<void> flush() override;
  // Also logs what came of it. What may be running this, the API or the receiver of settings, it cannot
  // restart: when their settings changed, it asks main() by SIGUSR1 to call restart_askers().
  ReloadReport reload() override EXCLUDES(reload_mutex_);
  void restart_askers();
  Log& log() override { return *log_; }
  EquipmentService& equipment() override { return *equipment_; }
  std::unique_ptr<Subscription> subscribe(std::function<void(std::string_view lines)> on_lines) override;

 private:
  struct RunningSink {
    std::unique_ptr<SinkRunner> runner;
    ThreadGroup thread;  // after the runner: it ends first
  };

  Agent(AgentOptions options, const Clock& clock, ServiceManager& manager);
  Result<void> open();
  Result<void> open_api();  // it listens, and answers from serve_api() on
  void serve_api();
  // What a reload will put in place, made before anything is touched.
  struct Prepared {
    LoadedSettings loaded;
    SettingsChange change;
    std::vector<std::shared_ptr<Instance>> instances;
    std::vector<BuiltSink> sinks;
  };
  // Absent: they cannot be taken over; `messages` say why.
  std::optional<Prepared> prepare(LoadedSettings loaded, std::vector<std::string>& messages)
      EXCLUDES(wiring_mutex_);
  ReloadReport apply(LoadedSettings loaded) REQUIRES(reload_mutex_);
  // Settings from a broker, when there is one.
  void start_receiver();
  TrialAgent trial_agent();
  // What fails, by a name for it; with `since` also sinks that have readings and delivered none from then on.
  std::map<std::string, Ailment> ailments(std::optional<WallTime> since) EXCLUDES(wiring_mutex_);
  // By the same names: a trial cannot be what ails them. None after a restart in its middle.
  std::set<std::string> sinks_left_as_they_were() const EXCLUDES(wiring_mutex_);
  std::optional<RemoteSettingsView> remote_view();
  Result<void> open_equipment(const Settings& settings);
  void start_threads();
  Stamp stamp();
  // The time since the last agent ran is known now: a gap in the log, and a line.
  void record_gap(const Timeline::Mapping& mapping) EXCLUDES(wiring_mutex_);
  Result<std::unique_ptr<ReadingSource>> server_readings(const std::string& sink) const
      EXCLUDES(wiring_mutex_);
  void start_sink(BuiltSink built) EXCLUDES(wiring_mutex_);
  // Stops the sinks that are named (all, when null). Those that have not ended within `limit` are left
  // behind, to end by themselves: their names.
  std::vector<std::string> stop_sinks(const std::vector<std::string>* names, std::chrono::nanoseconds limit)
      EXCLUDES(wiring_mutex_);
  AssemblyContext assembly_context();
  MetricNamer metric_namer();
  std::vector<AgentFigure> figures() EXCLUDES(wiring_mutex_);
  std::optional<std::string> failing(const AgentStatus& status) const EXCLUDES(wiring_mutex_);
  std::vector<SinkView> sink_views(const LogStatus& log) EXCLUDES(wiring_mutex_);
  Settings current_settings() const EXCLUDES(wiring_mutex_);

  const Clock& clock_;
  ServiceManager& manager_;
  const SettingsSource source_;
  const std::optional<int> inherited_socket_;
  const BootTime started_;

  // Threads' own synchronization.
  Timeline timeline_;
  LiveFeed feed_;
  std::unique_ptr<Log> log_;
  std::optional<std::int64_t> last_alive_ns_;  // of the agent before this one
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<EquipmentDirectory> directory_;
  std::unique_ptr<DirectoryObserver> observer_;
  std::unique_ptr<LogReadings> readings_;
  std::unique_ptr<SummaryKeeper> keeper_;
  std::unique_ptr<SiteEquipment> equipment_;
  std::unique_ptr<Upkeep> upkeep_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Scheduler> scheduler_;
  Heartbeat sampler_heartbeat_;

  Mutex reload_mutex_;  // one reload at a time

  Mutex names_mutex_;
  std::set<std::string, std::less<>> renamed_ GUARDED_BY(names_mutex_);  // metrics, by the settings

  mutable Mutex wiring_mutex_;
  Settings settings_ GUARDED_BY(wiring_mutex_);
  std::list<RunningSink> sinks_ GUARDED_BY(wiring_mutex_);
  // Destroying them would wait for them.
  std::list<RunningSink> left_behind_ GUARDED_BY(wiring_mutex_);
  FlashMeter flash_ GUARDED_BY(wiring_mutex_);

  std::atomic<bool> api_changed_ = false, remote_changed_ = false;  // by a reload

  // Of the trial's thread.
  std::map<std::string, Ailment> ailments_before_;
  std::optional<Settings> settings_before_;
  WallTime trial_began_{};

  mutable Mutex receiver_mutex_;
  std::unique_ptr<SettingsReceiver> receiver_ GUARDED_BY(receiver_mutex_);
  std::unique_ptr<ThreadGroup> receiver_thread_;
  std::unique_ptr<ApiServer> api_;
  std::unique_ptr<ThreadGroup> api_thread_;
  ThreadGroup writer_thread_;
  ThreadGroup upkeep_thread_;
  ThreadGroup sampler_thread_;
  ThreadGroup lanes_;
};

}  // namespace vigile
