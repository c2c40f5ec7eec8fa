// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "api/http.h"
#include "core/clock.h"

namespace vigile {

// Compact, ended by a newline; bytes that are not UTF-8 become U+FFFD.
std::string to_text(const nlohmann::ordered_json& value);
Response json_response(const nlohmann::ordered_json& value, int status = 200);

inline double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}
inline double milliseconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// null when absent
nlohmann::ordered_json optional_seconds(const std::optional<std::chrono::nanoseconds>& duration);
nlohmann::ordered_json optional_time(const std::optional<WallTime>& time);
nlohmann::ordered_json optional_time_ns(const std::optional<std::int64_t>& ns);

}  // namespace vigile
