// SPDX-License-Identifier: Apache-2.0
// JSON that somebody else made.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "core/result.h"

namespace vigile {

// Errors: parse; the message is to follow a name: "is not JSON", "is nested more than 8 deep" (each level
// would cost a stack's frame), "/tags/line stands twice in one object".
Result<nlohmann::json> parse_json(std::string_view text, int deepest);

}  // namespace vigile
