// SPDX-License-Identifier: Apache-2.0
#include "catalog/catalog.h"

#include <unistd.h>

#include <array>
#include <vector>

#include "drivers/registry.h"
#include "remote/settings_trial.h"
#include "sinks/registry.h"

namespace vigile {

SettingsCatalog built_in_catalog() {
  static const std::vector<DriverKind> drivers = [] {
    std::vector<DriverKind> kinds;
    for (const DriverInfo* const info : all_drivers()) {
      kinds.push_back(DriverKind{{info->name, info->summary, info->options, info->missing},
                                 info->decides_availability,
                                 info->series});
    }
    return kinds;
  }();
  static const std::vector<OptionTable> sinks = [] {
    std::vector<OptionTable> kinds;
    for (const SinkInfo* const info : all_sinks()) {
      kinds.push_back(OptionTable{info->kind, info->summary, info->options, info->missing});
    }
    return kinds;
  }();
  return SettingsCatalog{drivers, sinks};
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

SettingsSource find_settings(const std::string& named_file) {
  std::string file = named_file;
  if (file.empty() && (::access(kDefaultConfig, F_OK) == 0 || !process_environment()("INFLUXDB_URL"))) {
    file = kDefaultConfig;
  }
  return {file, [file](const LayerSource& layer) {
            return file.empty()
                       ? settings_from_environment(built_in_catalog(), process_environment(), host_name())
                       : load_settings(file, built_in_catalog(), process_environment(), host_name(), layer);
          }};
}

std::vector<DeviceSettings> SettingsSource::load_each_device() const {
  return vigile::load_each_device(file, built_in_catalog(), process_environment());
}

LoadedSettings SettingsSource::load() const {
  return load_with(remote_layer());
}

}  // namespace vigile
