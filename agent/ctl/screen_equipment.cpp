// SPDX-License-Identifier: Apache-2.0
#include "ctl/screen_equipment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "core/csv.h"
#include "core/units.h"
#include "ctl/json_access.h"
#include "ctl/sparkline.h"
#include "ctl/table.h"
#include "ctl/text.h"

namespace vigile {

namespace {

constexpr std::size_t kShownRows = 200;      // of metrics, unless all are asked for
constexpr std::size_t kShownDowntimes = 20;  // of a report, likewise
constexpr std::size_t kShownSeries = 24;     // of stats, likewise
constexpr std::size_t kCurveWidth = 24;
constexpr std::size_t kNameColumns = 28;  // of a series: what is no longer is never cut

Column reason_column() {
  return {.title = "REASON", .moves_below = true};
}

// "2026-11-24 07:53:47"; the headings say UTC.
std::string shown_time(const Json& object, const char* key, const char* absent = "-") {
  std::string text = text_at(object, key);
  if (text.empty()) return absent;
  text = text.substr(0, text.find_first_of(".Z"));
  if (const std::size_t t = text.find('T'); t != std::string::npos) text[t] = ' ';
  return text;
}

std::string shown_span(const Json& answer) {
  return shown_time(answer, "start") + " to " + shown_time(answer, "end") + " UTC";
}

// Four digits that matter, no more.
std::string shown_number(std::optional<double> number) {
  if (!number) return "-";
  const double size = std::fabs(*number);
  if (size == 0) return "0";
  if (size >= 1e7 || size < 1e-3) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", *number);
    return text;
  }
  std::string text = decimal(*number, size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3);
  if (text.find('.') != std::string::npos) {
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
  }
  return text;
}

std::string shown_number(const Json& object, const char* key) {
  return shown_number(number_at(object, key));
}

std::string shown_percent(std::optional<double> percent) {
  if (!percent) return "no data";
  // 99.9996 must not read as all well.
  if (*percent < 100 && *percent > 99.995) return "99.99 %";
  return decimal(*percent, 2) + " %";
}

std::string shown_seconds(const Json& object, const char* key) {
  const auto seconds = number_at(object, key);
  return seconds ? span(*seconds) : "-";
}

std::string shown_tags(const Json& tags) {
  if (tags.is_string()) return harmless(tags.get<std::string>());
  std::string text;
  if (!tags.is_object()) return text;
  for (const auto& item : tags.items()) {
    if (!text.empty()) text += ',';
    text += harmless(item.key()) + "=";
    if (item.value().is_string()) text += harmless(item.value().get<std::string>());
  }
  return text;
}

Colour status_colour(const std::string& status) {
  if (status == "online") return Colour::green;
  if (status == "offline") return Colour::red;
  if (status == "warning") return Colour::yellow;
  return Colour::dim;
}

Cell status_cell(const Json& object, const char* key) {
  std::string status = text_at(object, key);
  const Colour colour = status_colour(status);
  return Cell(std::move(status), colour);
}

std::vector<std::optional<double>> numbers(const Json& array) {
  std::vector<std::optional<double>> values;
  for (const Json& value : array) {
    values.push_back(value.is_number() ? std::optional(value.get<double>()) : std::nullopt);
  }
  return values;
}

void append_percentiles_note(const Json& answer, std::string& out) {
  const Json& percentiles = at(answer, "percentiles");
  if (!percentiles.is_object() || flag_at(percentiles, "exact")) return;
  const double error = number_at(percentiles, "relative_error").value_or(0);
  out += "Percentiles are estimates, within " + shown_number(100 * error) + " %.\n";
}

std::string more_note(std::size_t left_out) {
  return left_out == 0 ? "" : "… and " + grouped(left_out) + " more (--all)\n";
}

// Those that people look for first, in this order; of an equipment that has none of them all are shown.
constexpr std::array<std::string_view, 5> kFirstMetrics = {"cpu_usage", "memory_usage", "response_time",
                                                           "disk_usage", "temperature"};

std::size_t metric_rank(const Json& metric) {
  const std::string name = raw_text_at(metric, "metric_type");
  return static_cast<std::size_t>(std::find(kFirstMetrics.begin(), kFirstMetrics.end(), name) -
                                  kFirstMetrics.begin());
}

std::string series_name(const Json& series) {
  std::string name = text_at(series, "metric_type");
  if (const std::string tags = shown_tags(at(series, "tags")); !tags.empty()) name += " " + tags;
  return name;
}

// The series to show, the first metrics first; how many are left out.
std::pair<std::vector<const Json*>, std::size_t> chosen_series(const Json& all, bool every_one) {
  std::vector<const Json*> series;
  for (const Json& one : all) series.push_back(&one);
  std::stable_sort(series.begin(), series.end(),
                   [](const Json* a, const Json* b) { return metric_rank(*a) < metric_rank(*b); });
  const auto others = std::find_if(series.begin(), series.end(),
                                   [](const Json* one) { return metric_rank(*one) == kFirstMetrics.size(); });
  auto shown = static_cast<std::size_t>(others - series.begin());
  if (every_one || shown == 0) shown = series.size();
  if (!every_one) shown = std::min(shown, kShownSeries);
  const std::size_t left_out = series.size() - shown;
  series.resize(shown);
  return {std::move(series), left_out};
}

std::string stats_table(const Json& answer, const ScreenStyle& style) {
  Table table({{"METRIC", false, true, kNameColumns},
               {"COUNT", true},
               {"MIN", true},
               {"MEAN", true},
               {"MAX", true},
               {"P50", true, false, 0, 2},
               {"P95", true},
               {"P99", true, false, 0, 3},
               {"TREND/H", true, false, 0, 1}});
  const auto [series, left_out] = chosen_series(at(answer, "metrics"), style.all);
  for (const Json* metric : series) {
    table.add({series_name(*metric), grouped(count_at(*metric, "count")), shown_number(*metric, "min"),
               shown_number(*metric, "mean"), shown_number(*metric, "max"), shown_number(*metric, "p50"),
               shown_number(*metric, "p95"), shown_number(*metric, "p99"),
               shown_number(*metric, "trend_per_hour")});
  }
  if (table.empty()) return "No readings.\n";
  std::string out = table.render(table_width(style), style.colour);
  if (left_out > 0) out += "… and " + grouped(left_out) + " more series (--all)\n";
  std::string titles;
  for (const std::string& title : table.left_out(table_width(style)))
    titles += (titles.empty() ? "" : ", ") + title;
  if (!titles.empty()) out += "A wider terminal shows " + titles + " too; --csv has everything.\n";
  append_percentiles_note(answer, out);
  return out;
}

std::string history_table(const Json& answer, const ScreenStyle& style) {
  Table table({{"SINCE (UTC)"}, {"STATUS"}, {"BEFORE"}, {"FOR", true}, reason_column()});
  for (const Json& period : at(answer, "history")) {
    std::string duration = shown_seconds(period, "duration_s");
    if (at(period, "to").is_null()) duration += "+";
    std::string reason = text_at(period, "reason");
    const std::string decided = shown_time(period, "decided");
    if (!text_at(period, "decided").empty() && text_at(period, "decided") != text_at(period, "from"))
      reason += " (decided " + decided + ")";
    table.add({shown_time(period, "from"), status_cell(period, "new_status"), text_at(period, "old_status"),
               duration, reason});
  }
  return table.empty() ? "No changes of status.\n" : table.render(table_width(style), style.colour);
}

void append_availability(const Json& report, const ScreenStyle& style, std::string& out) {
  const auto percent = number_at(report, "availability_percent");
  out += "availability  " +
         coloured(shown_percent(percent),
                  !percent        ? Colour::dim
                  : *percent < 99 ? Colour::red
                                  : Colour::green,
                  style.colour) +
         "\n";
  out += "up            " + shown_seconds(report, "up_s");
  if (number_at(report, "warning_s").value_or(0) > 0 && flag_at(report, "warning_is_up")) {
    out += ", of that warning " + shown_seconds(report, "warning_s");
  }
  out += "\ndown          " + shown_seconds(report, "down_s") +
         ", outages: " + grouped(count_at(report, "outages")) + ", longest " +
         shown_seconds(report, "longest_outage_s") + "\n";
  out += "left out      maintenance " + shown_seconds(report, "maintenance_s") + ", unknown " +
         shown_seconds(report, "unknown_s") + "\n";
  out += "MTBF          " + shown_seconds(report, "mtbf_s") + "\n";
  out += "MTTR          " + shown_seconds(report, "mttr_s") + "\n";
}

std::string last_reading(const Json& state) {
  const Json& last = at(state, "last_metric");
  if (!last.is_object()) return "-";
  return text_at(last, "metric_type") + " " + shown_number(last, "value");
}

// What the dots of a column lead to; null when there is none.
const Json& walk(const Json& object, std::string_view path) {
  const Json* here = &object;
  while (!path.empty()) {
    const std::string key(path.substr(0, path.find('.')));
    path.remove_prefix(std::min(path.size(), key.size() + 1));
    here = &at(*here, key.c_str());
  }
  return *here;
}

std::string csv_cell(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object()) return shown_tags(value);
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<std::string> render_metrics(std::string_view json, const ScreenStyle& style) {
  const auto answer = parse_object(json);
  if (!answer) return answer.error();
  const Json& rows = at(*answer, "metrics");
  if (!rows.is_array() || rows.empty()) return std::string("No readings.\n");
  Table table(
      {{"TIME (UTC)"}, {"METRIC", false, true, kNameColumns}, {"VALUE", true}, {"TAGS", false, true}});
  std::map<std::string, std::vector<std::optional<double>>> curves;
  std::size_t shown = 0;
  for (const Json& row : rows) {
    const std::string tags = shown_tags(at(row, "tags"));
    const std::string metric = text_at(row, "metric_type");
    curves[metric + (tags.empty() ? "" : " " + tags)].push_back(number_at(row, "value"));
    if (!style.all && shown >= kShownRows) continue;
    ++shown;
    table.add({shown_time(row, "time"), metric, shown_number(row, "value"), tags});
  }
  std::string out = table.render(table_width(style), style.colour) + more_note(rows.size() - shown);
  if (style.sparklines) {
    Table lines({{"SERIES", false, true, kNameColumns}, {"READINGS", true}, {"CURVE"}});
    for (const auto& [name, values] : curves) {
      lines.add({name, grouped(values.size()), sparkline(values, kCurveWidth)});
    }
    out += "\n" + lines.render(table_width(style), style.colour);
  }
  append_percentiles_note(*answer, out);
  if (!at(*answer, "next").is_null()) out += "There is more: --limit takes a larger number, 0 for all.\n";
  return out;
}

Result<std::string> render_stats(std::string_view json, const ScreenStyle& style) {
  const auto answer = parse_object(json);
  if (!answer) return answer.error();
  return shown_span(*answer) + "\n\n" + stats_table(*answer, style);
}

Result<std::string> render_availability(std::string_view json, const ScreenStyle& style) {
  const auto report = parse_object(json);
  if (!report) return report.error();
  const std::string who = text_at(*report, "name") + " (" + text_at(*report, "equipment_id") + ")";
  const std::string when = shown_span(*report);
  const bool fits = columns(who) + 2 + columns(when) <= style.width;
  std::string out = (fits ? who + ", " : cut(who, style.width) + "\n") + when + "\n\n";
  append_availability(*report, style, out);
  Table table({{"DOWN FROM (UTC)"}, {"TO"}, {"FOR", true}, reason_column()});
  std::size_t left_out = 0;
  std::size_t shown = 0;
  for (const Json& period : at(*report, "downtime")) {
    if (!style.all && shown >= kShownDowntimes) {
      ++left_out;
      continue;
    }
    ++shown;
    table.add({shown_time(period, "from"), shown_time(period, "to", "still down"),
               shown_seconds(period, "duration_s"), text_at(period, "reason")});
  }
  if (!table.empty()) out += "\n" + table.render(table_width(style), style.colour) + more_note(left_out);
  return out;
}

Result<std::string> render_history(std::string_view json, const ScreenStyle& style) {
  const auto answer = parse_object(json);
  if (!answer) return answer.error();
  return shown_span(*answer) + "\n\n" + history_table(*answer, style);
}

Result<std::string> render_equipment_dashboard(std::string_view json, const ScreenStyle& style) {
  const auto answer = parse_object(json);
  if (!answer) return answer.error();
  const Json& state = at(*answer, "equipment");
  const std::string status = text_at(state, "status");
  std::string out = coloured(cut(text_at(state, "name") + " (" + text_at(*answer, "equipment_id") + ") · " +
                                     text_at(state, "type"),
                                 style.width - columns(status) - 2),
                             Colour::bold, style.colour) +
                    "  " + coloured(status, status_colour(status), style.colour) + "\n";
  if (const std::string reason = text_at(state, "reason"); !reason.empty()) {
    for (const std::string& part : wrapped(reason, style.width - 2)) out += "  " + part + "\n";
  }
  out += shown_span(*answer) + "\n\n";
  append_availability(at(*answer, "availability"), style, out);
  out += "\n" + stats_table(at(*answer, "performance"), style);
  const Json& curves = at(*answer, "curves");
  if (style.sparklines && curves.is_array() && !curves.empty()) {
    Table table({{"SERIES", false, true, kNameColumns},
                 {"CURVE, a mark each " + shown_seconds(*answer, "window_s")}});
    const auto [series, left_out] = chosen_series(curves, style.all);
    for (const Json* curve : series) {
      table.add({series_name(*curve), sparkline(numbers(at(*curve, "means")), 48)});
    }
    out += "\n" + table.render(table_width(style), style.colour);
  }
  return out + "\n" + history_table(*answer, style);
}

Result<std::string> render_dashboard(std::string_view json, const ScreenStyle& style) {
  const auto answer = parse_object(json);
  if (!answer) return answer.error();
  const Json& summary = at(*answer, "summary");
  std::string out = grouped(count_at(summary, "total_equipment")) + " equipment: ";
  for (const char* key : {"operational", "warning", "maintenance", "offline", "unknown"}) {
    out += grouped(count_at(summary, key)) + " " + key + ", ";
  }
  out += "average " + shown_percent(number_at(summary, "average_availability")) + "\n\n";
  Table table({{"ID", false, true},
               {"NAME", false, true, 24},
               {"STATUS"},
               {"AVAIL 24H", true},
               {"CPU", true},
               {"MEMORY", true},
               {"RESP MS", true, false, 0, 1},
               {"LAST METRIC", false, true, 20, 2}});
  for (const Json& one : at(*answer, "equipment_metrics")) {
    const Json& performance = at(one, "performance");
    table.add({text_at(one, "equipment_id"), text_at(one, "name"), status_cell(one, "current_status"),
               shown_percent(number_at(one, "availability_24h")), shown_number(performance, "cpu_avg"),
               shown_number(performance, "memory_avg"), shown_number(performance, "response_time_avg"),
               last_reading(one)});
  }
  return out +
         (table.empty() ? "No equipment in the settings.\n" : table.render(table_width(style), style.colour));
}

Result<std::string> render_report(std::string_view json, const ScreenStyle& style) {
  const auto answer = parse_object(json);
  if (!answer) return answer.error();
  std::string out = "Availability, " + shown_span(*answer) + "\n\n";
  Table table({{"ID", false, true},
               {"NAME", false, true, 20},
               {"AVAIL", true},
               {"DOWN", true},
               {"OUTAGES", true},
               {"MTBF", true, false, 0, 1},
               {"MTTR", true, false, 0, 2},
               {"UNKNOWN", true}});
  for (const Json& one : at(*answer, "equipment")) {
    table.add({text_at(one, "equipment_id"), text_at(one, "name"),
               shown_percent(number_at(one, "availability_percent")), shown_seconds(one, "down_s"),
               grouped(count_at(one, "outages")), shown_seconds(one, "mtbf_s"), shown_seconds(one, "mttr_s"),
               shown_seconds(one, "unknown_s")});
  }
  if (table.empty()) return out + "No equipment in the settings.\n";
  return out + table.render(table_width(style), style.colour) + "\naverage " +
         shown_percent(number_at(*answer, "average_availability")) + "\n";
}

Result<std::string> render_removal(std::string_view json, const ScreenStyle& /*style*/) {
  const auto answer = parse_object(json);
  if (!answer) return answer.error();
  std::string out =
      "before " + shown_time(*answer, "before") + " UTC: " + grouped(count_at(*answer, "points")) +
      " points in " + grouped(count_at(*answer, "segments")) + " segments (" +
      format_size(count_at(*answer, "bytes")) + "), " + grouped(count_at(*answer, "summary_hours")) +
      " hours of summaries, " + grouped(count_at(*answer, "status_changes")) + " changes of status\n";
  if (const auto waiting = count_at(*answer, "undelivered_points"); waiting > 0) {
    out += grouped(waiting) + " points of that time are not delivered yet\n";
  }
  return out;
}

Result<std::string> csv_table(std::string_view json, const char* rows,
                              const std::vector<std::string>& columns) {
  const auto answer = parse_object(json);
  if (!answer) return answer.error();
  std::string out = csv_record(columns);
  for (const Json& row : at(*answer, rows)) {
    std::vector<std::string> fields;
    fields.reserve(columns.size());
    for (const std::string& column : columns) fields.push_back(csv_cell(walk(row, column)));
    out += csv_record(fields);
  }
  return out;
}

}  // namespace vigile
