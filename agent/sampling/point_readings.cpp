// SPDX-License-Identifier: Apache-2.0
#include "sampling/point_readings.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "point/equipment_layout.h"

namespace vigile {

namespace {

std::string* metric_name_tag(Point& point) {
  const auto found = std::find_if(point.tags.begin(), point.tags.end(),
                                  [](const auto& tag) { return tag.first == "metric_name"; });
  return found == point.tags.end() ? nullptr : &found->second;
}

Number as_number(const FieldValue& value) {
  return std::visit([](const auto& held) { return Number(held); }, value);
}

}  // namespace

bool is_metrics_point(const Point& point) {
  return point.measurement == kMetricsMeasurement;
}

std::string reading_name(const Point& point, std::string_view key, const MetricNamer& namer) {
  if (!is_metrics_point(point)) return metric_name_of(namer, point.measurement, key);
  if (key != "value") return {};
  for (const auto& [tag, value] : point.tags) {
    if (tag == "metric_name") return value;
  }
  return {};
}

bool select_readings(Point& point, MetricSelection& selection, const MetricNamer& namer) {
  if (is_metrics_point(point)) {
    std::string* const name = metric_name_tag(point);
    if (name == nullptr) return true;  // refused when it is written, with what is missing
    const std::string* const selected = selection.name_of(*name);
    if (selected != nullptr && *selected != *name) *name = *selected;
    return selected != nullptr;
  }
  std::erase_if(point.fields, [&](auto& field) {
    const std::string name = reading_name(point, field.first, namer);
    if (name.empty()) return false;
    const std::string* const selected = selection.name_of(name);
    if (selected != nullptr && *selected != name) field.first = *selected;
    return selected == nullptr;
  });
  return !point.fields.empty();
}

bool keep_changed_readings(Point& point, ChangeFilter& changes, const MetricNamer& namer, BootTime at) {
  std::vector<Tag> tags;
  for (const auto& [key, value] : point.tags) tags.push_back(Tag{key, value});
  const auto has_changed = [&](const auto& field) {
    const std::string name = reading_name(point, field.first, namer);
    return name.empty() || changes.passes(name, tags, as_number(field.second), at);
  };
  if (is_metrics_point(point)) {
    return std::all_of(point.fields.begin(), point.fields.end(),
                       [&](const auto& field) { return field.first != "value" || has_changed(field); });
  }
  std::erase_if(point.fields, [&](const auto& field) { return !has_changed(field); });
  return !point.fields.empty();
}

}  // namespace vigile
