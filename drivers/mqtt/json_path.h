// SPDX-License-Identifier: Apache-2.0
// Where a value stands in JSON: a pointer (RFC 6901), "/data/0/temperature", or names with dots,
// "sensors[name=t1].value", "sensors[0].value". In both a step may name the member of a list by one of its
// own members: "[name=t1]". Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/result.h"

namespace vigile::mqtt_driver {

class JsonPath {
 public:
  JsonPath() = default;
  // An empty path is the whole. Errors: config, what is wrong with it.
  static Result<JsonPath> parse(const std::string& text);

  // Null when there is nothing of that kind. Points into `json`.
  const nlohmann::json* find(const nlohmann::json& json) const;
  const std::string& text() const { return text_; }  // as written

 private:
  struct Step {
    std::string key;         // of an object, or the index in a list
    std::string value = {};  // of a list: the first member whose `key` is this
    bool is_match = false;
  };
  static Result<Step> parse_brackets(std::string_view inside);

  std::string text_;
  std::vector<Step> steps_;
};

}  // namespace vigile::mqtt_driver
