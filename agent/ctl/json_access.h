// SPDX-License-Identifier: Apache-2.0
// Reading JSON that may lack things: what is absent, or of another type, reads as empty.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile {

using Json = nlohmann::ordered_json;

// Errors: parse, when it is no JSON object.
Result<Json> parse_object(std::string_view text);

const Json& at(const Json& object, const char* key);  // null when absent
std::string raw_text_at(const Json& object, const char* key);
std::string text_at(const Json& object, const char* key);  // harmless on a terminal
std::optional<double> number_at(const Json& object, const char* key);
std::uint64_t count_at(const Json& object, const char* key);
bool flag_at(const Json& object, const char* key);
// Seconds from `then` to `now`, both ISO 8601 in UTC; none when one is absent or cannot be read.
std::optional<double> seconds_between(const std::string& then, const std::string& now);

}  // namespace vigile
