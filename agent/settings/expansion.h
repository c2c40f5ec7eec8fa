// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "settings/settings.h"

namespace vigile {

// Replaces ${NAME} and ${NAME:-default} (the default also when the variable is empty; it may hold further
// variables), and $$ by a dollar; any other dollar stands for itself. The outcome is text, at most 64 KiB,
// never read as YAML again. Errors (config) name variables, and quote nothing else.
Result<std::string> expand(std::string_view text, const EnvironmentLookup& environment);

}  // namespace vigile
