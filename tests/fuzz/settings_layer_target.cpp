// SPDX-License-Identifier: Apache-2.0
// Settings that arrived by a broker, over a file of a device: whatever they hold, it stays who it is.
#include <vector>

#include "settings/sample_catalog.h"
#include "targets.h"

namespace vigile {
namespace {

constexpr std::string_view kSite = R"(site: {id: 12, name: Lyon}
device: press-07
equipment:
  - id: 1
    tags: {hall: B}
    drivers: [cpu, http: {url: "http://h/", headers: {A: b}}, http: {name: second, url: "http://h/2"}]
    warning: {cpu_usage: {above: 90}}
store: {path: /v.db, max_size: 32MiB}
sinks: [influx: {name: central, url: "http://i", token: t}, mqtt: {url: b}]
remote_settings: {url: "mqtt://broker:1883"}
devices:
  press-07: {store: {keep: 2d}}
)";

LoadedSettings load(std::string_view layer) {
  return parse_settings(kSite, "site.yaml", sample_catalog(), variables({{"NUMBER", "7"}}), "edge-1",
                        [&](const Settings&) -> Result<std::optional<SettingsLayer>> {
                          return std::optional(SettingsLayer{"layer", std::string(layer)});
                        });
}

}  // namespace

Fault settings_layer_fault(std::string_view input) {
  static const Settings alone =
      *parse_settings(kSite, "site.yaml", sample_catalog(), variables({}), "edge-1").settings;
  const LoadedSettings loaded = load(input);
  if (loaded.settings.has_value() != loaded.errors.empty()) return "neither settings nor errors, or both";
  if (loaded.errors.size() > 1001) return "too many errors";
  for (const SettingsError& error : loaded.errors) {
    if (error.message.empty() || error.message.size() > 2000)
      return "an error of no use: " + to_string(error);
    if (error.place.file != "layer" && error.place.file != "site.yaml")
      return "an error of no file: " + to_string(error);
  }
  if (texts(load(input).errors) != texts(loaded.errors)) return "read again it says something else";
  if (!loaded.settings) return std::nullopt;
  const Settings& settings = *loaded.settings;
  if (settings.site_id != alone.site_id || settings.device != alone.device) return "another device";
  if (settings.store.path != alone.store.path) return "another log";
  if (settings.remote != alone.remote) return "another way to be reached";
  return std::nullopt;
}

}  // namespace vigile
