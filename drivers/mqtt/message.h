// SPDX-License-Identifier: Apache-2.0
// What a message holds, as readings: line protocol, JSON, or one bare value.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/time_zone.h"
#include "drivers/driver.h"
#include "drivers/line_text/line_text.h"
#include "drivers/mqtt/json_path.h"
#include "drivers/scale/not_available.h"
#include "drivers/text_fields/number_text.h"

namespace vigile::mqtt_driver {

enum class Format { line_protocol, json, value };
enum class ValueType { number, boolean, text };
enum class TimeUnit { ns, us, ms, s, iso8601 };

struct WantedValue {
  std::string name;
  JsonPath path;  // json
  ValueType type = ValueType::number;
  double scale = 1;
  double offset = 0;
  NumberFormat format = {};                  // of numbers in texts
  NotAvailable not_available = {};           // before scaling
  std::map<std::string, double> words = {};  // in small letters: what a word means as a number
};

struct MessageSettings {
  Format format = Format::line_protocol;
  PointOrigin origin = PointOrigin::here;  // line protocol
  std::vector<WantedValue> values;         // json
  std::optional<JsonPath> time_path;       // json; absent: the time of arrival
  TimeUnit time_unit = TimeUnit::s;
  std::optional<TimeZone> time_zone;  // of an ISO 8601 time that has none
  WantedValue bare;                   // value; an empty name: the tag `metric` of the topic
};

struct Message {
  std::string_view topic;
  std::span<const Tag> tags;  // from the topic
  std::string_view payload;
};

// What came of the messages of a run.
struct MessageReport : TextReport {
  std::uint64_t left_out = 0;  // values that say that there is none: null is not counted
};

// What can be read of it goes to `out`, the rest is reported by topic. Pure but for that.
void add_message(const MessageSettings& settings, const Message& message, std::optional<std::int64_t> now_ns,
                 Output& out, MessageReport& report);

// "ON", "closed", "Online", in any case: 1 or 0. Absent: no such word.
std::optional<bool> parse_state_word(std::string_view text);
// "nan", "unavailable", "unknown", nothing at all: there is no value now.
bool is_no_value(std::string_view text);

}  // namespace vigile::mqtt_driver
