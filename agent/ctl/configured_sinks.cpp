// SPDX-License-Identifier: Apache-2.0
#include "ctl/configured_sinks.h"

#include "catalog/catalog.h"

namespace vigile {

Result<Settings> configured_settings(const std::string& config) {
  LoadedSettings loaded = find_settings(config).load();
  if (loaded.settings && loaded.errors.empty()) return std::move(*loaded.settings);
  std::string all;
  for (const SettingsError& error : loaded.errors) all += (all.empty() ? "" : "\n") + to_string(error);
  return Error{ErrorKind::config, all};
}

Result<const SinkSettings*> influx_sink_named(const Settings& settings, const std::string& name) {
  std::string names;
  const SinkSettings* only = nullptr;
  int count = 0;
  for (const SinkSettings& sink : settings.sinks) {
    if (sink.kind != "influx") continue;
    if (sink.name == name) return &sink;
    names += (names.empty() ? "" : ", ") + sink.name;
    only = &sink;
    ++count;
  }
  if (count == 0) return Error{ErrorKind::config, "there is no influx sink in the settings"};
  if (name.empty() && count == 1) return only;
  return Error{
      ErrorKind::config,
      (name.empty() ? "say which: --sink " : "there is no influx sink " + name + "; there is ") + names};
}

Result<influx_sink::InfluxSettings> influx_settings(const SinkSettings& sink) {
  auto read = influx_sink::read_settings(sink.options);
  if (!read) return Error{read.error().kind, "sink " + sink.name + ": " + read.error().message};
  return read;
}

Result<influx_sink::InfluxSettings> configured_influx(const std::string& config, const std::string& sink) {
  const auto settings = configured_settings(config);
  if (!settings) return settings.error();
  const auto found = influx_sink_named(*settings, sink);
  if (!found) return found.error();
  return influx_settings(**found);
}

std::string described(const influx_sink::InfluxSettings& settings) {
  return settings.target + (settings.api == influx_sink::Api::v2 ? ", bucket " + settings.bucket
                                                                 : ", database " + settings.database);
}

}  // namespace vigile
