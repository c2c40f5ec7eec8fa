// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/catalog.h"
#include "core/clock.h"
#include "settings/settings.h"

namespace vigile {

// What the agent starts with: the file on the device with what arrived from a broker over it. What arrived
// and does not do is taken back, or left out, and the log says so: only what is wrong with the file on the
// device keeps the agent from starting.
LoadedSettings load_starting_settings(const SettingsSource& source);

}  // namespace vigile
