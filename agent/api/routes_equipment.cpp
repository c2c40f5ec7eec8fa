// SPDX-License-Identifier: Apache-2.0
// Questions about one equipment.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api/equipment_answers.h"
#include "api/equipment_json.h"
#include "api/json_text.h"
#include "api/query_times.h"
#include "api/routes.h"
#include "equipment/question_memory.h"

namespace vigile {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMostRows = 10'000;  // of one page
constexpr std::uint64_t kDefaultRows = 1000;
constexpr std::int64_t kDashboardWindows = 48;  // of its curves
constexpr std::size_t kDashboardChanges = 10;   // the latest
constexpr std::uint64_t kDashboardRows = 10'000;
constexpr std::size_t kSeriesJsonBytes = 512;  // its name and tags, about

constexpr SpanParameters kSpan{"start_time", "end_time", "period", kDefaultPeriod};

Response list(const EquipmentService& service) {
  Json states = Json::array();
  for (const EquipmentState& state : service.list()) states.push_back(state_json(state));
  const std::size_t count = states.size();
  return json_response({{"equipment", std::move(states)}, {"count", count}});
}

Result<Response> metrics(EquipmentService& service, const Request& request) {
  const auto equipment = find_equipment(service, request);
  if (!equipment) return equipment.error();
  MetricsQuery query;
  query.equipment_id = equipment->id;
  const auto span = query_span(request, kSpan, service.now_ns());
  if (!span) return span.error();
  query.span = *span;
  auto names = query_metrics(request);
  if (!names) return names.error();
  query.metrics = std::move(*names);
  const std::string aggregation = request.query_value("aggregation").value_or("none");
  const auto parsed = parse_aggregation(aggregation);
  if (!parsed) {
    return Error{ErrorKind::parse,
                 "aggregation: expected none, mean, min, max, sum, count, last, p50, p95 or p99"};
  }
  query.aggregation = *parsed;
  const auto window = query_duration(request, "window", std::chrono::nanoseconds(0));
  if (!window) return window.error();
  query.window = *window;
  if (query.aggregation == Aggregation::none && query.window.count() > 0) {
    return Error{ErrorKind::parse, "window: expected together with an aggregation, as aggregation=mean"};
  }
  const auto last = request.query_number("last", 0, 1, kMostRows);
  if (!last) return last.error();
  if (*last > 0) query.last = *last;
  if (query.last && query.aggregation != Aggregation::none) {
    return Error{ErrorKind::parse, "last: expected without an aggregation"};
  }
  const auto limit = request.query_number("limit", kDefaultRows, 1, kMostRows);
  if (!limit) return limit.error();
  query.limit = *limit;
  query.page = request.query_value("page").value_or("");
  const auto page = service.get_equipment_metrics(query, query_source(request));
  if (!page) return page.error();
  Response response;
  response.body = page_text(query, *page);
  return response;
}

Result<Response> stats(EquipmentService& service, const Request& request) {
  const auto equipment = find_equipment(service, request);
  if (!equipment) return equipment.error();
  const auto span = query_span(request, kSpan, service.now_ns());
  if (!span) return span.error();
  const auto names = query_metrics(request);
  if (!names) return names.error();
  const auto found = service.get_performance_stats(equipment->id, *names, *span, query_source(request));
  if (!found) return found.error();
  Json answer = {{"equipment_id", equipment->id}};
  answer.update(stats_json(*found));
  return json_response(answer);
}

Result<Response> history(EquipmentService& service, const Request& request) {
  const auto equipment = find_equipment(service, request);
  if (!equipment) return equipment.error();
  const auto span = query_span(request, kSpan, service.now_ns());
  if (!span) return span.error();
  const auto periods = service.get_status_history(equipment->id, *span, query_source(request));
  if (!periods) return periods.error();
  Json answer = {{"equipment_id", equipment->id}};
  put_span(answer, *span);
  answer["history"] = history_json(*periods, std::min(span->to_ns, service.now_ns()));
  answer["count"] = periods->size();
  return json_response(answer);
}

Result<Response> availability(EquipmentService& service, const Request& request) {
  const auto equipment = find_equipment(service, request);
  if (!equipment) return equipment.error();
  const auto span = query_span(request, {"start", "end", "period", kDefaultPeriod}, service.now_ns());
  if (!span) return span.error();
  const auto warning_is_up = request.query_flag("warning_is_up", true);
  if (!warning_is_up) return warning_is_up.error();
  const AvailabilityOptions options{*warning_is_up};
  const auto report = service.calculate_availability(equipment->id, *span, options, query_source(request));
  if (!report) return report.error();
  Json answer = {{"equipment_id", equipment->id}, {"name", equipment->name}};
  answer.update(availability_json(*report, options));
  return json_response(answer);
}

// One curve a series: the mean of each window, null where there was nothing.
Json curves_json(const MetricsPage& page, TimeSpan span, std::int64_t window_ns) {
  std::map<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>, std::vector<Json>>
      curves;
  const auto windows = static_cast<std::size_t>((span.to_ns - span.from_ns + window_ns - 1) / window_ns);
  for (const MetricsPage::Row& row : page.rows) {
    const auto [found, is_new] = curves.try_emplace({row.metric, row.tags}, windows, Json(nullptr));
    // Twice: in the answer, too.
    if (is_new && !QuestionMemory::hold(2 * (windows * sizeof(Json) + kSeriesJsonBytes))) break;
    auto& curve = found->second;
    // A source may start its first window before the span, at a multiple of the window.
    const std::int64_t offset = std::max(row.time_ns, span.from_ns) - span.from_ns;
    const auto at = std::min(static_cast<std::size_t>(offset / window_ns), windows - 1);
    curve[at] = figure(row.value);
  }
  Json result = Json::array();
  for (auto& [series, curve] : curves) {
    Json tags = Json::object();
    for (const auto& [key, value] : series.second) tags[key] = value;
    result.push_back({{"metric_type", series.first}, {"tags", std::move(tags)}, {"means", curve}});
  }
  return result;
}

Result<Response> dashboard(EquipmentService& service, const Request& request) {
  const auto equipment = find_equipment(service, request);
  if (!equipment) return equipment.error();
  const auto span = query_span(request, {"", "", "period", kDefaultPeriod}, service.now_ns());
  if (!span) return span.error();
  const AnswerSource source = query_source(request);
  const auto report = service.calculate_availability(equipment->id, *span, {}, source);
  if (!report) return report.error();
  const auto figures = service.get_performance_stats(equipment->id, {}, *span, source);
  if (!figures) return figures.error();
  auto changes = service.get_status_history(equipment->id, *span, source);
  if (!changes) return changes.error();
  MetricsQuery query;
  query.equipment_id = equipment->id;
  query.span = *span;
  query.aggregation = Aggregation::mean;
  const std::int64_t length = span->to_ns - span->from_ns;
  const std::int64_t window_ns = (length + kDashboardWindows - 1) / kDashboardWindows;
  query.window = std::chrono::nanoseconds(window_ns);
  query.limit = kDashboardRows;
  const auto page = service.get_equipment_metrics(query, source);
  if (!page) return page.error();
  if (changes->size() > kDashboardChanges) {
    changes->erase(changes->begin(), changes->end() - static_cast<std::ptrdiff_t>(kDashboardChanges));
  }
  Json answer = {{"equipment_id", equipment->id}};
  put_span(answer, *span);
  answer["equipment"] = state_json(*equipment);
  answer["availability"] = availability_json(*report, {});
  answer["performance"] = stats_json(*figures);
  answer["window_s"] = seconds(query.window);
  answer["curves"] = curves_json(*page, *span, window_ns);
  answer["curves_complete"] = page->next.empty();
  answer["history"] = history_json(*changes, service.now_ns());
  return json_response(answer);
}

}  // namespace

void add_equipment_routes(Router& router, AgentView& agent) {
  router.add("GET", "/api/equipment/", [&agent](const Request&) { return list(agent.equipment()); });
  const auto slow = [&](std::string_view pattern,
                        Result<Response> (*handler)(EquipmentService&, const Request&),
                        std::vector<std::string> query) {
    query.emplace_back("from");
    router.add("GET", pattern, answered([&agent, handler](const Request& request) {
                 return handler(agent.equipment(), request);
               }),
               {.query = std::move(query), .slow = true});
  };
  slow("/api/equipment/{id}/metrics/", &metrics,
       {"start_time", "end_time", "period", "metric_type", "metric_name", "aggregation", "window", "last",
        "limit", "page"});
  slow("/api/equipment/{id}/stats/", &stats,
       {"start_time", "end_time", "period", "metric_type", "metric_name"});
  slow("/api/equipment/{id}/history/", &history, {"start_time", "end_time", "period"});
  slow("/api/equipment/{id}/dashboard/", &dashboard, {"period"});
  slow("/api/equipment/{id}/availability-report/", &availability,
       {"start", "end", "period", "warning_is_up"});
}

}  // namespace vigile
