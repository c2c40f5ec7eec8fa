// SPDX-License-Identifier: Apache-2.0
#include "app/assembly.h"

#include <algorithm>

#include "drivers/registry.h"
#include "remote/settings_receiver.h"
#include "sinks/registry.h"

namespace vigile {

namespace {

bool wanted(const std::vector<std::string>* names, const std::string& name) {
  return names == nullptr || std::find(names->begin(), names->end(), name) != names->end();
}

WireFormat wire_format(const Settings& settings) {
  WireFormat format;
  format.native = settings.layout == Layout::native;
  format.encode.unsigned_integers = settings.unsigned_numbers == UnsignedNumbers::suffixed;
  format.encode.unsigned_floats = settings.unsigned_numbers == UnsignedNumbers::as_float;
  format.site_id = settings.site_id;
  format.site_name = settings.site_name;
  return format;
}

InstanceOptions instance_options(const EquipmentSettings& equipment, const DriverSettings& driver,
                                 const DriverInfo& info, const MetricNamer& namer) {
  InstanceOptions options;
  options.name = driver.name;
  options.driver = driver.driver;
  options.every = driver.every;
  options.deadline = driver.deadline;
  options.tags = driver.tags;
  options.tags.insert(equipment.tags.begin(), equipment.tags.end());
  options.may_block = info.may_block;
  options.decides_availability = driver.decides_availability;
  options.metrics = driver.metrics;
  options.report = driver.report;
  options.namer = namer;
  return options;
}

}  // namespace

std::vector<std::shared_ptr<Instance>> build_instances(const Settings& settings,
                                                       const std::vector<std::string>* names,
                                                       const AssemblyContext& context,
                                                       std::vector<SettingsError>& errors) {
  std::vector<std::shared_ptr<Instance>> instances;
  for (const EquipmentSettings& equipment : settings.equipment) {
    const EquipmentIdentity identity{equipment.id, equipment.name, equipment.type, equipment.ip_address};
    for (const DriverSettings& driver : equipment.drivers) {
      if (!wanted(names, driver.name)) continue;
      const DriverInfo* const info = find_driver(driver.driver);
      if (info == nullptr) {
        errors.push_back({driver.place, "unknown driver \"" + driver.driver + "\""});
        continue;
      }
      DriverEnvironment environment{.clock = context.clock};
      environment.equipment = identity;
      environment.agent_figures = context.agent_figures;
      auto made = info->make(driver.options, environment);
      if (!made) {
        errors.push_back({driver.place, driver.driver + ": " + made.error().message});
        continue;
      }
      instances.push_back(
          std::make_shared<Instance>(instance_options(equipment, driver, *info, context.namer), identity,
                                     wire_format(settings), std::move(*made), context.clock, context.timeline,
                                     context.intake, context.observer, context.commit));
    }
  }
  return instances;
}

std::vector<BuiltSink> build_sinks(const Settings& settings, const std::vector<std::string>* names,
                                   const Clock& clock, std::vector<SettingsError>& errors) {
  std::vector<BuiltSink> sinks;
  for (const SinkSettings& sink : settings.sinks) {
    if (!wanted(names, sink.name)) continue;
    const SinkInfo* const info = find_sink(sink.kind);
    if (info == nullptr) {
      errors.push_back({sink.place, "unknown sink \"" + sink.kind + "\""});
      continue;
    }
    const SinkEnvironment environment{clock, sink.name, settings.site_id, settings.device};
    auto made = info->make(sink.options, environment);
    if (!made) {
      errors.push_back({sink.place, sink.kind + ": " + made.error().message});
      continue;
    }
    sinks.push_back(BuiltSink{sink, std::move(*made)});
  }
  return sinks;
}

std::vector<SettingsError> check_assembly(const Settings& settings, const Clock& clock) {
  std::vector<SettingsError> errors;
  Timeline timeline(clock);
  const AssemblyContext context{clock, timeline, [](ClockState, const LineWriter::Lines&) {}, {}};
  (void)build_instances(settings, nullptr, context, errors);
  (void)build_sinks(settings, nullptr, clock, errors);
  check_remote(settings, errors);
  return errors;
}

void check_driver_files(const Settings& settings, std::vector<SettingsError>& errors,
                        std::vector<SettingsError>& warnings) {
  for (const EquipmentSettings& equipment : settings.equipment) {
    for (const DriverSettings& driver : equipment.drivers) {
      const DriverInfo* const info = find_driver(driver.driver);
      if (info == nullptr || info->check_files == nullptr) continue;
      const auto notes = info->check_files(driver.options);
      if (!notes) {
        errors.push_back({driver.place, driver.driver + ": " + notes.error().message});
        continue;
      }
      for (const std::string& note : *notes) warnings.push_back({driver.place, driver.driver + ": " + note});
    }
  }
}

void check_remote(const Settings& settings, std::vector<SettingsError>& errors) {
  if (!settings.remote) return;
  if (const auto ready = check_receiver(settings); !ready)
    errors.push_back({settings.remote->place, "remote_settings: " + ready.error().message});
}

WatchedSite watched_site(const Settings& settings) {
  WatchedSite site;
  site.format = wire_format(settings);
  for (const EquipmentSettings& equipment : settings.equipment) {
    WatchedEquipment& watched = site.equipment.emplace_back();
    watched.identity = {equipment.id, equipment.name, equipment.type, equipment.ip_address};
    watched.tags = equipment.tags;
    watched.rules.offline_after = equipment.offline_after;
    watched.rules.online_after = equipment.online_after;
    for (const DriverSettings& driver : equipment.drivers) {
      if (driver.decides_availability) watched.rules.deciders.push_back(driver.name);
      watched.rules.patience = std::max(watched.rules.patience, 3 * driver.every);
      watched.rules.longest_interval = std::max(watched.rules.longest_interval, driver.every);
    }
    for (const WarningLimit& limit : equipment.warnings) {
      watched.rules.limits.push_back(
          {limit.metric, limit.tags, limit.above, limit.below, limit.clear, limit.held});
    }
  }
  return site;
}

namespace {

// The driver whose table names the fields of a measurement.
const DriverInfo* driver_of_measurement(std::string_view measurement) {
  if (const DriverInfo* const driver = find_driver(measurement)) return driver;
  for (const DriverInfo* const driver : all_drivers()) {
    const auto& more = driver->measurements;
    if (std::find(more.begin(), more.end(), measurement) != more.end()) return driver;
  }
  return nullptr;
}

}  // namespace

MetricNamer driver_metric_namer(std::function<bool(std::string_view name)> is_renamed) {
  return [is_renamed = std::move(is_renamed)](std::string_view measurement,
                                              std::string_view field) -> std::optional<std::string> {
    if (measurement == kRecordedMeasurement) return std::string();
    if (is_renamed(field)) return std::string(field);
    const DriverInfo* const driver = driver_of_measurement(measurement);
    if (driver == nullptr) return std::nullopt;
    for (const MetricSpec& metric : driver->metrics) {
      if (metric.field == field) return std::string(metric.name);
    }
    if (!driver->named_metrics.empty()) return std::string(field);
    return std::nullopt;
  };
}

std::set<std::string, std::less<>> renamed_metrics(const Settings& settings) {
  std::set<std::string, std::less<>> names;
  for (const EquipmentSettings& equipment : settings.equipment) {
    for (const DriverSettings& driver : equipment.drivers) {
      for (const auto& [from, to] : driver.metrics.rename) names.insert(to);
    }
  }
  return names;
}

LogOptions log_options(const StoreSettings& store) {
  LogOptions options;
  options.path = store.path;
  options.max_size_bytes = store.max_size_bytes;
  options.keep = store.keep;
  options.keep_summaries = store.keep_summaries;
  switch (store.overflow) {
    case StoreOverflow::drop_oldest:
      options.overflow = Overflow::drop_oldest;
      break;
    case StoreOverflow::drop_newest:
      options.overflow = Overflow::drop_newest;
      break;
    case StoreOverflow::thin:
      options.overflow = Overflow::thin;
      break;
  }
  return options;
}

CommitterOptions committer_options(const StoreSettings& store) {
  CommitterOptions options;
  options.commit_every = store.commit_every;
  options.memory_bytes = store.memory_bytes;
  return options;
}

WriteBudgetOptions budget_options(const StoreSettings& store) {
  WriteBudgetOptions options;
  options.bytes_a_day = store.write_budget_bytes;
  options.commit_every = store.commit_every;
  options.commit_every_max = store.commit_every_max;
  return options;
}

std::vector<std::string> sink_names(const Settings& settings) {
  std::vector<std::string> names;
  for (const SinkSettings& sink : settings.sinks) names.push_back(sink.name);
  return names;
}

}  // namespace vigile
