// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "api/agent_view.h"
#include "settings/settings.h"

namespace vigile {

// The drivers and sinks that were built in, as the settings know them. Valid for the whole run.
SettingsCatalog built_in_catalog();

// The same for `vigilectl drivers`.
std::vector<DriverDescription> describe_drivers();

}  // namespace vigile
