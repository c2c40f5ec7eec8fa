// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/reading_rules.h"

namespace vigile {

// Which metrics of a driver go on, and under which names. One thread at a time.
class MetricSelection {
 public:
  explicit MetricSelection(const MetricRules& rules) : rules_(rules) {}

  // False: every metric goes on as it is.
  bool has_rules() const;
  // The name it goes on under, which lasts until the next call; null: it does not.
  const std::string* name_of(std::string_view metric);

 private:
  std::optional<std::string> decide(const std::string& metric) const;

  const MetricRules rules_;
  std::unordered_map<std::string, std::optional<std::string>> known_;  // bounded
  std::string key_;
};

}  // namespace vigile
