// SPDX-License-Identifier: Apache-2.0
// Settings from elsewhere, laid over the site's.
#pragma once

#include <span>
#include <string_view>

#include "settings/diagnostics.h"
#include "settings/settings.h"
#include "settings/yaml_tree.h"

namespace vigile {

// The site's tree with the layer over it, after what the layer's own `devices` says of this device. `site` is
// what `tree` reads as. Errors go to `diagnostics`, at their places in the layer.
YamlNode with_layer(YamlNode tree, const SettingsLayer& layer, const Settings& site,
                    const EnvironmentLookup& environment, std::span<const std::string_view> valid_keys,
                    Diagnostics& diagnostics);

}  // namespace vigile
