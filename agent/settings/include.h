// SPDX-License-Identifier: Apache-2.0
// A settings file with all that it includes, as one tree.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "settings/diagnostics.h"
#include "settings/settings.h"
#include "settings/yaml_tree.h"

namespace vigile {

struct SettingsText {
  std::string content;
  bool others_may_read = false;
};

// Reads a file of at most 1 MiB. Errors: io, permission, not_found, full (larger).
Result<SettingsText> read_settings_text(const std::filesystem::path& file);

// Reads `file`, what its `include` names, what these include, and merges them: what includes wins over what
// it includes, and of included files the later one over the earlier. `include` names a path, or several, with
// ${…}; relative ones start at the folder of the file that names them; those with * ? [ stand for all files
// that match, by name. The tree has no key `include` any more. Errors go to `diagnostics`, at their places;
// absent when some file could not be read, so that nothing can be said of the whole.
std::optional<YamlNode> read_with_includes(const std::filesystem::path& file,
                                           const EnvironmentLookup& environment, Diagnostics& diagnostics);

// The tree of one text that may include nothing; absent when it is no YAML. `file` is its number.
std::optional<YamlNode> read_alone(std::string_view yaml, Diagnostics& diagnostics, int file = 0);

// Lays what `devices` says of this device over the tree, and takes `devices` out. The device is what the key
// `device` says, else `host`; of what is said of others only the keys directly below
// their names are looked at.
YamlNode with_device(YamlNode tree, std::string_view host, const EnvironmentLookup& environment,
                     std::span<const std::string_view> valid_keys, Diagnostics& diagnostics);

// The names that `devices` has, each once.
std::vector<std::string> devices_named(const YamlNode& tree);

}  // namespace vigile
