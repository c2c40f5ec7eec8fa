// SPDX-License-Identifier: Apache-2.0
// The key of a limit under `warning`: a metric, and the tags of the series that it is for, if not for all:
// "disk_usage", "disk_usage{mount=/data}", "if_in_errors{if_name=eth0,unit=2}". In a tag's value a comma, '}'
// or backslash is written with a backslash before it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile {

struct LimitKey {
  std::string metric;
  std::map<std::string, std::string> tags;
  bool operator==(const LimitKey&) const = default;
};

// Errors: config, which say what is expected.
Result<LimitKey> parse_limit_key(std::string_view text);
// As it is written in the settings.
std::string format_limit_key(std::string_view metric, const std::map<std::string, std::string>& tags);

}  // namespace vigile
