// SPDX-License-Identifier: Apache-2.0
// What is subscribed to: "plant/{line}/+/data" is the filter "plant/+/+/data", whose second level becomes the
// tag `line`. Source: OASIS MQTT 5.0, 4.7 and 4.8.2. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vigile::mqtt_driver {

struct TopicPattern {
  std::string filter;                                     // as subscribed, with "$share/<group>/" if any
  std::vector<std::pair<std::size_t, std::string>> tags;  // level, tag key
};

// Errors: config.
Result<TopicPattern> parse_topic_pattern(const std::string& text);

// The level that each tag names, in the pattern's order; absent when the topic is another's.
std::optional<std::vector<std::string_view>> match(const TopicPattern& pattern, std::string_view topic);

}  // namespace vigile::mqtt_driver
