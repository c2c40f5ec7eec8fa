// SPDX-License-Identifier: Apache-2.0
// The settings of this machine, with all drivers and sinks that were built in: what vigiled runs by and what
// vigilectl reads when it speaks to a server itself.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "settings/settings.h"

namespace vigile {

inline constexpr const char* kDefaultConfig = "/etc/vigile/vigile.yaml";

// The drivers and sinks that were built in, as the settings know them. Valid for the whole run.
SettingsCatalog built_in_catalog();

struct SettingsSource {
  std::string file;  // empty: the environment
  std::function<LoadedSettings(const LayerSource& layer)> load_with;
  // With what arrived from a broker and is in force.
  LoadedSettings load() const;
  std::vector<DeviceSettings> load_each_device() const;
};
// The named file; else the default one if it is there; else the environment if it has INFLUXDB_URL.
SettingsSource find_settings(const std::string& named_file);

// The default for `device`.
std::string host_name();

}  // namespace vigile
