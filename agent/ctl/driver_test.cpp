// SPDX-License-Identifier: Apache-2.0
// vigilectl drivers test: what the driver exec would make of a program.
#include <algorithm>

#include "core/clock.h"
#include "core/units.h"
#include "ctl/commands.h"
#include "ctl/text.h"
#include "drivers/exec/accepted_status.h"
#include "drivers/exec/output.h"
#include "drivers/program/program.h"
#include "point/line_encode.h"
#include "point/recordable.h"

namespace vigile {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostOutput = std::size_t{256} << 10;  // as the driver's max_output

// Prints each point as a line.
class Printer final : public Output {
 public:
  void add(const Sample& sample) override {
    Point point{std::string(sample.measurement), {}, {}, {}};
    for (const Tag& tag : sample.tags) point.tags.emplace_back(tag.key, tag.value);
    for (const Value& value : sample.values) add_field(value.field, value.number, point);
    for (const ExtraField& extra : sample.extra) add_field(extra.key, extra.number, point);
    if (sample.wall_time) point.time_ns = to_ns(*sample.wall_time);
    (void)print(point);
  }
  Result<void> add_point(const Point& point, PointOrigin) override {
    Point checked = point;
    const SystemClock clock;
    if (auto valid = make_recordable(checked, "1", to_ns(clock.wall())); !valid) return valid;
    return print(checked);
  }
  Result<void> commit() override { return {}; }
  void availability(bool, std::optional<double>, std::string_view) override {}
  std::uint64_t points = 0;

 private:
  Result<void> print(const Point& point) {
    std::string line;
    if (!encode_line(point, {}, line)) return Error{ErrorKind::config, "none of its fields can be written"};
    print_screen(harmless(line.substr(0, line.find('\n'))) + "\n");
    ++points;
    return {};
  }
  static void add_field(std::string_view key, const Number& number, Point& point) {
    point.fields.emplace_back(key, std::visit(
                                       [](auto value) {
                                         if constexpr (std::is_same_v<decltype(value), std::string_view>) {
                                           return FieldValue(std::string(value));
                                         } else {
                                           return FieldValue(value);
                                         }
                                       },
                                       number));
  }
};

struct Ran {
  std::string text;
  std::string complaints;
  std::optional<program::Ended> ended;  // by itself
  milliseconds took{};
};

Result<Ran> run(const program::ProgramOptions& options, bool is_kept, std::uint64_t lines,
                milliseconds limit) {
  auto started = program::Program::start(options);
  if (!started) return started.error();
  const SystemClock clock;
  const BootTime begin = clock.boot();
  Ran ran;
  bool goes_on = true;
  while (goes_on) {
    goes_on = (*started)->read(ran.text, ran.complaints, kMostOutput, milliseconds(50));
    if (clock.boot() - begin >= limit || ran.text.size() >= kMostOutput) break;
    if (is_kept && std::count(ran.text.begin(), ran.text.end(), '\n') >= static_cast<std::int64_t>(lines))
      break;
  }
  ran.took = std::chrono::duration_cast<milliseconds>(clock.boot() - begin);
  if (!goes_on) ran.ended = (*started)->ended();
  return ran;
}

class Conformance {
 public:
  Conformance(const DriverTestOptions& options, exec::AcceptedStatus accepted)
      : options_(options), accepted_(accepted), name_(options.command[0]) {}

