// SPDX-License-Identifier: Apache-2.0
#include "ctl/json_access.h"

#include <time.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "ctl/text.h"

namespace vigile {

namespace {

std::optional<double> epoch_seconds(const std::string& iso) {
  std::tm parts{};
  double fraction = 0;
  int seconds = 0;
  if (std::sscanf(iso.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%lf", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                  &parts.tm_hour, &parts.tm_min, &seconds, &fraction) < 6) {
    return std::nullopt;
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return static_cast<double>(::timegm(&parts)) + seconds + fraction;
}

}  // namespace

Result<Json> parse_object(std::string_view text) {
  Json value = Json::parse(text, nullptr, false);
  if (!value.is_object()) {
    return Error{ErrorKind::parse,
                 "the daemon's answer is no JSON object: " + cut(harmless(text.substr(0, 200)), 60)};
  }
  return value;
}

const Json& at(const Json& object, const char* key) {
  static const Json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

std::string raw_text_at(const Json& object, const char* key) {
  const Json& value = at(object, key);
  return value.is_string() ? value.get<std::string>() : "";
}

std::string text_at(const Json& object, const char* key) {
  return harmless(raw_text_at(object, key));
}

std::optional<double> number_at(const Json& object, const char* key) {
  const Json& value = at(object, key);
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

std::uint64_t count_at(const Json& object, const char* key) {
  const Json& value = at(object, key);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

bool flag_at(const Json& object, const char* key) {
  const Json& value = at(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::optional<double> seconds_between(const std::string& then, const std::string& now) {
  const auto from = epoch_seconds(then);
  const auto to = epoch_seconds(now);
  if (!from || !to) return std::nullopt;
  return *to - *from;
}

}  // namespace vigile
