// SPDX-License-Identifier: Apache-2.0
#include "ctl/command_line.h"

namespace vigile {

namespace {

using Question = int (*)(const CommandContext&, const QuestionOptions&);
using Record = int (*)(const CommandContext&, const RecordOptions&);

CLI::App* add_question(CLI::App& app, CommandLine& line, const std::string& name, const std::string& help,
                       Question command) {
  CLI::App* question = add_command(
      app, line, name, help, [&line, command](const CommandContext& c) { return command(c, line.question); });
  question->add_option("--equipment-id", line.question.equipment_id,
                       "Which; may be left out when there is one");
  question->add_option("--from", line.question.from, "Ask a server: \"influx\", or a sink's name");
  question->add_flag("--all", line.all, "Every row of long tables, every series of stats");
  CLI::Option* csv = question->add_flag("--csv", line.question.csv, "As CSV (RFC 4180)");
  add_json(question, line);
  question->get_option("--json")->excludes(csv);
  return question;
}

void add_span(CLI::App* command, CommandLine& line, const std::string& fallback) {
  CLI::Option* period =
      command->add_option("--period", line.question.period, "The last so long: 24h, 7d; default " + fallback);
  for (CLI::Option* edge :
       {command->add_option("--start", line.question.start, "From: 2026-11-24, 2026-11-24T08:00:00Z"),
        command->add_option("--end", line.question.end, "To; a date is that whole day")}) {
    period->excludes(edge);
  }
}

void add_metrics(CLI::App* command, CommandLine& line) {
  command->add_option("--metric", line.question.metrics, "Only this metric; may be repeated")->delimiter(',');
}

void add_questions(CLI::App& app, CommandLine& line) {
  CLI::App* metrics = add_question(app, line, "metrics",
                                   "Readings of an equipment, as they are or aggregated", &metrics_command);
  add_span(metrics, line, "24h");
  add_metrics(metrics, line);
  metrics
      ->add_option("--aggregation", line.question.aggregation,
                   "mean, min, max, sum, count, last, p50, p95, p99")
      ->check(one_of({"none", "mean", "min", "max", "sum", "count", "last", "p50", "p95", "p99"}));
  metrics->add_option("--window", line.question.window, "Of the aggregation: 5m, 1h; default the whole span");
  metrics->add_option("--last", line.question.last, "Only the last so many of each series")
      ->check(a_number(1, 10'000));
  metrics->add_option("--limit", line.question.limit,
                      "At most so many rows; 0: all; default 1000, all with --csv");

  CLI::App* stats = add_question(
      app, line, "stats", "Count, extremes, mean, percentiles and trend of each metric", &stats_command);
  add_span(stats, line, "24h");
  add_metrics(stats, line);

  CLI::App* availability =
      add_question(app, line, "availability", "How long an equipment was up and down, and when it was down",
                   &availability_command);
  add_span(availability, line, "24h");
  availability->add_flag("--warning-is-down", line.question.warning_is_down,
                         "Count the status warning as down");

  add_span(
      add_question(app, line, "history", "Changes of status, with durations and reasons", &history_command),
      line, "24h");

  CLI::App* dashboard =
      add_question(app, line, "dashboard", "All equipment at a glance, or one in depth", &dashboard_command);
  dashboard->add_option("--period", line.question.period, "The last so long; default 24h");

  add_span(add_question(app, line, "report", "Availability of all equipment, or of one", &report_command),
           line, "30d");
}

CLI::App* add_record(CLI::App& group, CommandLine& line, const std::string& name, const std::string& help,
                     Record command) {
  CLI::App* record = add_command(
      group, line, name, help, [&line, command](const CommandContext& c) { return command(c, line.record); });
  record->add_option("--equipment-id", line.record.equipment_id, "Which; may be left out when there is one");
  add_json(record, line);
  return record;
}

void add_records(CLI::App& app, CommandLine& line) {
  CLI::App* group =
      app.add_subcommand("record", "Record readings or a status of one's own; ends after the commit");
  group->require_subcommand(1);
  RecordOptions& record = line.record;
  CLI::App* metric = add_record(*group, line, "metric", "One reading: record metric temperature 25.5",
                                &record_metric_command);
  metric->add_option("metric", record.metric, "Its name")->required();
  metric->add_option("value", record.value, "A number")->required();
  metric->add_option("--tag", record.tags, "KEY=VALUE; may be repeated");
  metric->add_option("--time", record.time, "When; now if left out");

  CLI::App* availability = add_record(*group, line, "availability", "That it answers, or not: up, down",
                                      &record_availability_command);
  availability->add_option("availability", record.available, "up or down")
      ->required()
      ->check(one_of({"up", "down"}));
  availability->add_option("--response-time", record.response_time, "In milliseconds");
  availability->add_option("--reason", record.reason, "Why");

  CLI::App* performance =
      add_record(*group, line, "performance", "CPU, memory, response time", &record_performance_command);
  performance->add_option("--cpu", record.cpu, "Percent");
  performance->add_option("--memory", record.memory, "Percent");
  performance->add_option("--response-time", record.response_time, "In milliseconds");

  CLI::App* status = add_record(*group, line, "status", "A status, by hand: maintenance silences limits",
                                &record_status_command);
  status->add_option("status", record.status, "online, warning, offline, maintenance, unknown")
      ->required()
      ->check(one_of({"online", "operational", "warning", "offline", "maintenance", "unknown"}));
  status->add_option("--until", record.until, "Of a maintenance that ends by itself: a time, or 2h");
  status->add_option("--reason", record.reason, "Why");

  CLI::App* points =
      add_record(*group, line, "points", "Line protocol on standard input", &record_points_command);
  points->add_option("--precision", record.precision, "Unit of the times read")
      ->check(one_of({"ns", "us", "ms", "s"}))
      ->capture_default_str();
}

void add_cleanup(CLI::App& app, CommandLine& line) {
  CleanupOptions& options = line.cleanup;
  CLI::App* cleanup = add_command(
      app, line, "cleanup", "Delete old data, in this device's log or at the servers; asks first",
      [&line](const CommandContext& c) { return cleanup_command(c, line.cleanup, line.remote.get()); });
  cleanup->add_option("--older-than", options.older_than, "90d, 12w")->required();
  cleanup->add_flag("--local", options.local, "In this device's log (this is the default)");
  cleanup->add_flag("--remote", options.remote, "At the servers of the influx sinks; with --local, both");
  cleanup->add_option("--equipment-id", options.equipment_id, "Only of this equipment");
  CLI::Option* dry_run = cleanup->add_flag("--dry-run", options.dry_run, "Only say what would go");
  cleanup->add_flag("--undelivered", options.undelivered, "Also what a sink has not had yet");
  cleanup->add_flag("--yes", options.yes, "Do not ask")->excludes(dry_run);
  add_json(cleanup, line);
}

void add_simulate(CLI::App& app, CommandLine& line) {
  SimulateOptions& options = line.simulate;
  CLI::App* simulate = add_command(
      app, line, "simulate", "Record made-up readings and outages of an equipment, tagged simulated=true",
      [&line](const CommandContext& c) { return simulate_command(c, line.simulate); });
  simulate->add_option("--equipment-id", options.equipment_id, "Which; may be left out when there is one");
  simulate->add_option("--duration", options.duration_s, "Seconds of readings; 0 with --backfill alone")
      ->check(a_number(0.0, 1e8));
  simulate->add_option("--interval", options.interval_s, "Seconds between readings")
      ->check(a_number(0.01, 86400.0))
      ->capture_default_str();
  simulate
      ->add_option("--speed", options.speed, "60x: a minute's readings each second; their times end at now")
      ->transform([](std::string text) {
        if (text.ends_with('x')) text.pop_back();
        return text;
      })
      ->check(a_number(1.0, 1e6));
  simulate->add_option("--backfill", options.backfill, "First the readings of the last so long: 7d");
  simulate->add_option("--seed", options.seed, "The same seed gives the same readings")
      ->capture_default_str();
  add_json(simulate, line);
}

}  // namespace

void add_equipment_commands(CLI::App& app, CommandLine& line) {
  add_questions(app, line);
  add_records(app, line);
  add_cleanup(app, line);
  add_simulate(app, line);
}

}  // namespace vigile
