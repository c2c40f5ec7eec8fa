// SPDX-License-Identifier: Apache-2.0
// Reading a request's JSON body strictly: an unknown key, a wrong type, a missing value is an error of kind
// parse that names the key ("[2].value: expected a number, not a string").
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile {

Result<nlohmann::ordered_json> parse_body(std::string_view text);

// One object of the body. The first error stays; what is read after it is empty.
class BodyObject {
 public:
  // `place` stands before the keys in messages: "[2]."; `value` outlives this.
  BodyObject(const nlohmann::ordered_json& value, std::string place,
             std::initializer_list<std::string_view> keys);

  bool has(std::string_view key) const { return find(key) != nullptr; }
  // Absent and null read as none. Errors are kept.
  std::optional<double> number(std::string_view key);  // finite
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::string> text(std::string_view key);
  std::optional<std::int64_t> time_ns(std::string_view key);  // ISO 8601, or whole nanoseconds
  // Null when absent or no object.
  const nlohmann::ordered_json* object(std::string_view key);
  // The same, and missing is an error.
  double required_number(std::string_view key);
  bool required_boolean(std::string_view key);
  std::string required_text(std::string_view key);

  void fail(std::string_view key, const std::string& expected);
  const std::optional<Error>& error() const { return error_; }

 private:
  const nlohmann::ordered_json* find(std::string_view key) const;
  void fail_type(std::string_view key, const nlohmann::ordered_json& value, std::string_view expected);

  const nlohmann::ordered_json& value_;
  const std::string place_;
  std::optional<Error> error_;
};

// "a string", "an object", …
std::string_view json_type(const nlohmann::ordered_json& value);

}  // namespace vigile
