// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "support/temp_dir.h"

namespace vigile {

// Runs a command line of the shell; throws when it fails.
inline void run_shell(const std::string& command) {
  if (std::system((command + " >/dev/null 2>&1").c_str()) != 0) throw std::runtime_error(command);
}

// A pair of keys as the handbook has them made.
class SettingsKeys {
 public:
  SettingsKeys() {
    run_shell("openssl genpkey -algorithm ed25519 -out " + private_key().string());
    run_shell("openssl pkey -in " + private_key().string() + " -pubout -out " + public_key().string());
  }
  std::filesystem::path private_key() const { return dir_ / "settings.key"; }
  std::filesystem::path public_key() const { return dir_ / "settings.pub"; }
  std::filesystem::path file(const std::string& name) const { return dir_ / name; }

 private:
  TempDir dir_;
};

}  // namespace vigile
