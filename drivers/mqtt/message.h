// SPDX-License-Identifier: Apache-2.0
// What a message holds, as readings: line protocol, JSON, or one bare value.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/driver.h"
#include "drivers/line_text/line_text.h"

namespace vigile::mqtt_driver {

enum class Format { line_protocol, json, value };
enum class ValueType { number, boolean, text };
enum class TimeUnit { ns, us, ms, s, iso8601 };

struct JsonValue {
  std::string name;
  std::string pointer;  // RFC 6901
  ValueType type = ValueType::number;
  double scale = 1;
  double offset = 0;
};

struct MessageSettings {
  Format format = Format::line_protocol;
  PointOrigin origin = PointOrigin::here;  // line protocol
  std::vector<JsonValue> values;           // json
  std::string time_pointer;                // json; empty: the time of arrival
  TimeUnit time_unit = TimeUnit::s;
  JsonValue bare;  // value; an empty name: the tag `metric` of the topic
};

struct Message {
  std::string_view topic;
  std::span<const Tag> tags;  // from the topic
  std::string_view payload;
};

// What can be read of it goes to `out`, the rest is told in `report` by topic. Pure but for that.
void add_message(const MessageSettings& settings, const Message& message, std::optional<std::int64_t> now_ns,
                 Output& out, TextReport& report);

}  // namespace vigile::mqtt_driver
