// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "settings/settings.h"

namespace vigile {

// Readings of two instances in one series cannot be told apart any more. Instances of one equipment that may
// write the same series, and have the same tags, each get the tag `instance`: their name. Pure.
void tell_apart(std::vector<DriverSettings>& drivers, const SettingsCatalog& catalog);

}  // namespace vigile
