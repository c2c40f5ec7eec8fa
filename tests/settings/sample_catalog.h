// SPDX-License-Identifier: Apache-2.0
// A catalog of drivers and sinks of the tests' own, with an option of every type.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kept_settings.h"
#include "settings/settings.h"

namespace vigile {

inline constexpr OptionSpec kCpuOptions[] = {
    {.name = "per_core", .type = OptionType::boolean, .help = "One series a core", .fallback = "false"},
};
inline constexpr OptionSpec kDiskOptions[] = {
    {.name = "mounts", .type = OptionType::list, .help = "Only these", .fallback = "[/, /data]"},
};
inline constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST"};
inline constexpr OptionSpec kHttpOptions[] = {
    {.name = "url", .type = OptionType::text, .help = "Address", .fallback = "", .required = true},
    {.name = "timeout",
     .type = OptionType::duration,
     .help = "Longest wait",
     .fallback = "5s",
     .min = 0.01,
     .max = 60},
    {.name = "method", .type = OptionType::choice, .help = "Verb", .fallback = "GET", .choices = kMethods},
    {.name = "expect_status",
     .type = OptionType::integer,
     .help = "Status",
     .fallback = "200",
     .min = 100,
     .max = 599},
    {.name = "ratio", .type = OptionType::number, .help = "A number", .fallback = "", .min = 0, .max = 1},
    {.name = "headers", .type = OptionType::map, .help = "Sent along", .fallback = "", .secret = true},
    {.name = "password", .type = OptionType::text, .help = "Password", .fallback = "", .secret = true},
    {.name = "pin", .type = OptionType::integer, .help = "A number", .fallback = "", .secret = true},
};
inline constexpr OptionSpec kRegisterColumns[] = {
    {.name = "name", .type = OptionType::text, .help = "Metric", .required = true},
    {.name = "address",
     .type = OptionType::integer,
     .help = "From 0",
     .required = true,
     .min = 0,
     .max = 65535},
    {.name = "scale", .type = OptionType::number, .help = "Factor", .fallback = "1"},
};
inline constexpr OptionSpec kBusOptions[] = {
    {.name = "registers",
     .type = OptionType::rows,
     .help = "What is read",
     .required = true,
     .columns = kRegisterColumns},
};
inline const DriverKind kDrivers[] = {
    {{"cpu", "Processors", kCpuOptions}, false},
    {{"memory", "Memory", {}}, false},
    {{"disk", "File systems", kDiskOptions}, false},
    {{"http", "Web servers", kHttpOptions}, true},
    {{"ping", "ICMP echo", {}}, true},
    {{"bus", "Registers", kBusOptions}, false},
    {{"lost", "Not in this build.", {}, "it was built without libnothing"}, false},
};

inline constexpr std::string_view kApis[] = {"v1", "v2", "v3"};
inline constexpr OptionSpec kInfluxOptions[] = {
    {.name = "api", .type = OptionType::choice, .help = "Version", .fallback = "v2", .choices = kApis},
    {.name = "url", .type = OptionType::text, .help = "Address", .fallback = "", .required = true},
    {.name = "token", .type = OptionType::text, .help = "Token", .fallback = "", .secret = true},
    {.name = "org", .type = OptionType::text, .help = "Organisation", .fallback = ""},
    {.name = "bucket", .type = OptionType::text, .help = "Bucket", .fallback = ""},
    {.name = "database", .type = OptionType::text, .help = "Database", .fallback = ""},
    {.name = "user", .type = OptionType::text, .help = "User", .fallback = ""},
    {.name = "password", .type = OptionType::text, .help = "Password", .fallback = "", .secret = true},
};
inline constexpr OptionSpec kMqttOptions[] = {
    {.name = "url", .type = OptionType::text, .help = "Broker", .fallback = "", .required = true},
    {.name = "qos", .type = OptionType::integer, .help = "QoS", .fallback = "1", .min = 0, .max = 2},
    {.name = "max_message",
     .type = OptionType::size,
     .help = "Largest message",
     .fallback = "64KiB",
     .min = 256,
     .max = 16.0 * 1024 * 1024},
};
inline const OptionTable kSinks[] = {
    {"influx", "InfluxDB", kInfluxOptions},
    {"mqtt", "A broker", kMqttOptions},
};

inline SettingsCatalog sample_catalog() {
  return {kDrivers, kSinks};
}

// An environment of the test's own.
inline EnvironmentLookup variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

inline LoadedSettings parse_sample(std::string_view yaml, std::map<std::string, std::string> values = {}) {
  auto loaded = parse_settings(yaml, "site.yaml", sample_catalog(), variables(std::move(values)), "edge-1");
  keep_settings(yaml, loaded);
  return loaded;
}

inline std::vector<std::string> texts(const std::vector<SettingsError>& errors) {
  std::vector<std::string> lines;
  for (const SettingsError& error : errors) lines.push_back(to_string(error));
  return lines;
}

}  // namespace vigile
