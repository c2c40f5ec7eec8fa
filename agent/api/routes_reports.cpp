// SPDX-License-Identifier: Apache-2.0
// Questions about all equipment at once.
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/equipment_answers.h"
#include "api/equipment_json.h"
#include "api/json_text.h"
#include "api/query_times.h"
#include "api/routes.h"
#include "core/csv.h"

namespace vigile {

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMostHours = 400 * 24;
constexpr std::chrono::hours kDefaultReport{30 * 24};

Json performance_json(const PerformanceMeans& means) {
  return {{"cpu_avg", figure(means.cpu)},
          {"memory_avg", figure(means.memory)},
          {"response_time_avg", figure(means.response_time)}};
}

Result<Response> equipment_summary(EquipmentService& service, const Request& request) {
  const std::string site = service.site_id();
  if (request.parameter("id") != site) {
    return Error{ErrorKind::not_found,
                 "no site \"" + request.parameter("id") + "\" here; this is site " + site};
  }
  const auto span = query_span(request, {"", "", "period", kDefaultPeriod}, service.now_ns());
  if (!span) return span.error();
  const AnswerSource source = query_source(request);
  FleetSummary summary;
  Json equipment = Json::array();
  for (const EquipmentState& state : service.list()) {
    const auto report = service.calculate_availability(state.id, *span, {}, source);
    if (!report) return report.error();
    const auto means = performance_means(service, state.id, *span, source);
    if (!means) return means.error();
    summary.add(state.status, report->availability_percent);
    equipment.push_back({{"equipment_id", state.id},
                         {"name", state.name},
                         {"type", state.type},
                         {"current_status", to_string(state.status)},
                         {"since", optional_time_ns(state.since_ns)},
                         {"availability_percent", figure(report->availability_percent)},
                         {"outages", report->outages},
                         {"performance", performance_json(*means)}});
  }
  Json answer = {{"site_id", site}};
  put_span(answer, *span);
  answer["summary"] = summary.json();
  answer["equipment"] = std::move(equipment);
  return json_response(answer);
}

// Its shape is the server-side module's.
Result<Response> dashboard(EquipmentService& service, const Request& request) {
  const auto hours = request.query_number("hours", 24, 1, kMostHours);
  if (!hours) return hours.error();
  const std::int64_t now = service.now_ns();
  const AnswerSource source = query_source(request);
  const auto last = [now](std::int64_t so_many) {
    return TimeSpan{now - std::chrono::nanoseconds(std::chrono::hours(so_many)).count(), now};
  };
  FleetSummary summary;
  Json equipment = Json::array();
  for (const EquipmentState& state : service.list()) {
    const auto day = service.calculate_availability(state.id, last(24), {}, source);
    if (!day) return day.error();
    std::optional<double> availability = day->availability_percent;
    if (*hours != 24) {
      const auto asked =
          service.calculate_availability(state.id, last(static_cast<std::int64_t>(*hours)), {}, source);
      if (!asked) return asked.error();
      availability = asked->availability_percent;
    }
    const auto means = performance_means(service, state.id, last(static_cast<std::int64_t>(*hours)), source);
    if (!means) return means.error();
    summary.add(state.status, availability);
    equipment.push_back({{"equipment_id", state.id},
                         {"name", state.name},
                         {"current_status", to_string(state.status)},
                         {"availability_24h", figure(day->availability_percent)},
                         {"last_metric", state_json(state)["last_metric"]},
                         {"performance", performance_json(*means)}});
  }
  return json_response({{"summary", summary.json()}, {"equipment_metrics", std::move(equipment)}});
}

// A figure of the table as JSON writes it; empty when there is none.
std::string csv_figure(const Json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Response csv_answer(const Json& reports) {
  const std::vector<std::string> columns = {"equipment_id",
                                            "name",
                                            "start",
                                            "end",
                                            "availability_percent",
                                            "up_s",
                                            "down_s",
                                            "warning_s",
                                            "maintenance_s",
                                            "unknown_s",
                                            "outages",
                                            "mtbf_s",
                                            "mttr_s",
                                            "longest_outage_s"};
  Response response;
  response.content_type = "text/csv; charset=utf-8";
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"availability-report.csv\"");
  response.body = csv_record(columns);
  for (const Json& report : reports) {
    std::vector<std::string> fields;
    for (const std::string& column : columns) fields.push_back(csv_figure(report.at(column)));
    response.body += csv_record(fields);
  }
  return response;
}

Result<Response> availability_report(EquipmentService& service, const Request& request) {
  const auto span =
      query_span(request, {"start_date", "end_date", "period", kDefaultReport}, service.now_ns());
  if (!span) return span.error();
  const std::string format = request.query_value("format").value_or("json");
  if (format != "json" && format != "csv") return Error{ErrorKind::parse, "format: expected json or csv"};
  std::vector<EquipmentState> chosen;
  if (const auto id = request.query_value("equipment_id")) {
    const auto one = service.find(*id);
    if (!one) return one.error();
    chosen.push_back(*one);
  } else {
    chosen = service.list();
  }
  FleetSummary summary;
  Json reports = Json::array();
  for (const EquipmentState& state : chosen) {
    const auto report = service.calculate_availability(state.id, *span, {}, query_source(request));
    if (!report) return report.error();
    summary.add(state.status, report->availability_percent);
    Json one = {{"equipment_id", state.id}, {"name", state.name}};
    one.update(availability_json(*report, {}));
    reports.push_back(std::move(one));
  }
  if (format == "csv") return csv_answer(reports);
  Json answer;
  put_span(answer, *span);
  answer["average_availability"] = summary.json()["average_availability"];
  answer["equipment"] = std::move(reports);
  return json_response(answer);
}

}  // namespace

void add_report_routes(Router& router, AgentView& agent) {
  const auto slow = [&](std::string_view pattern,
                        Result<Response> (*handler)(EquipmentService&, const Request&),
                        std::vector<std::string> query) {
    query.emplace_back("from");
    router.add("GET", pattern, answered([&agent, handler](const Request& request) {
                 return handler(agent.equipment(), request);
               }),
               {.query = std::move(query), .slow = true});
  };
  slow("/api/sites/{id}/equipment-summary/", &equipment_summary, {"period"});
  slow("/api/influxdb/dashboard/", &dashboard, {"hours"});
  slow("/api/influxdb/availability-report/", &availability_report,
       {"start_date", "end_date", "period", "equipment_id", "format"});
}

}  // namespace vigile
