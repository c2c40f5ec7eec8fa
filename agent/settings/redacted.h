// SPDX-License-Identifier: Apache-2.0
// Settings as they may be shown to others.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "settings/settings.h"

namespace vigile {

struct RedactedFile {
  std::string file;
  std::string text;  // JSON, which is YAML, without comments; or one line that says why there is nothing
  std::vector<std::string> hidden;  // what "***" stands for
};

// Each of these files without its secrets: what stands under a key that holds a secret by the catalog or by
// its name becomes "***", unless it is a variable, a file or a credential; users and passwords in URLs too.
std::vector<RedactedFile> redacted_settings(const std::vector<std::string>& files,
                                            const SettingsCatalog& catalog);

// Every secret that the settings came to, to be looked for elsewhere.
std::vector<std::string> secrets_of(const Settings& settings, const SettingsCatalog& catalog);

// Takes those of six characters or more out of a text, also as they look in URLs and in base64.
std::string without_secrets(std::string text, std::vector<std::string> secrets);

// A systemd unit without the values of its Environment= and SetCredential=, which may be secrets.
std::string without_unit_values(const std::string& unit);

}  // namespace vigile
