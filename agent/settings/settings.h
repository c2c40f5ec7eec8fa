// SPDX-License-Identifier: Apache-2.0
// The typed content of a site's YAML file (DESIGN §9). Plain values: comparing two Settings tells a reload
// what changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/option.h"
#include "core/reading_rules.h"
#include "core/result.h"

namespace vigile {

// Where something stands in the file, from 1. Places never count when settings are compared.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
  bool operator==(const Place&) const { return true; }
};

struct DriverSettings {
  std::string driver;  // kind: "cpu"
  std::string name;    // unique in the file; default "<equipment id>/<kind>", "…/<kind>-2" for a second one
  std::chrono::nanoseconds every = std::chrono::seconds(10);
  std::chrono::nanoseconds deadline = std::chrono::seconds(5);
  std::map<std::string, std::string> tags;
  bool decides_availability = false;
  MetricRules metrics;
  ReportRules report;
  Options options;
  Place place;
  bool operator==(const DriverSettings&) const = default;
};

// A limit on a metric: `cpu_usage: {above: 90, for: 5m, clear: 80}`; on one series of it:
// `disk_usage{mount=/data}: {above: 90}`.
struct WarningLimit {
  std::string metric;
  std::map<std::string, std::string> tags;  // of the series that it is for; empty: all
  std::optional<double> above;
  std::optional<double> below;
  std::optional<double> clear;  // back to normal only at or past this; default: the limit itself
  std::chrono::nanoseconds held = {};
  bool is_recorded = false;  // programs record the metric, no driver makes it
  Place place;
  bool operator==(const WarningLimit&) const = default;
};

// An entry of `drivers` whose `when` is not met; the values of its other keys were not looked at.
struct SkippedDriver {
  std::string driver;  // kind
  bool has_rename = false;
  bool operator==(const SkippedDriver&) const = default;
};

struct EquipmentSettings {
  std::string id;
  std::string name;
  std::string type = "other";
  std::string ip_address;
  std::map<std::string, std::string> tags;
  std::vector<DriverSettings> drivers;
  std::vector<SkippedDriver> skipped_drivers;
  std::vector<WarningLimit> warnings;
  std::uint32_t offline_after = 2;  // failures in a row of a driver that decides, from 1
  std::uint32_t online_after = 1;   // successes in a row, from 1
  Place place;
  bool operator==(const EquipmentSettings&) const = default;
};

enum class Layout { equipment, native };
// How unsigned integers are written: as int64, where larger ones are left out; with the suffix u; as floats.
enum class UnsignedNumbers { as_int64, suffixed, as_float };
enum class DeliveryOrder { oldest_first, live_first };

struct SinkSettings {
  std::string kind;  // "influx", "mqtt"
  std::string name;  // unique; default: the kind
  std::chrono::nanoseconds every = std::chrono::seconds(10);
  DeliveryOrder order = DeliveryOrder::oldest_first;
  std::uint64_t batch_bytes = std::uint64_t{1} << 20;  // of lines
  std::uint64_t backlog_bytes_per_second = 0;          // live_first: rate of the backlog; 0: unlimited
  Options options;
  Place place;
  bool operator==(const SinkSettings&) const = default;
};

enum class StoreOverflow { drop_oldest, drop_newest, thin };

struct StoreSettings {
  std::filesystem::path path = "/var/lib/vigile/vigile.db";
  std::uint64_t max_size_bytes = std::uint64_t{256} << 20;
  std::chrono::nanoseconds keep = std::chrono::hours(7 * 24);
  std::chrono::nanoseconds keep_summaries = std::chrono::hours(400 * 24);
  std::chrono::nanoseconds commit_every = std::chrono::seconds(1);
  std::uint64_t memory_bytes = std::uint64_t{2} << 20;  // ring for readings that cannot be committed
  StoreOverflow overflow = StoreOverflow::drop_oldest;
  std::uint64_t write_budget_bytes = 0;                                 // to storage, a day; 0: none
  std::chrono::nanoseconds commit_every_max = std::chrono::minutes(5);  // widest, to hold the budget
  bool operator==(const StoreSettings&) const = default;
};

struct ApiSettings {
  std::filesystem::path socket = "/run/vigile/vigiled.sock";
  std::string listen;  // "127.0.0.1:8786", loopback only; empty: none
  std::string token;   // needed with `listen`; a secret
  std::uint64_t question_memory = std::uint64_t{8} << 20;
  bool operator==(const ApiSettings&) const = default;
};

