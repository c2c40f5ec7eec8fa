// SPDX-License-Identifier: Apache-2.0
#include "drivers/json_text/json_text.h"

#include <nlohmann/json.hpp>

#include "core/repeated_keys.h"

namespace vigile {

Result<nlohmann::json> parse_json(std::string_view text, int deepest) {
  using Json = nlohmann::json;
  int depth = 0;
  bool is_too_deep = false;
  RepeatedKeys keys;
  const auto look = [&](int level, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start)
      is_too_deep = is_too_deep || ++depth > deepest;
    if (event == Json::parse_event_t::object_end || event == Json::parse_event_t::array_end) --depth;
    const auto at = static_cast<std::size_t>(level);
    if (event == Json::parse_event_t::object_start && !is_too_deep) keys.begin_object(at);
    if (event == Json::parse_event_t::key && !is_too_deep) keys.key(at, parsed.get_ref<const std::string&>());
    return !is_too_deep;
  };
  Json json = Json::parse(text, look, false);
  if (is_too_deep) return Error{ErrorKind::parse, "is nested more than " + std::to_string(deepest) + " deep"};
  if (json.is_discarded()) return Error{ErrorKind::parse, "is not JSON"};
  if (!keys.place().empty()) return Error{ErrorKind::parse, keys.place() + " stands twice in one object"};
  return json;
}

}  // namespace vigile
