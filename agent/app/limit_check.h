// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "settings/settings.h"

namespace vigile {

// Limits under `warning` on metrics that no driver of the equipment makes, with their places. Limits are
// checked only where all names are known beforehand: equipment without drivers, or with a driver whose source
// names the metrics (exec, listen, mqtt …), may make any. Entries that `when` skips here count with all
// metrics of their driver. A limit that is marked `recorded` is on a metric that programs record over the
// API.
std::vector<SettingsError> limits_on_nothing(const Settings& settings);

// `only`, `except`, `rename` and `report` of an instance that hands on lines of other agents: these go on as
// they are, by the rules of their own agent.
std::vector<SettingsError> rules_without_effect(const Settings& settings);

}  // namespace vigile
