// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "settings/settings.h"

namespace vigile {

// What would run with these settings, as text for a person (`vigiled --check`): every instance with its
// interval and the options that are not at their default. Secrets read "(secret)", credentials in URLs "***".
// `catalog` is the one the settings were read with.
std::string effective_text(const Settings& settings, const SettingsCatalog& catalog);

}  // namespace vigile
