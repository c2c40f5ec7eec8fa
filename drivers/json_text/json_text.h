// SPDX-License-Identifier: Apache-2.0
// JSON that somebody else made.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

namespace vigile {

// Absent: it is not JSON, or goes more than `deepest` levels down, each of which would cost a stack's frame.
std::optional<nlohmann::json> parse_json(std::string_view text, int deepest);

}  // namespace vigile