  void judge(const Ran& ran) {
    for (std::size_t at = 0; at < ran.complaints.size();) {
      const std::size_t end = std::min(ran.complaints.find('\n', at), ran.complaints.size());
      complain("to the log: " + harmless(ran.complaints.substr(at, end - at)));
      at = end + 1;
    }
    if (ran.text.size() >= kMostOutput) fault("printed more than " + format_size(kMostOutput));
    const bool is_kept = options_.mode == "keep";
    if (!ran.ended && !is_kept) fault("had not ended after " + format_duration(ran.took));
    if (ran.ended && is_kept) fault(ran.ended->text() + ", and would be started again");
    if (options_.format == "nagios") return judge_plugin(ran);
    if (ran.ended && !is_kept &&
        (ran.ended->signal != 0 || !accepted_.test(static_cast<std::size_t>(ran.ended->status & 255))))
      fault(ran.ended->text());
    if (is_kept && !ran.text.empty() && ran.text.find('\n') == std::string::npos)
      fault("printed no whole line; is standard output flushed?");
    if (ran.text.empty()) fault("printed nothing");
    const SystemClock clock;
    if (options_.format == "json" && !is_kept) {
      exec::add_json(ran.text, {name_, options_.separator, to_ns(clock.wall())}, printer_, report_);
    } else if (options_.format == "json") {
      for (std::size_t at = 0, line = 1; at < ran.text.size(); ++line) {
        const std::size_t end = ran.text.find('\n', at);
        if (end == std::string::npos) break;
        if (end > at) {
          const std::string place = name_ + ": line " + std::to_string(line);
          exec::add_json(std::string_view(ran.text).substr(at, end - at),
                         {place, options_.separator, to_ns(clock.wall())}, printer_, report_);
        }
        at = end + 1;
      }
    } else {
      add_lines(ran.text, PointOrigin::here, name_, printer_, report_);
    }
  }

  bool print_faults() {
    for (const Error& error : report_.errors) complain(harmless(error.message));
    const std::uint64_t more = report_.refused - report_.errors.size();
    if (more > 0) complain("and " + std::to_string(more) + " more faults");
    print_screen(std::to_string(printer_.points) + " points, " + std::to_string(report_.refused) +
                 " faults\n");
    return report_.refused == 0;
  }

 private:
  void fault(const std::string& what) { report_.refuse({ErrorKind::parse, name_ + ": " + what}); }

  void judge_plugin(const Ran& ran) {
    const exec::PluginOutput plugin = exec::parse_plugin_output(ran.text, {name_}, report_);
    constexpr const char* kStates[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    if (ran.ended && (ran.ended->signal != 0 || ran.ended->status > 3)) {
      fault(ran.ended->text() + "; a plugin's is 0 fine, 1 warning, 2 critical, 3 unknown");
    } else if (ran.ended) {
      print_screen(std::string(kStates[ran.ended->status]) + ": " + harmless(plugin.text) + "\n");
    }
    if (plugin.text.empty()) fault("printed no text");
    for (const auto& figure : plugin.figures) {
      const Value value{figure.label, figure.label, figure.value};
      const Tag unit{"unit", figure.unit};
      printer_.add({.measurement = "exec", .tags = {&unit, 1}, .values = {&value, 1}});
    }
  }

  const DriverTestOptions& options_;
  const exec::AcceptedStatus accepted_;
  const std::string name_;
  Printer printer_;
  TextReport report_;
};

}  // namespace

int test_driver_command(const CommandContext&, const DriverTestOptions& options) {
  const auto limit = parse_duration(options.timeout);
  if (!limit || *limit <= std::chrono::nanoseconds(0)) {
    complain("--timeout: \"" + harmless(options.timeout) + "\" is not a duration like 30s");
    return kUsage;
  }
  if (options.format == "nagios" && options.mode == "keep") {
    complain("--mode: a nagios plugin ends by itself: once");
    return kUsage;
  }
  const auto accepted = exec::read_accepted_status(options.accept_status, options.accept_status_bits);
  if (!accepted) {
    complain(harmless(accepted.error().message));
    return kUsage;
  }
  program::ProgramOptions to_run;
  to_run.command = options.command;
  to_run.environment = program::environment_for({"1", "test", "other", ""}, {});
  to_run.path = program::kPath;
  // As a path it is meant from here; the driver runs it in /.
  if (to_run.command[0].find('/') != std::string::npos)
    to_run.command[0] = std::filesystem::absolute(to_run.command[0]).string();
  Conformance conformance(options, *accepted);
  const bool is_kept = options.mode == "keep";
  for (std::uint64_t i = 0; i < (is_kept ? 1 : options.runs); ++i) {
    const auto ran = run(to_run, is_kept, options.runs, std::chrono::duration_cast<milliseconds>(*limit));
    if (!ran) {
      complain(harmless(ran.error().message));
      return kAnswerIsNo;
    }
    conformance.judge(*ran);
  }
  return conformance.print_faults() ? kFine : kAnswerIsNo;
}

}  // namespace vigile
