// SPDX-License-Identifier: Apache-2.0
// vigilectl metrics, stats, availability, history, dashboard, report.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/units.h"
#include "ctl/equipment_commands.h"
#include "ctl/json_access.h"
#include "ctl/screen_equipment.h"
#include "ctl/text.h"

namespace vigile {

namespace {

constexpr std::uint64_t kPageRows = 10'000;
constexpr std::uint64_t kDefaultRows = 1000;

// "?a=b&c=d", what is empty left out.
class Query {
 public:
  Query& add(const char* key, const std::string& value) {
    if (value.empty()) return *this;
    text_ += (text_.empty() ? '?' : '&') + std::string(key) + "=" + percent_encode(value);
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

std::string equipment_path(const std::string& id, const char* what) {
  return "/api/equipment/" + percent_encode(id) + "/" + what + "/";
}

struct Csv {
  const char* rows;
  std::vector<std::string> columns;
};

int show_body(const CommandContext& context, const QuestionOptions& options, const std::string& body,
              Renderer render, const Csv& csv) {
  if (context.json) {
    print_foreign(context, body);
    return kFine;
  }
  const auto text = options.csv ? csv_table(body, csv.rows, csv.columns) : render(body, context.style);
  if (!text) return fail(text.error());
  options.csv ? print_foreign(context, *text) : print_screen(*text);
  return kFine;
}

int ask(const CommandContext& context, const QuestionOptions& options, const std::string& target,
        Renderer render, const Csv& csv) {
  const auto answer = context.client.request("GET", target);
  if (!answer) return fail(answer.error());
  if (!answer->fine()) return refuse(*answer);
  return show_body(context, options, answer->body, render, csv);
}

Query span_query(const QuestionOptions& options, const char* start, const char* end) {
  Query query;
  query.add(start, options.start)
      .add(end, options.end)
      .add("period", options.period)
      .add("from", options.from);
  return query;
}

const std::vector<std::string> kReportColumns = {"equipment_id",
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

}  // namespace

std::optional<std::string> chosen_equipment(const CommandContext& context, const std::string& given,
                                            int& status) {
  if (!given.empty()) return given;
  const auto answer = context.client.request("GET", "/api/equipment/");
  status = kNoDaemon;
  if (!answer) {
    status = fail(answer.error());
    return std::nullopt;
  }
  if (!answer->fine()) {
    status = refuse(*answer);
    return std::nullopt;
  }
  const auto body = parse_object(answer->body);
  if (!body) {
    status = fail(body.error());
    return std::nullopt;
  }
  std::vector<std::string> ids;
  for (const Json& one : at(*body, "equipment")) ids.push_back(raw_text_at(one, "id"));
  if (ids.size() == 1) return ids.front();
  complain(ids.empty() ? "there is no equipment in the settings"
                       : "say which: --equipment-id " + joined(ids));
  status = ids.empty() ? kAnswerIsNo : kUsage;
  return std::nullopt;
}

int metrics_command(const CommandContext& context, const QuestionOptions& options) {
  int status = kFine;
  const auto id = chosen_equipment(context, options.equipment_id, status);
  if (!id) return status;
  const std::uint64_t wanted = options.limit.value_or(options.csv ? 0 : kDefaultRows);
  Json whole;
  std::string page;
  std::uint64_t rows = 0;
  for (;;) {
    Query query = span_query(options, "start_time", "end_time");
    const std::uint64_t room = wanted == 0 ? kPageRows : std::min(kPageRows, wanted - rows);
    query.add("metric_type", joined(options.metrics)).add("aggregation", options.aggregation);
    query.add("window", options.window).add("limit", std::to_string(room)).add("page", page);
    if (options.last > 0) query.add("last", std::to_string(options.last));
    const auto answer = context.client.request("GET", equipment_path(*id, "metrics") + query.text());
    if (!answer) return fail(answer.error());
    if (!answer->fine()) return refuse(*answer);
    auto body = parse_object(answer->body);
    if (!body) return fail(body.error());
    const std::size_t got = at(*body, "metrics").size();
    if (whole.is_null()) {
      whole = std::move(*body);
    } else {
      for (Json& row : (*body)["metrics"]) whole["metrics"].push_back(std::move(row));
      whole["next"] = at(*body, "next");
    }
    rows += got;
    page = raw_text_at(whole, "next");
    if (page.empty() || got == 0 || (wanted > 0 && rows >= wanted)) break;
  }
  whole["count"] = rows;
  return show_body(context, options, whole.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
                   &render_metrics, {"metrics", {"time", "metric_type", "value", "tags"}});
}

int stats_command(const CommandContext& context, const QuestionOptions& options) {
  int status = kFine;
  const auto id = chosen_equipment(context, options.equipment_id, status);
  if (!id) return status;
  Query query = span_query(options, "start_time", "end_time");
  query.add("metric_type", joined(options.metrics));
  CommandContext shown = context;
  shown.style.all = context.style.all || !options.metrics.empty();  // what was asked for by name is shown
  return ask(shown, options, equipment_path(*id, "stats") + query.text(), &render_stats,
             {"metrics",
              {"metric_type", "tags", "count", "min", "max", "mean", "standard_deviation", "p50", "p95",
               "p99", "first", "last", "trend_per_hour"}});
}

int availability_command(const CommandContext& context, const QuestionOptions& options) {
  int status = kFine;
  const auto id = chosen_equipment(context, options.equipment_id, status);
  if (!id) return status;
  Query query = span_query(options, "start", "end");
  if (options.warning_is_down) query.add("warning_is_up", "false");
  return ask(context, options, equipment_path(*id, "availability-report") + query.text(),
             &render_availability, {"downtime", {"from", "to", "duration_s", "reason"}});
}

int history_command(const CommandContext& context, const QuestionOptions& options) {
  int status = kFine;
  const auto id = chosen_equipment(context, options.equipment_id, status);
  if (!id) return status;
  return ask(
      context, options, equipment_path(*id, "history") + span_query(options, "start_time", "end_time").text(),
      &render_history, {"history", {"from", "to", "old_status", "new_status", "duration_s", "reason"}});
}

int dashboard_command(const CommandContext& context, const QuestionOptions& options) {
  Query query;
  if (!options.equipment_id.empty()) {
    query.add("period", options.period).add("from", options.from);
    return ask(context, options, equipment_path(options.equipment_id, "dashboard") + query.text(),
               &render_equipment_dashboard,
               {"history", {"from", "to", "old_status", "new_status", "reason"}});
  }
  if (!options.period.empty()) {
    const auto period = parse_duration(options.period);
    if (!period) {
      complain("--period: " + period.error().message);
      return kUsage;
    }
    query.add("hours", std::to_string(std::chrono::ceil<std::chrono::hours>(*period).count()));
  }
  query.add("from", options.from);
  return ask(context, options, "/api/influxdb/dashboard/" + query.text(), &render_dashboard,
             {"equipment_metrics",
              {"equipment_id", "name", "current_status", "availability_24h", "performance.cpu_avg",
               "performance.memory_avg", "performance.response_time_avg"}});
}

int report_command(const CommandContext& context, const QuestionOptions& options) {
  Query query = span_query(options, "start_date", "end_date");
  query.add("equipment_id", options.equipment_id);
  return ask(context, options, "/api/influxdb/availability-report/" + query.text(), &render_report,
             {"equipment", kReportColumns});
}

}  // namespace vigile
