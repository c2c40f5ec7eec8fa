// SPDX-License-Identifier: Apache-2.0
// vigilectl query, write, delete.
#include "ctl/server_commands.h"

#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/iso_time.h"
#include "ctl/configured_sinks.h"
#include "ctl/json_access.h"
#include "ctl/query_output.h"
#include "ctl/text.h"

namespace vigile {

namespace {

using influx_sink::InfluxClient;
using influx_sink::Language;

constexpr std::size_t kRequestBytes = std::size_t{1} << 20;
constexpr std::size_t kShownLines = 10;  // of those that are refused

int settings_are_wrong(const Error& error) {
  complain(error.message);
  return kUsage;
}

int server_says_no(const Error& error) {
  complain(error.message);
  return kAnswerIsNo;
}

Language language_of(const std::string& name, influx_sink::Api api) {
  for (const Language language : {Language::flux, Language::influxql, Language::sql}) {
    if (name == to_string(language)) return language;
  }
  return influx_sink::default_language(api);
}

// Lines of standard input, sent in parts.
class Writing {
 public:
  Writing(InfluxClient& client, Precision precision) : client_(client), precision_(precision) {}

  // False: the server cannot be written to.
  bool add(const std::string& line) {
    ++line_number_;
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos || line[begin] == '#') return true;
    if (!part_.empty() && part_.size() + line.size() >= kRequestBytes && !send()) return false;
    if (part_.empty()) numbers_.clear();
    numbers_.push_back(line_number_);
    part_ += line + "\n";
    return true;
  }
  bool finish() { return part_.empty() || send(); }
  std::uint64_t written() const { return written_; }
  bool refused() const { return refused_; }

 private:
  bool send() {
    const Outcome outcome = client_.write_data(part_, precision_);
    part_.clear();
    const std::string lines =
        "lines " + std::to_string(numbers_.front()) + " to " + std::to_string(numbers_.back());
    switch (outcome.kind) {
      case Outcome::Kind::accepted:
        written_ += numbers_.size();
        return true;
      case Outcome::Kind::partial: {
        refused_ = true;
        const std::uint64_t bad = std::max<std::uint64_t>(outcome.rejected_count, outcome.rejected.size());
        written_ += numbers_.size() - std::min<std::uint64_t>(bad, numbers_.size());
        complain("of " + lines + " some are refused: " + outcome.message);
        tell_lines(outcome);
        return true;
      }
      default:
        refused_ = true;
        complain(lines + " are refused: " + outcome.message);
        tell_lines(outcome);
        return outcome.kind == Outcome::Kind::malformed;
    }
  }
  void tell_lines(const Outcome& outcome) const {
    for (std::size_t i = 0; i < outcome.rejected.size() && i < kShownLines; ++i) {
      const RejectedLine& line = outcome.rejected[i];
      const bool numbered = line.number > 0 && line.number <= numbers_.size();
      complain((numbered ? "line " + std::to_string(numbers_[static_cast<std::size_t>(line.number - 1)])
                         : cut(line.text, 100)) +
               ": " + line.reason);
    }
  }

  InfluxClient& client_;
  const Precision precision_;
  std::string part_;
  std::vector<std::uint64_t> numbers_;  // of its lines, as they came
  std::uint64_t line_number_ = 0;
  std::uint64_t written_ = 0;
  bool refused_ = false;
};

}  // namespace

int query_command(const CommandContext& context, const ServerOptions& options) {
  auto settings = configured_influx(options.config, options.sink);
  if (!settings) return settings_are_wrong(settings.error());
  const Language language = language_of(options.language, settings->api);
  InfluxClient client(std::move(*settings));
  const auto output = context.json  ? json_output(context)
                      : options.csv ? csv_output(context)
                                    : table_output(context);
  const auto done = client.query_data({.text = options.query, .language = language}, *output);
  output->finish();
  return done ? kFine : server_says_no(done.error());
}

int write_command(const CommandContext& /*context*/, const ServerOptions& options) {
  auto settings = configured_influx(options.config, options.sink);
  if (!settings) return settings_are_wrong(settings.error());
  const std::string where = described(*settings);
  InfluxClient client(std::move(*settings));
  Writing writing(client, parse_precision(options.precision).value_or(Precision::ns));
  bool going_on = true;
  for (std::string line; going_on && std::getline(std::cin, line);) going_on = writing.add(line);
  going_on = going_on && writing.finish();
  print_screen(grouped(writing.written()) + " lines written to " + harmless(where) + "\n");
  return going_on && !writing.refused() ? kFine : kAnswerIsNo;
}

int delete_command(const CommandContext& context, const ServerOptions& options) {
  influx_sink::Selection selection;
  for (const auto& [name, text, time_ns] : {std::tuple("--start", &options.start, &selection.start_ns),
                                            std::tuple("--stop", &options.stop, &selection.stop_ns)}) {
    const auto time = parse_iso8601(*text);
    if (!time) return settings_are_wrong({ErrorKind::parse, std::string(name) + ": " + time.error().message});
    *time_ns = to_ns(time->time);
  }
  if (selection.start_ns >= selection.stop_ns) {
    return settings_are_wrong({ErrorKind::parse, "--stop: must be later than --start"});
  }
  auto conditions = influx_sink::parse_predicate(options.predicate);
  if (!conditions) return settings_are_wrong(conditions.error());
  selection.conditions = std::move(*conditions);
  auto settings = configured_influx(options.config, options.sink);
  if (!settings) return settings_are_wrong(settings.error());
  const bool asks = !options.dry_run && !options.yes;
  if (asks && (context.json || ::isatty(STDIN_FILENO) != 1)) {
    complain("nothing is deleted without being asked for: --yes, or --dry-run to see what would go");
    return kUsage;
  }

  const std::string where = described(*settings);
  if (settings->api == influx_sink::Api::v3) {
    return server_says_no(InfluxClient(std::move(*settings)).delete_data(selection).error());
  }
  InfluxClient client(std::move(*settings));
  const auto count = client.count_data(selection);
  if (!count && (options.dry_run || asks)) return server_says_no(count.error());
  const std::string what =
      (count ? grouped(*count) + (*count == 1 ? " point" : " points") : "points") + " at " + where +
      (selection.conditions.empty() ? "" : ", " + predicate_text(selection.conditions)) + ", from " +
      to_iso8601(wall_from_ns(selection.start_ns)) + " to " + to_iso8601(wall_from_ns(selection.stop_ns));
  if (asks) {
    print_screen("Would go: " + harmless(what) + "\n");
    if (!agreed()) {
      print_screen("Nothing is deleted.\n");
      return kAnswerIsNo;
    }
  }
  if (!options.dry_run) {
    if (const auto done = client.delete_data(selection); !done) return server_says_no(done.error());
  }
  if (context.json) {
    const Json report = {
        {"target", where}, {"points", count ? Json(*count) : Json(nullptr)}, {"deleted", !options.dry_run}};
    print_screen(report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  } else {
    print_screen((options.dry_run ? "Would go: " : "Gone: ") + harmless(what) + "\n");
  }
  return kFine;
}

}  // namespace vigile
