// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "settings/settings.h"

namespace vigile {

namespace {

constexpr std::array<std::string_view, 6> kDrivers = {"cpu", "memory", "load", "disk", "network", "thermal"};

struct SinkOption {
  std::string_view option;
  std::string_view variable;
  bool required;
};
constexpr std::array kVersion2 = {
    SinkOption{"url", "INFLUXDB_URL", true},
    SinkOption{"token", "INFLUXDB_TOKEN", true},
    SinkOption{"org", "INFLUXDB_ORG", true},
    SinkOption{"bucket", "INFLUXDB_BUCKET", true},
};
constexpr std::array kVersion1 = {
    SinkOption{"url", "INFLUXDB_URL", true},
    SinkOption{"database", "INFLUXDB_DATABASE", true},
    SinkOption{"user", "INFLUXDB_USER", false},
    SinkOption{"password", "INFLUXDB_PASSWORD", false},
};

bool is_set(const EnvironmentLookup& environment, std::string_view name) {
  const auto value = environment(std::string(name));
  return value && !value->empty();
}

const OptionTable* find_influx(const SettingsCatalog& catalog) {
  for (const OptionTable& sink : catalog.sinks) {
    if (sink.kind == "influx") return &sink;
  }
  return nullptr;
}

bool has_option(const OptionTable& table, std::string_view name) {
  return std::any_of(table.options.begin(), table.options.end(),
                     [&](const OptionSpec& spec) { return spec.name == name; });
}

// The same settings as a file would say them: one way of reading, one set of checks.
std::string write_yaml(const SettingsCatalog& catalog, const OptionTable& influx, std::string_view api,
                       std::span<const SinkOption> sink_options) {
  std::string yaml =
      "store: {path: \"${VIGILE_STATE:-/var/lib/vigile}/vigile.db\"}\n"
      "api: {socket: \"${VIGILE_STATE:-/run/vigile}/vigiled.sock\"}\n"
      "equipment:\n"
      "  - id: 1\n"
      "    name: \"${VIGILE_HOST}\"\n"
      "    type: server\n"
      "    ip_address: 127.0.0.1\n"
      "    drivers:\n";
  for (const DriverKind& driver : catalog.drivers) {
    if (std::find(kDrivers.begin(), kDrivers.end(), driver.table.kind) == kDrivers.end()) continue;
    yaml += "      - " + std::string(driver.table.kind) + "\n";
  }
  yaml += "sinks:\n  - influx:\n";
  if (has_option(influx, "api")) yaml += "      api: " + std::string(api) + "\n";
  for (const SinkOption& option : sink_options) {
    if (!has_option(influx, option.option)) continue;
    yaml += "      " + std::string(option.option) + ": \"${" + std::string(option.variable) +
            (option.required ? "" : ":-") + "}\"\n";
  }
  return yaml;
}

}  // namespace

LoadedSettings settings_from_environment(const SettingsCatalog& catalog, const EnvironmentLookup& environment,
                                         std::string_view host) {
  const Place nowhere{"environment", 0, 0};
  LoadedSettings loaded;
  const OptionTable* const influx = find_influx(catalog);
  if (influx == nullptr) {
    loaded.errors.push_back({nowhere, "this build has no influx sink; give it a settings file"});
    return loaded;
  }
  const bool version1 = !is_set(environment, "INFLUXDB_TOKEN") && is_set(environment, "INFLUXDB_DATABASE");
  const std::span<const SinkOption> sink_options =
      version1 ? std::span<const SinkOption>(kVersion1) : std::span<const SinkOption>(kVersion2);
  for (const SinkOption& option : sink_options) {
    if (!option.required || is_set(environment, option.variable)) continue;
    const bool is_token = option.variable == "INFLUXDB_TOKEN";
    loaded.errors.push_back({nowhere, "without a settings file, the environment variable " +
                                          std::string(option.variable) + " must be set" +
                                          (is_token ? " (or INFLUXDB_DATABASE for InfluxDB 1)" : "")});
  }
  if (!loaded.errors.empty()) return loaded;

  const EnvironmentLookup with_host = [&](const std::string& name) -> std::optional<std::string> {
    if (name == "VIGILE_HOST") return std::string(host);
    return environment(name);
  };
  const std::string yaml = write_yaml(catalog, *influx, version1 ? "v1" : "v2", sink_options);
  loaded = parse_settings(yaml, nowhere.file, catalog, with_host, host);
  // Lines of a text that nobody wrote would only confuse.
  for (auto* const list : {&loaded.errors, &loaded.warnings}) {
    for (SettingsError& error : *list) error.place = nowhere;
  }
  return loaded;
}

}  // namespace vigile