// Settings that arrive by an MQTT broker (agent/remote).
struct RemoteSettings {
  std::string url;        // mqtts://host:8883
  std::string client_id;  // "vigile-{site}-{device}-settings", replaced
  std::string user;
  std::string password;  // a secret
  bool is_version_5 = true;
  std::string topic;  // {site} and {device} replaced
  std::string ca_file, cert_file, key_file;
  bool insecure = false;
  std::chrono::nanoseconds keep_alive = std::chrono::seconds(60);
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);
  std::filesystem::path public_key;                          // PEM, Ed25519
  std::filesystem::path folder;                              // keeps what arrived
  std::chrono::nanoseconds trial = std::chrono::minutes(2);  // after it the agent must be healthy
  Place place;
  bool operator==(const RemoteSettings&) const = default;
};

struct Settings {
  std::string site_id = "0";
  std::string site_name;
  std::string device;  // default: the host's name
  Layout layout = Layout::equipment;
  UnsignedNumbers unsigned_numbers = UnsignedNumbers::as_int64;
  bool require_clock_sync = false;  // clock: {require_sync: true}
  std::vector<EquipmentSettings> equipment;
  StoreSettings store;
  std::vector<SinkSettings> sinks;
  ApiSettings api;
  std::optional<RemoteSettings> remote;
  bool operator==(const Settings&) const = default;
};

// One thing wrong with the settings.
struct SettingsError {
  Place place;
  std::string message;  // "unknown key \"evry\"; did you mean \"every\"?"
};

std::string to_string(const SettingsError& error);  // "site.yaml:12:5: …"

// What the settings may name: the tables of all drivers and sinks, those missing from this build too.
struct DriverKind {
  OptionTable table;
  bool decides_availability = false;                // may carry `decides: availability`
  std::string (*series)(const Options&) = nullptr;  // DriverInfo::series
};
struct SettingsCatalog {
  std::span<const DriverKind> drivers;
  std::span<const OptionTable> sinks;
};

// The process environment, injected: the value of a variable, or none.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string&)>;
EnvironmentLookup process_environment();

struct LoadedSettings {
  std::optional<Settings> settings;     // absent when there are errors
  std::vector<SettingsError> errors;    // all of them, in file order
  std::vector<SettingsError> warnings;  // e.g. a secrets file that others may read
  std::vector<std::string> files = {};  // all that were read
};

// Settings that are laid over the site's, by the rules of `include`. They have no `include`, and cannot
// change what this device is called, where its log is, or by what way they came.
struct SettingsLayer {
  std::string name;  // for messages; the file's
  std::string yaml;
};
// What is to be laid over these; absent: nothing.
using LayerSource = std::function<Result<std::optional<SettingsLayer>>(const Settings& site)>;

// Reads a settings file. `host` is the default for `device`. `layer` is asked when the file is fine by itself
// and has `remote_settings`.
LoadedSettings load_settings(const std::filesystem::path& file, const SettingsCatalog& catalog,
                             const EnvironmentLookup& environment, std::string_view host,
                             const LayerSource& layer = {});
// The same on each device that `devices` names, whatever `device` says; in the file's order.
struct DeviceSettings {
  std::string device;
  LoadedSettings loaded;
};
std::vector<DeviceSettings> load_each_device(const std::filesystem::path& file,
                                             const SettingsCatalog& catalog,
                                             const EnvironmentLookup& environment);
LoadedSettings parse_settings(std::string_view yaml, const std::string& file_name,
                              const SettingsCatalog& catalog, const EnvironmentLookup& environment,
                              std::string_view host, const LayerSource& layer = {});

// Without a file: watch this host (cpu, memory, load, disk, network, thermal) and write to INFLUXDB_URL,
// INFLUXDB_TOKEN, INFLUXDB_ORG, INFLUXDB_BUCKET. Errors name the variable that is missing.
LoadedSettings settings_from_environment(const SettingsCatalog& catalog, const EnvironmentLookup& environment,
                                         std::string_view host);

// JSON Schema (draft 2020-12) of the settings file, for editors; config/vigile.schema.json is this.
std::string settings_schema(const SettingsCatalog& catalog);

}  // namespace vigile
