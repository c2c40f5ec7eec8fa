// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt/json_path.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

namespace vigile::mqtt_driver {

namespace {

using Json = nlohmann::json;

std::string_view unquoted(std::string_view text) {
  const bool is_quoted =
      text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  return is_quoted ? text.substr(1, text.size() - 2) : text;
}

// RFC 6901 §4: "~1" stands for "/", "~0" for "~". Absent: another "~".
std::optional<std::string> unescaped(std::string_view token) {
  std::string text;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      text += token[i];
      continue;
    }
    if (++i == token.size() || (token[i] != '0' && token[i] != '1')) return std::nullopt;
    text += token[i] == '0' ? '~' : '/';
  }
  return text;
}

bool is_text(const Json& json, const std::string& text) {
  if (json.is_string()) return json.get_ref<const std::string&>() == text;
  return !json.is_structured() && json.dump() == text;
}

}  // namespace

// "name=t1", "0", "\"a.b\""
Result<JsonPath::Step> JsonPath::parse_brackets(std::string_view inside) {
  const std::size_t equals = inside.find('=');
  if (inside.empty() || equals == 0) return Error{ErrorKind::config, "[name=t1] or [0] is expected"};
  if (equals == std::string_view::npos || inside.front() == '"' || inside.front() == '\'')
    return Step{std::string(unquoted(inside))};
  return Step{std::string(inside.substr(0, equals)), std::string(unquoted(inside.substr(equals + 1))), true};
}

Result<JsonPath> JsonPath::parse(const std::string& text) {
  JsonPath path;
  path.text_ = text;
  const bool is_pointer = text.starts_with('/');
  const Error wrong{
      ErrorKind::config,
      "\"" + text.substr(0, 200) + "\" is not a path like /data/temperature or sensors[name=t1].value"};
  std::string_view rest = text;
  while (!rest.empty()) {
    if (is_pointer ? rest.front() == '/' : (rest.front() == '.' && !path.steps_.empty())) {
      rest.remove_prefix(1);
    } else if (!path.steps_.empty() && rest.front() != '[') {
      return wrong;
    }
    if (rest.starts_with('[')) {
      const std::size_t end = rest.find(']');
      if (end == std::string_view::npos) return wrong;
      auto step = parse_brackets(rest.substr(1, end - 1));
      if (!step) return wrong;
      path.steps_.push_back(std::move(*step));
      rest.remove_prefix(end + 1);
      continue;
    }
    const std::string_view token = rest.substr(0, is_pointer ? rest.find('/') : rest.find_first_of(".["));
    rest.remove_prefix(token.size());
    const auto key = is_pointer ? unescaped(token) : std::optional(std::string(token));
    if (!key || (!is_pointer && key->empty())) return wrong;
    path.steps_.push_back(Step{*key});
  }
  return path;
}

const Json* JsonPath::find(const Json& json) const {
  const Json* at = &json;
  for (const Step& step : steps_) {
    const Json* next = nullptr;
    if (at->is_array() && step.is_match) {
      const auto member = std::find_if(at->begin(), at->end(), [&](const Json& one) {
        return one.is_object() && one.contains(step.key) && is_text(one[step.key], step.value);
      });
      if (member != at->end()) next = &*member;
    } else if (at->is_array()) {
      std::size_t index = 0;
      const char* const end = step.key.data() + step.key.size();
      const auto parsed = std::from_chars(step.key.data(), end, index);
      if (parsed.ec == std::errc() && parsed.ptr == end && index < at->size()) next = &(*at)[index];
    } else if (at->is_object() && !step.is_match) {
      const auto member = at->find(step.key);
      if (member != at->end()) next = &*member;
    }
    if (next == nullptr) return nullptr;
    at = next;
  }
  return at;
}

}  // namespace vigile::mqtt_driver
