// SPDX-License-Identifier: Apache-2.0
#include "equipment/equipment_lines.h"

#include <cmath>

#include "equipment/status.h"

namespace vigile {

EquipmentLines::EquipmentLines(WireFormat format, const EquipmentIdentity& equipment,
                               const std::map<std::string, std::string>& tags)
    : format_(std::move(format)), tags_(layout_tags(format_, equipment, tags)) {}

bool EquipmentLines::append_metric(std::string_view metric, double value,
                                   const std::map<std::string, std::string>& tags,
                                   const std::vector<std::pair<std::string, FieldValue>>& additional_fields,
                                   std::int64_t time_ns, std::string& out) const {
  if (!std::isfinite(value)) return false;  // its additional fields alone would be no reading of the metric
  Point point;
  point.measurement = format_.native ? kRecordedMeasurement : kMetricsMeasurement;
  point.tags = tags_;
  point.tags.emplace_back("metric_name", metric);
  for (const auto& [key, text] : tags) add_tag(key, text, point.tags);
  point.fields.emplace_back("value", value);
  for (const auto& field : additional_fields) {
    if (field.first != "value") point.fields.push_back(field);
  }
  point.time_ns = time_ns;
  return encode_line(point, format_.encode, out);
}

bool EquipmentLines::append_availability(bool up, std::optional<double> response_time_ms,
                                         std::string_view reason, std::int64_t time_ns,
                                         std::string& out) const {
  Point point;
  point.measurement = format_.native ? "availability" : kMetricsMeasurement;
  point.tags = tags_;
  if (!format_.native) point.tags.emplace_back("metric_name", "availability");
  point.fields.emplace_back("value", up ? 1.0 : 0.0);
  if (response_time_ms) point.fields.emplace_back("response_time_ms", *response_time_ms);
  if (!reason.empty()) point.fields.emplace_back("reason", std::string(reason));
  point.time_ns = time_ns;
  return encode_line(point, format_.encode, out);
}

bool EquipmentLines::append_status_change(const StatusChange& change, bool is_first, std::string& out,
                                          const std::map<std::string, std::string>& extra_tags) const {
  Point point;
  point.measurement = "equipment_status_changes";
  point.tags = {{"old_status", is_first ? "new" : change.old_status}, {"new_status", change.new_status}};
  for (const auto& [key, value] : tags_) add_tag(key, value, point.tags);
  for (const auto& [key, value] : extra_tags) add_tag(key, value, point.tags);
  point.fields.emplace_back("status_value",
                            status_value(parse_status(change.new_status).value_or(Status::unknown)));
  point.fields.emplace_back("change_event", std::int64_t{1});
  if (!change.reason.empty()) point.fields.emplace_back("reason", change.reason);
  if (change.until_ns) point.fields.emplace_back("until_ns", *change.until_ns);
  if (change.decided_after_ns > 0) point.fields.emplace_back("decided_after_ns", change.decided_after_ns);
  point.time_ns = change.time_ns;
  return encode_line(point, format_.encode, out);
}

bool EquipmentLines::append_point(Point point, std::int64_t time_ns, std::string& out) const {
  for (const auto& [key, value] : tags_) add_tag(key, value, point.tags);
  if (!point.time_ns) point.time_ns = time_ns;
  return encode_line(point, format_.encode, out);
}

std::uint32_t EquipmentLines::append_performance(std::optional<double> cpu_usage,
                                                 std::optional<double> memory_usage,
                                                 std::optional<double> response_time_ms, std::int64_t time_ns,
                                                 std::string& out) const {
  std::uint32_t lines = 0;
  const auto append = [&](std::string_view metric, std::optional<double> value) {
    if (value && append_metric(metric, *value, {}, {}, time_ns, out)) ++lines;
  };
  append("cpu_usage", cpu_usage);
  append("memory_usage", memory_usage);
  append("response_time", response_time_ms);
  return lines;
}

void append_gap(std::string_view site_id, std::string_view device, TimeSpan gap, std::string& out) {
  Point point;
  point.measurement = "agent_gaps";
  point.tags = {{"device", std::string(device)}, {"site_id", std::string(site_id)}};
  point.fields = {{"from_ns", gap.from_ns}, {"to_ns", gap.to_ns}};
  point.time_ns = gap.to_ns;
  (void)encode_line(point, {}, out);
}

}  // namespace vigile
