// SPDX-License-Identifier: Apache-2.0
// From settings to the parts of the agent: what --check, start and reload have in common.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "drivers/driver.h"
#include "equipment/directory.h"
#include "equipment/line_readings.h"
#include "sampling/instance.h"
#include "settings/settings.h"
#include "sinks/sink.h"
#include "store/committer.h"
#include "store/log.h"
#include "store/write_budget.h"

namespace vigile {

struct AssemblyContext {
  const Clock& clock;
  Timeline& timeline;
  LineIntake intake;
  std::function<std::vector<AgentFigure>()> agent_figures;
  SampleObserver* observer = nullptr;
  LineCommit commit = {};
  MetricNamer namer = {};
};

struct BuiltSink {
  SinkSettings settings;
  std::unique_ptr<Sink> sink;
};

// Instances for the entries whose names are in `names` (all, when it is null). Errors are appended with their
// places.
std::vector<std::shared_ptr<Instance>> build_instances(const Settings& settings,
                                                       const std::vector<std::string>* names,
                                                       const AssemblyContext& context,
                                                       std::vector<SettingsError>& errors);
std::vector<BuiltSink> build_sinks(const Settings& settings, const std::vector<std::string>* names,
                                   const Clock& clock, std::vector<SettingsError>& errors);

// What the directory of equipment is told: identities, tags, what decides the status.
WatchedSite watched_site(const Settings& settings);
// The metric that a driver's field is, by the drivers' tables; a name that the settings gave is itself.
MetricNamer driver_metric_namer(std::function<bool(std::string_view name)> is_renamed);
// Names that metrics get by `rename`.
std::set<std::string, std::less<>> renamed_metrics(const Settings& settings);

// The parts of the settings as the store takes them.
LogOptions log_options(const StoreSettings& store);
CommitterOptions committer_options(const StoreSettings& store);
WriteBudgetOptions budget_options(const StoreSettings& store);
std::vector<std::string> sink_names(const Settings& settings);

// That settings from a broker could be received, if they are to be.
void check_remote(const Settings& settings, std::vector<SettingsError>& errors);

// Tries everything that can be tried without touching the store, a device or the network.
std::vector<SettingsError> check_assembly(const Settings& settings, const Clock& clock);

// Reads the files that drivers' options name. What cannot be used at all is an error, what is left out of
// them a warning.
void check_driver_files(const Settings& settings, std::vector<SettingsError>& errors,
                        std::vector<SettingsError>& warnings);

}  // namespace vigile
