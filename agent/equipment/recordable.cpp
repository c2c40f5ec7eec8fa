// SPDX-License-Identifier: Apache-2.0
#include "equipment/recordable.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <variant>

#include "core/clock.h"
#include "point/equipment_layout.h"

namespace vigile {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kNameBytes = 256;
constexpr std::size_t kTagBytes = 1024;
constexpr std::size_t kMostTags = 32;  // with the above well under the 64 KiB that InfluxDB takes
constexpr std::size_t kMostFields = 256;
constexpr std::size_t kReasonBytes = 4096;
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

Result<void> check_tag(std::string_view key, std::string_view value, std::string_view equipment_id) {
  const std::string place = "tags." + std::string(key.substr(0, 60));
  if (const auto valid = check_name(key.empty() ? "tags" : place, key, kNameBytes); !valid) return valid;
  if (key == "time") return wrong(place + ": a tag cannot be called \"time\"");
  if (key == "equipment_id" && value != equipment_id) {
    return wrong(place + ": is " + shown(value) + ", and this is equipment " + shown(equipment_id));
  }
  return value.empty() ? Result<void>() : check_name(place, value, kTagBytes);
}

Result<void> check_field(std::string_view key) {
  const std::string place = "additional_fields." + std::string(key.substr(0, 60));
  if (const auto valid = check_name(key.empty() ? "additional_fields" : place, key, kNameBytes); !valid) {
    return valid;
  }
  if (key == "time" || key == "value")
    return wrong(place + ": a field cannot be called \"" + std::string(key) + "\" here");
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

Result<void> check_recordable_time(std::int64_t time_ns, std::optional<std::int64_t> now_ns) {
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

Result<void> check_recordable(const RecordedMetric& metric, std::string_view equipment_id,
                              std::optional<std::int64_t> now_ns) {
  if (const auto valid = check_name("metric_name", metric.metric, kNameBytes); !valid) return valid;
  if (!std::isfinite(metric.value))
    return wrong("value: of " + shown(metric.metric) + " is not a finite number");
  if (metric.tags.size() > kMostTags) {
    return wrong("tags: at most " + std::to_string(kMostTags) + " are taken");
  }
  for (const auto& [key, value] : metric.tags) {
    if (const auto valid = check_tag(key, value, equipment_id); !valid) return valid;
    if (key == "metric_name" && value != metric.metric) {
      return wrong("tags.metric_name: is " + shown(value) + ", and metric_name is " + shown(metric.metric));
    }
  }
  if (metric.additional_fields.size() > kMostFields) {
    return wrong("additional_fields: at most " + std::to_string(kMostFields) + " are taken");
  }
  for (const auto& [key, value] : metric.additional_fields) {
    if (const auto valid = check_field(key); !valid) return valid;
  }
  return metric.time_ns ? check_recordable_time(*metric.time_ns, now_ns) : Result<void>();
}

Result<void> check_recordable_reason(std::string_view reason) {
  if (reason.size() <= kReasonBytes) return {};
  return wrong("reason: has " + std::to_string(reason.size()) + " bytes; at most " +
               std::to_string(kReasonBytes) + " are taken");
}

Result<void> make_recordable(Point& point, std::string_view equipment_id,
                             std::optional<std::int64_t> now_ns) {
  if (point.measurement == "equipment_status_changes" || point.measurement == "agent_gaps") {
    return wrong("the agent alone writes this measurement; a status is recorded with POST …/status/");
  }
  if (const auto valid = check_name("its measurement", point.measurement, kNameBytes); !valid) return valid;
  if (point.tags.size() > kMostTags || point.fields.size() > kMostFields) {
    return wrong("at most " + std::to_string(kMostTags) + " tags and " + std::to_string(kMostFields) +
                 " fields are taken");
  }
  for (const auto& [key, value] : point.tags) {
    if (const auto valid = check_tag(key, value, equipment_id); !valid) return valid;
  }
  for (const auto& [key, value] : point.fields) {
    if (const auto valid = check_name("a field's name", key, kNameBytes); !valid) return valid;
  }
  if (point.time_ns) {
    if (const auto valid = check_recordable_time(*point.time_ns, now_ns); !valid) return valid;
  }
  return point.measurement == kMetricsMeasurement ? make_metrics_point(point) : Result<void>();
}

}  // namespace vigile
