// SPDX-License-Identifier: Apache-2.0
#include "api/equipment_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "api/json_text.h"
#include "equipment/question_memory.h"
#include "point/line_decode.h"

namespace vigile {

using Json = nlohmann::ordered_json;

namespace {

// What an entry of an answer holds as JSON values, its text included, about.
constexpr std::size_t kMetricJsonBytes = 2048;
constexpr std::size_t kPeriodJsonBytes = 1024;

double seconds_of(std::int64_t ns) {
  return seconds(std::chrono::nanoseconds(ns));
}

Json tags_json(const std::vector<std::pair<std::string, std::string>>& tags) {
  Json object = Json::object();
  for (const auto& [key, value] : tags) object[key] = value;
  return object;
}

// "core=0,mount=/", escaped as in line protocol.
Json tags_json(const std::string& text) {
  Json object = Json::object();
  const std::string line = "m," + text + " v=0";
  LineDecoder decoder(line, Precision::ns);
  if (text.empty() || decoder.next() != LineDecoder::Step::line) return object;
  for (const auto& [key, value] : decoder.view().tags) object[unescape(key)] = unescape(value);
  return object;
}

}  // namespace

Json figure(std::optional<double> value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json time_json(std::int64_t ns) {
  return to_iso8601(wall_from_ns(ns));
}

void put_span(Json& object, TimeSpan span) {
  object["start"] = time_json(span.from_ns);
  object["end"] = time_json(span.to_ns);
}

Json percentiles_json(bool from_sketches) {
  return {{"exact", !from_sketches}, {"relative_error", from_sketches ? kSketchRelativeError : 0.0}};
}

Json state_json(const EquipmentState& state) {
  Json last = nullptr;
  if (state.last_reading_ns) {
    last = {{"metric_type", state.last_metric},
            {"value", figure(state.last_value)},
            {"time", time_json(*state.last_reading_ns)}};
  }
  return {{"id", state.id},
          {"name", state.name},
          {"type", state.type},
          {"ip_address", state.ip_address.empty() ? Json(nullptr) : Json(state.ip_address)},
          {"status", to_string(state.status)},
          {"reason", state.reason},
          {"since", optional_time_ns(state.since_ns)},
          {"until", optional_time_ns(state.until_ns)},
          {"last_metric", std::move(last)}};
}

std::string page_text(const MetricsQuery& query, const MetricsPage& page) {
  std::string text = R"({"equipment_id":)" + to_text(query.equipment_id);
  const auto add = [&text](std::string_view before, const Json& value) {
    text.pop_back();  // the newline
    text += before;
    text += to_text(value);
  };
  add(R"(,"metrics":)", Json::array());
  text.resize(text.size() - 2);  // the array goes on
  std::string_view separator = "";
  for (const MetricsPage::Row& row : page.rows) {
    text += separator;
    text += to_text({{"time", time_json(row.time_ns)},
                     {"metric_type", row.metric},
                     {"value", figure(row.value)},
                     {"tags", tags_json(row.tags)}});
    text.pop_back();
    separator = ",";
  }
  text += "]\n";
  add(R"(,"count":)", page.rows.size());
  add(R"(,"next":)", page.next.empty() ? Json(nullptr) : Json(page.next));
  const auto aggregation = query.aggregation;
  if (aggregation == Aggregation::p50 || aggregation == Aggregation::p95 || aggregation == Aggregation::p99) {
    add(R"(,"percentiles":)", percentiles_json(page.percentiles_from_sketches));
  }
  text.pop_back();
  (void)QuestionMemory::hold(text.capacity());
  return text += "}\n";
}

Json availability_json(const AvailabilityReport& report, const AvailabilityOptions& options) {
  Json downtime = Json::array();
  for (const DowntimePeriod& period : report.downtime) {
    if (!QuestionMemory::hold(kPeriodJsonBytes)) break;
    downtime.push_back({{"from", time_json(period.from_ns)},
                        {"to", optional_time_ns(period.to_ns)},
                        {"duration_s", seconds_of(period.down_ns)},
                        {"reason", period.reason}});
  }
  Json answer;
  put_span(answer, report.span);
  answer["availability_percent"] = figure(report.availability_percent);
  answer["up_s"] = seconds_of(report.up_ns);
  answer["down_s"] = seconds_of(report.down_ns);
  answer["warning_s"] = seconds_of(report.warning_ns);
  answer["maintenance_s"] = seconds_of(report.maintenance_ns);
  answer["unknown_s"] = seconds_of(report.unknown_ns);
  answer["warning_is_up"] = options.warning_is_up;
  answer["outages"] = report.outages;
  answer["mtbf_s"] = figure(report.mtbf_seconds);
  answer["mttr_s"] = figure(report.mttr_seconds);
  answer["longest_outage_s"] = seconds_of(report.longest_outage_ns);
  answer["downtime"] = std::move(downtime);
  return answer;
}

Json stats_json(const PerformanceStats& stats) {
  Json metrics = Json::array();
  for (const PerformanceStats::Metric& metric : stats.metrics) {
    if (!QuestionMemory::hold(kMetricJsonBytes + 4 * metric.tags.size())) break;
    metrics.push_back({{"metric_type", metric.metric},
                       {"tags", tags_json(metric.tags)},
                       {"count", metric.count},
                       {"min", figure(metric.min)},
                       {"max", figure(metric.max)},
                       {"mean", figure(metric.mean)},
                       {"standard_deviation", figure(metric.standard_deviation)},
                       {"p50", figure(metric.p50)},
                       {"p95", figure(metric.p95)},
                       {"p99", figure(metric.p99)},
                       {"first", figure(metric.first)},
                       {"last", figure(metric.last)},
                       {"trend_per_hour", figure(metric.trend_per_hour)}});
  }
  Json answer;
  put_span(answer, stats.coverage.span);
  answer["from_summaries"] = stats.coverage.from_summaries;
  answer["percentiles"] = percentiles_json(stats.coverage.from_summaries);
  answer["metrics"] = std::move(metrics);
  return answer;
}

Json history_json(const std::vector<StatusPeriod>& history, std::int64_t now_ns) {
  Json periods = Json::array();
  for (const StatusPeriod& period : history) {
    if (!QuestionMemory::hold(kPeriodJsonBytes)) break;
    periods.push_back({{"old_status", to_string(period.old_status)},
                       {"new_status", to_string(period.status)},
                       {"from", time_json(period.from_ns)},
                       {"decided", time_json(period.decided_ns)},
                       {"to", optional_time_ns(period.to_ns)},
                       {"duration_s", seconds_of(period.to_ns.value_or(now_ns) - period.from_ns)},
                       {"unwatched_s", seconds_of(period.unwatched_ns)},
                       {"reason", period.reason}});
  }
  return periods;
}

Json removal_json(const RemovalReport& report) {
  return {{"segments", report.segments},
          {"points", report.points},
          {"bytes", report.bytes},
          {"undelivered_points", report.undelivered_points},
          {"summary_hours", report.summaries},
          {"status_changes", report.status_changes}};
}

void FleetSummary::add(Status status, std::optional<double> availability_percent) {
  ++total;
  switch (status) {
    case Status::online:
      ++online;
      break;
    case Status::warning:
      ++warning;
      break;
    case Status::maintenance:
      ++maintenance;
      break;
    case Status::offline:
      ++offline;
      break;
    case Status::unknown:
      ++unknown;
      break;
  }
  if (!availability_percent) return;
  availability_sum += *availability_percent;
  ++availability_count;
}

Json FleetSummary::json() const {
  std::optional<double> average;
  if (availability_count > 0) average = availability_sum / static_cast<double>(availability_count);
  return {{"total_equipment", total},
          {"operational", online},
          {"warning", warning},
          {"maintenance", maintenance},
          {"offline", offline},
          {"unknown", unknown},
          {"average_availability", figure(average)}};
}

}  // namespace vigile
