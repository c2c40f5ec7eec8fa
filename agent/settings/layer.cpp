// SPDX-License-Identifier: Apache-2.0
#include "settings/layer.h"

#include <string>
#include <utility>

#include "settings/include.h"
#include "settings/merge.h"

namespace vigile {

namespace {

using Kind = YamlNode::Kind;

// The device goes on being found under its name, with its log, by the way that it was told at the site.
constexpr std::string_view kOfTheSite[] = {"device", "remote_settings"};
constexpr std::pair<std::string_view, std::string_view> kOfTheSiteWithin[] = {{"site", "id"},
                                                                              {"store", "path"}};

void check_keys(const YamlNode& layer, Diagnostics& diagnostics) {
  const auto refuse = [&](const YamlEntry& entry, const std::string& name) {
    diagnostics.error(entry.key.spot, name + ": only the file on the device can say this");
  };
  for (const YamlEntry& entry : layer.entries) {
    for (const std::string_view key : kOfTheSite) {
      if (entry.key.text == key) refuse(entry, std::string(key));
    }
    for (const auto& [section, key] : kOfTheSiteWithin) {
      if (entry.key.text != section) continue;
      // Without a value it would take the whole section away.
      if (entry.value.kind == Kind::null) refuse(entry, std::string(section));
      for (const YamlEntry& inner : entry.value.entries) {
        if (inner.key.text == key) refuse(inner, std::string(section) + ": " + std::string(key));
      }
    }
  }
}

}  // namespace

YamlNode with_layer(YamlNode tree, const SettingsLayer& layer, const Settings& site,
                    const EnvironmentLookup& environment, std::span<const std::string_view> valid_keys,
                    Diagnostics& diagnostics) {
  const int file = diagnostics.add_file(layer.name);
  auto over = read_alone(layer.yaml, diagnostics, file);
  if (!over || over->kind == Kind::null) return tree;
  if (over->kind != Kind::map) {
    diagnostics.error(over->spot, "settings: expected keys with values, like store: {max_size: 64MiB}");
    return tree;
  }
  YamlNode own = with_device(*std::move(over), site.device, environment, valid_keys, diagnostics);
  if (!diagnostics.has_errors()) check_keys(own, diagnostics);
  if (diagnostics.has_errors()) return tree;
  return merge_settings(std::move(tree), std::move(own));
}

}  // namespace vigile
