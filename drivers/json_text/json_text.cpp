// SPDX-License-Identifier: Apache-2.0
#include "drivers/json_text/json_text.h"

#include <nlohmann/json.hpp>

namespace vigile {

std::optional<nlohmann::json> parse_json(std::string_view text, int deepest) {
  using Json = nlohmann::json;
  int depth = 0;
  bool is_too_deep = false;
  const auto bound = [&](int, Json::parse_event_t event, Json&) {
    if (event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start)
      is_too_deep = is_too_deep || ++depth > deepest;
    if (event == Json::parse_event_t::object_end || event == Json::parse_event_t::array_end) --depth;
    return !is_too_deep;
  };
  Json json = Json::parse(text, bound, false);
  if (json.is_discarded() || is_too_deep) return std::nullopt;
  return json;
}

}  // namespace vigile
