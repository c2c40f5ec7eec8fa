// SPDX-License-Identifier: Apache-2.0
#include "api/json_body.h"

#include <algorithm>
#include <cmath>

#include "core/iso_time.h"
#include "core/repeated_keys.h"

namespace vigile {

using Json = nlohmann::ordered_json;

namespace {

std::string shown(std::string_view key) {
  // Keys come from outside, and go into an answer.
  return std::string(key.substr(0, 60));
}

}  // namespace

std::string_view json_type(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::boolean:
      return "true or false";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::object:
      return "an object";
    default:
      return "a number";
  }
}

Result<Json> parse_body(std::string_view text) {
  const std::string hint = " (or line protocol with \"Content-Type: text/plain\" where it is taken)";
  try {
    RepeatedKeys keys;
    const auto look = [&](int depth, Json::parse_event_t event, Json& parsed) {
      const auto at = static_cast<std::size_t>(depth);
      if (event == Json::parse_event_t::object_start) keys.begin_object(at);
      if (event == Json::parse_event_t::key) keys.key(at, parsed.get_ref<const std::string&>());
      return true;
    };
    Json body = Json::parse(text, look);
    if (keys.place().empty()) return body;
    return Error{ErrorKind::parse, "body: " + shown(keys.place()) + " stands twice in one object"};
  } catch (const Json::out_of_range&) {
    return Error{ErrorKind::parse, "body: a number is beyond the range of a double"};
  } catch (const Json::parse_error& error) {
    if (text.empty()) return Error{ErrorKind::parse, "body: expected JSON" + hint + ", and it is empty"};
    return Error{ErrorKind::parse,
                 "body: expected JSON" + hint + "; it is none at byte " + std::to_string(error.byte)};
  }
}

BodyObject::BodyObject(const Json& value, std::string place, std::initializer_list<std::string_view> keys)
    : value_(value), place_(std::move(place)) {
  if (!value_.is_object()) {
    const std::string where = place_.empty() ? "body" : place_.substr(0, place_.size() - 1);
    error_ = Error{ErrorKind::parse, where + ": expected an object, not " + std::string(json_type(value_))};
    return;
  }
  for (const auto& item : value_.items()) {
    if (std::find(keys.begin(), keys.end(), item.key()) != keys.end()) continue;
    std::string known;
    for (const std::string_view key : keys) known += (known.empty() ? "" : ", ") + std::string(key);
    error_ = Error{ErrorKind::parse, place_ + shown(item.key()) + ": unknown key; expected " + known};
    return;
  }
}

const Json* BodyObject::find(std::string_view key) const {
  if (!value_.is_object()) return nullptr;
  const auto found = value_.find(key);
  return found == value_.end() || found->is_null() ? nullptr : &*found;
}

void BodyObject::fail(std::string_view key, const std::string& expected) {
  if (!error_) error_ = Error{ErrorKind::parse, place_ + std::string(key) + ": " + expected};
}

void BodyObject::fail_type(std::string_view key, const Json& value, std::string_view expected) {
  fail(key, "expected " + std::string(expected) + ", not " + std::string(json_type(value)));
}

std::optional<double> BodyObject::number(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    fail_type(key, *value, "a number");
    return std::nullopt;
  }
  const double number = value->get<double>();
  if (!std::isfinite(number)) fail(key, "expected a number within the range of a double");
  return number;
}

std::optional<bool> BodyObject::boolean(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) {
    fail_type(key, *value, "true or false");
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<std::string> BodyObject::text(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    fail_type(key, *value, "a string");
    return std::nullopt;
  }
  return value->get<std::string>();
}

std::optional<std::int64_t> BodyObject::time_ns(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_float()) {
    fail(key, "expected an ISO 8601 time or a whole number of nanoseconds since 1970");
    return std::nullopt;
  }
  if (value->is_number_integer()) {
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() <= INT64_MAX)
      return value->get<std::int64_t>();
    fail(key, "expected nanoseconds since 1970 that fit 64 bits");
    return std::nullopt;
  }
  if (!value->is_string()) {
    fail_type(key, *value, "an ISO 8601 time or whole nanoseconds since 1970");
    return std::nullopt;
  }
  const auto parsed = parse_iso8601(value->get_ref<const std::string&>());
  if (!parsed) {
    fail(key, parsed.error().message);
    return std::nullopt;
  }
  return to_ns(parsed->time);
}

const Json* BodyObject::object(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr || value->is_object()) return value;
  fail_type(key, *value, "an object");
  return nullptr;
}

double BodyObject::required_number(std::string_view key) {
  if (!has(key)) fail(key, "is missing; expected a number");
  return number(key).value_or(0);
}

bool BodyObject::required_boolean(std::string_view key) {
  if (!has(key)) fail(key, "is missing; expected true or false");
  return boolean(key).value_or(false);
}

std::string BodyObject::required_text(std::string_view key) {
  if (!has(key)) fail(key, "is missing; expected a string");
  return text(key).value_or("");
}

}  // namespace vigile
