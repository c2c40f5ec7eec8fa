// SPDX-License-Identifier: Apache-2.0
#include "point/recordable.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <variant>

#include "core/clock.h"
#include "point/equipment_layout.h"
#include "point/repeated_key.h"
#include "point/utf8.h"

namespace vigile {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kNameBytes = 256;
constexpr std::size_t kTagBytes = 1024;
// A number of seconds, milliseconds or microseconds that is taken for nanoseconds is in the first weeks of
// 1970.
constexpr std::chrono::nanoseconds kFirstTime = 365 * 24h;
constexpr std::chrono::nanoseconds kAhead = 10min;

Error wrong(std::string message) {
  return Error{ErrorKind::config, std::move(message)};
}

std::string shown(std::string_view text) {
  return "\"" + std::string(text.substr(0, 60)) + (text.size() > 60 ? "…\"" : "\"");
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Result<void> check_name(const std::string& place, std::string_view name, std::size_t most_bytes) {
  if (name.empty()) return wrong(place + ": expected a name, not \"\"");
  if (name.size() > most_bytes) {
    return wrong(place + ": has " + std::to_string(name.size()) + " bytes; at most " +
                 std::to_string(most_bytes) + " are taken");
  }
  if (has_control(name)) return wrong(place + ": has control characters");
  return {};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

Error not_utf8(const std::string& place) {
  return wrong(place + ": is not text in UTF-8");
}

// What no server takes as it is meant.
Result<void> check_text(const Point& point) {
  if (!is_utf8(point.measurement)) return not_utf8("its measurement");
  for (const auto& [key, value] : point.tags) {
    if (!is_utf8(key)) return not_utf8("a tag's name");
    if (!is_utf8(value)) return not_utf8("tags." + key.substr(0, 60));
  }
  for (const auto& [key, value] : point.fields) {
    const auto* const text = std::get_if<std::string>(&value);
    if (!is_utf8(key)) return not_utf8("a field's name");
    if (text != nullptr && !is_utf8(*text)) return not_utf8("fields." + key.substr(0, 60));
  }
  if (const std::string* const tag = repeated_key(point.tags))
    return wrong("its tag " + shown(*tag) + " stands twice");
  if (const std::string* const field = repeated_key(point.fields))
    return wrong("its field " + shown(*field) + " stands twice");
  return {};
}

Result<void> make_metrics_point(Point& point) {
  const bool is_named = std::any_of(point.tags.begin(), point.tags.end(), [](const auto& tag) {
    return tag.first == "metric_name" && !tag.second.empty();
  });
  if (!is_named) return wrong("its tag metric_name is missing");
  bool has_value = false;
  for (auto& [key, value] : point.fields) {
    if (key != "value") continue;
    has_value = true;
    if (const auto* number = std::get_if<std::int64_t>(&value)) value = static_cast<double>(*number);
    if (const auto* number = std::get_if<std::uint64_t>(&value)) value = static_cast<double>(*number);
    if (!std::holds_alternative<double>(value)) return wrong("its field value is no number");
  }
  return has_value ? Result<void>() : wrong("its field value is missing");
}

}  // namespace

Result<void> check_recorded_name(const std::string& place, std::string_view name) {
  return is_utf8(name) ? check_name(place, name, kNameBytes) : not_utf8(place);
}

Result<void> check_recorded_tag(std::string_view key, std::string_view value, std::string_view equipment_id) {
  if (!is_utf8(key)) return not_utf8("a tag's name");
  const std::string place = "tags." + std::string(key.substr(0, 60));
  if (!is_utf8(value)) return not_utf8(place);
  if (const auto valid = check_name(key.empty() ? "tags" : place, key, kNameBytes); !valid) return valid;
  if (key == "equipment_id" && value != equipment_id) {
    return wrong(place + ": is " + shown(value) + ", and this is equipment " + shown(equipment_id));
  }
  return value.empty() ? Result<void>() : check_name(place, value, kTagBytes);
}

Result<void> check_recorded_time(std::int64_t time_ns, std::optional<std::int64_t> now_ns) {
  if (time_ns < kFirstTime.count()) {
    return wrong("time: " + std::to_string(time_ns) + " is " + to_iso8601(wall_from_ns(time_ns)) +
                 " in nanoseconds; was another unit meant?");
  }
  if (now_ns && time_ns > *now_ns && time_ns - *now_ns > kAhead.count()) {
    return wrong("time: " + to_iso8601(wall_from_ns(time_ns)) +
                 " is to come; more than ten minutes ahead of this device's clock nothing is taken");
  }
  return {};
}

Result<void> make_recordable(Point& point, std::string_view equipment_id,
                             std::optional<std::int64_t> now_ns) {
  if (point.measurement == "equipment_status_changes" || point.measurement == "agent_gaps") {
    return wrong("the agent alone writes this measurement; a status is recorded with POST …/status/");
  }
  if (const auto valid = check_name("its measurement", point.measurement, kNameBytes); !valid) return valid;
  if (point.tags.size() > kMostRecordedTags || point.fields.size() > kMostRecordedFields) {
    return wrong("at most " + std::to_string(kMostRecordedTags) + " tags and " +
                 std::to_string(kMostRecordedFields) + " fields are taken");
  }
  if (const auto valid = check_text(point); !valid) return valid;
  for (const auto& [key, value] : point.tags) {
    if (const auto valid = check_recorded_tag(key, value, equipment_id); !valid) return valid;
  }
  for (const auto& [key, value] : point.fields) {
    if (const auto valid = check_name("a field's name", key, kNameBytes); !valid) return valid;
  }
  if (point.time_ns) {
    if (const auto valid = check_recorded_time(*point.time_ns, now_ns); !valid) return valid;
  }
  return point.measurement == kMetricsMeasurement ? make_metrics_point(point) : Result<void>();
}

Result<void> check_forwarded(const Point& point) {
  if (const auto valid = check_name("its measurement", point.measurement, kNameBytes); !valid) return valid;
  if (point.tags.size() > kMostRecordedTags || point.fields.size() > kMostRecordedFields) {
    return wrong("at most " + std::to_string(kMostRecordedTags) + " tags and " +
                 std::to_string(kMostRecordedFields) + " fields are taken");
  }
  if (const auto valid = check_text(point); !valid) return valid;
  for (const auto& [key, value] : point.tags) {
    if (const auto valid = check_name("a tag's name", key, kNameBytes); !valid) return valid;
    if (value.size() > kTagBytes) return check_name("tags." + key.substr(0, 60), value, kTagBytes);
  }
  for (const auto& [key, value] : point.fields) {
    if (const auto valid = check_name("a field's name", key, kNameBytes); !valid) return valid;
  }
  return {};
}

}  // namespace vigile
