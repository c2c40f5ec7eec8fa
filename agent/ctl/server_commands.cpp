// SPDX-License-Identifier: Apache-2.0
// vigilectl query, write, delete.
#include "ctl/server_commands.h"

#include <unistd.h>

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "core/iso_time.h"
#include "ctl/configured_sinks.h"
#include "ctl/json_access.h"
#include "ctl/query_output.h"
#include "ctl/text.h"
#include "delivery/isolation.h"

namespace vigile {

namespace {

using influx_sink::InfluxClient;
using influx_sink::Language;

constexpr std::size_t kRequestBytes = std::size_t{1} << 20;
constexpr std::size_t kShownLines = 10;  // of those that are refused
constexpr std::uint64_t kSearchRequests = 2000;

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

// With a digit on both sides of the point: VictoriaMetrics stores 0 for .5, -.5 and 5.
std::string plain_number(std::string_view number) {
  std::string plain(number);
  const std::size_t point = plain.find('.');
  if (point == std::string::npos) return plain;
  const auto is_digit = [&](std::size_t at) {
    return at < plain.size() && plain[at] >= '0' && plain[at] <= '9';
  };
  if (!is_digit(point + 1)) plain.insert(point + 1, "0");
  if (point == 0 || !is_digit(point - 1)) plain.insert(point, "0");
  return plain;
}

// `text`, which begins with the line of `view`, with its numbers written so.
std::string with_plain_numbers(std::string_view text, const LineView& view) {
  std::string line;
  for (const FieldView& field : view.fields) {
    if (field.type != FieldView::Type::float64) continue;
    line += text.substr(0, static_cast<std::size_t>(field.text.data() - text.data()));
    line += plain_number(field.text);
    text.remove_prefix(static_cast<std::size_t>(field.text.data() - text.data()) + field.text.size());
  }
  return line += text;
}

// Lines of standard input, sent in parts.
class Writing {
 public:
  Writing(InfluxClient& client, Precision precision) : client_(client), precision_(precision) {}

  // False: the server cannot be written to.
  bool add(const std::string& text) {
    ++line_number_;
    if (open_.empty()) {
      const std::size_t begin = text.find_first_not_of(" \t\r");
      if (begin == std::string::npos || text[begin] == '#') return true;
      first_number_ = line_number_;
    }
    open_ += text + "\n";
    // VictoriaMetrics says 204 to anything, and InfluxDB 2 stores nothing of a part with one bad line.
    LineDecoder decoder(open_, precision_, true, LineDecoder::Rules::recordable);
    const LineDecoder::Step step = decoder.next();
    const bool goes_on = step == LineDecoder::Step::end;  // its last string does, in the next line
    if (goes_on && open_.size() < kRequestBytes) return true;
    if (goes_on) {
      say_unreadable(open_.size(), "the end of the string");
      open_.clear();
      return true;
    }
    if (step == LineDecoder::Step::error) {
      say_unreadable(decoder.error().column, decoder.error().expected);
      open_.clear();
      return true;
    }
    const std::string line = with_plain_numbers(open_, decoder.view());
    open_.clear();
    if (!part_.empty() && part_.size() + line.size() >= kRequestBytes && !send()) return false;
    if (part_.empty()) numbers_.clear();
    numbers_.push_back(first_number_);
    part_ += line;
    return true;
  }
  bool finish() {
    if (!open_.empty()) say_unreadable(open_.size(), "the end of the string");
    return part_.empty() || send();
  }
  std::uint64_t written() const { return written_; }
  bool refused() const { return refused_; }

 private:
  void say_unreadable(std::size_t column, const std::string& expected) {
    refused_ = true;
    if (++unreadable_ > kShownLines) return;
    complain("line " + std::to_string(first_number_) + ", column " + std::to_string(column) + ": expected " +
             expected + "; it is not sent");
  }
  bool send() {
    const std::string part = std::exchange(part_, {});
    Outcome outcome = client_.write_data(part, precision_);
    const std::string lines =
        "lines " + std::to_string(numbers_.front()) + " to " + std::to_string(numbers_.back());
    if (outcome.kind == Outcome::Kind::accepted) {
      written_ += numbers_.size();
      return true;
    }
    refused_ = true;
    Isolation search(part, outcome, kSearchRequests);
    while (!search.done()) {
      if (outcome.kind == Outcome::Kind::retry_later || outcome.kind == Outcome::Kind::paused) {
        complain(lines + " are refused: " + outcome.message);
        return false;
      }
      outcome = client_.write_data(search.next(), precision_);
      (void)search.take(outcome);
    }
    written_ += numbers_.size() - std::min<std::size_t>(search.bad().size(), numbers_.size());
    complain("of " + lines + ", " + std::to_string(search.bad().size()) + " are refused:");
    tell_lines(part, search.bad());
    return true;
  }
  // In the order they came in.
  void tell_lines(std::string_view part, const std::vector<Isolation::BadLine>& bad) const {
    std::multimap<std::string_view, const Isolation::BadLine*> left;
    for (const Isolation::BadLine& line : bad) left.emplace(line.line, &line);
    std::size_t told = 0;
    for (const std::uint64_t number : numbers_) {
      const std::string_view line = part.substr(0, part.find('\n'));
      part.remove_prefix(line.size() + 1);
      const auto found = left.find(line);
      if (found == left.end() || told == kShownLines) continue;
      complain("line " + std::to_string(number) + ": " + found->second->reason);
      left.erase(found);
      ++told;
    }
    for (const auto& [text, line] : left) {
      if (text.empty()) complain(line->reason);  // not found in so many requests
    }
    if (bad.size() > kShownLines) complain("and " + std::to_string(bad.size() - kShownLines) + " more");
  }

  InfluxClient& client_;
  const Precision precision_;
  std::string part_;
  std::vector<std::uint64_t> numbers_;  // of its lines, as they came
  std::uint64_t line_number_ = 0;
  std::string open_;                // lines whose last string is not closed yet
  std::uint64_t first_number_ = 0;  // of the first line of open_
  std::uint64_t unreadable_ = 0;
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
  print_screen(grouped(writing.written()) + (writing.written() == 1 ? " line" : " lines") + " written to " +
               harmless(where) + "\n");
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
