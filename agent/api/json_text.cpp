// SPDX-License-Identifier: Apache-2.0
#include "api/json_text.h"

#include <nlohmann/json.hpp>

namespace vigile {

using Json = nlohmann::ordered_json;

std::string to_text(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  text += '\n';
  return text;
}

Response json_response(const Json& value, int status) {
  Response response;
  response.status = status;
  response.body = to_text(value);
  return response;
}

Json optional_seconds(const std::optional<std::chrono::nanoseconds>& duration) {
  return duration ? Json(seconds(*duration)) : Json(nullptr);
}

Json optional_time(const std::optional<WallTime>& time) {
  return time ? Json(to_iso8601(*time)) : Json(nullptr);
}

Json optional_time_ns(const std::optional<std::int64_t>& ns) {
  return ns ? Json(to_iso8601(wall_from_ns(*ns))) : Json(nullptr);
}

}  // namespace vigile
