// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "settings/settings.h"
#include "settings/values.h"
#include "settings/yaml_tree.h"

namespace vigile {

// The limits under `warning` of an equipment. Reports what is wrong with them.
std::vector<WarningLimit> read_limits(const YamlEntry& warning, ReadContext& context);

}  // namespace vigile
