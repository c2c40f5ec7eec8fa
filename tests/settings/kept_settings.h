// SPDX-License-Identifier: Apache-2.0
// Keeps the settings of the tests, and what became of them, for tests/settings/schema/run.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "settings/settings.h"

namespace vigile {

// In the folder that VIGILE_KEEP_SETTINGS names, if it does: <n>.yaml as it was read, <n>.errors with a line
// for each error.
inline void keep_settings(std::string_view yaml, const LoadedSettings& loaded) {
  const char* const folder = std::getenv("VIGILE_KEEP_SETTINGS");
  if (folder == nullptr) return;
  static int number = 0;
  const std::string name =
      std::string(folder) + "/" + std::to_string(::getpid()) + "-" + std::to_string(++number);
  std::ofstream(name + ".yaml", std::ios::binary) << yaml;
  std::ofstream errors(name + ".errors");
  for (const SettingsError& error : loaded.errors) errors << to_string(error) << '\n';
}

}  // namespace vigile
