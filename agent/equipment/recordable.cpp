// SPDX-License-Identifier: Apache-2.0
#include "equipment/recordable.h"

#include <cmath>
#include <string>
#include <utility>

#include "point/recordable.h"
#include "point/repeated_key.h"

namespace vigile {

namespace {

constexpr std::size_t kReasonBytes = 4096;

Error wrong(std::string message) {
  return Error{ErrorKind::config, std::move(message)};
}

std::string shown(std::string_view text) {
  return "\"" + std::string(text.substr(0, 60)) + (text.size() > 60 ? "…\"" : "\"");
}

Result<void> check_field(std::string_view key) {
  const std::string place = "additional_fields." + std::string(key.substr(0, 60));
  if (const auto valid = check_recorded_name(key.empty() ? "additional_fields" : place, key); !valid) {
    return valid;
  }
  if (key == "value") return wrong(place + ": a field cannot be called \"" + std::string(key) + "\" here");
  return {};
}

}  // namespace

Result<void> check_recordable(const RecordedMetric& metric, std::string_view equipment_id,
                              std::optional<std::int64_t> now_ns) {
  if (const auto valid = check_recorded_name("metric_name", metric.metric); !valid) return valid;
  if (!std::isfinite(metric.value))
    return wrong("value: of " + shown(metric.metric) + " is not a finite number");
  if (metric.tags.size() > kMostRecordedTags) {
    return wrong("tags: at most " + std::to_string(kMostRecordedTags) + " are taken");
  }
  for (const auto& [key, value] : metric.tags) {
    if (const auto valid = check_recorded_tag(key, value, equipment_id); !valid) return valid;
    if (key == "metric_name" && value != metric.metric) {
      return wrong("tags.metric_name: is " + shown(value) + ", and metric_name is " + shown(metric.metric));
    }
  }
  if (const std::string* const tag = repeated_key(metric.tags))
    return wrong("tags." + tag->substr(0, 60) + ": stands twice as it is written");
  if (metric.additional_fields.size() > kMostRecordedFields) {
    return wrong("additional_fields: at most " + std::to_string(kMostRecordedFields) + " are taken");
  }
  for (const auto& [key, value] : metric.additional_fields) {
    if (const auto valid = check_field(key); !valid) return valid;
  }
  if (const std::string* const field = repeated_key(metric.additional_fields))
    return wrong("additional_fields." + field->substr(0, 60) + ": stands twice as it is written");
  return metric.time_ns ? check_recorded_time(*metric.time_ns, now_ns) : Result<void>();
}

Result<void> check_recordable_reason(std::string_view reason) {
  if (reason.size() <= kReasonBytes) return {};
  return wrong("reason: has " + std::to_string(reason.size()) + " bytes; at most " +
               std::to_string(kReasonBytes) + " are taken");
}

}  // namespace vigile
