// SPDX-License-Identifier: Apache-2.0
#include "drivers/exec/exec.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/logging.h"
#include "core/units.h"
#include "drivers/exec/exec_settings.h"
#include "drivers/exec/output.h"
#include "drivers/program/program.h"

namespace vigile {

namespace exec {

namespace {

using program::Ended;
using program::find_account;
using program::kMostComplaint;
using program::Program;
using program::ProgramOptions;
using std::chrono::milliseconds;

constexpr std::array kMetrics = {
    MetricSpec{"exec_duration", "duration", "float", "ms", "from its start to its end; mode once"},
    MetricSpec{"exec_status", "status", "int", "1", "exit status; mode once"},
    MetricSpec{"exec_refused", "refused", "int", "1", "lines and values of this run that could not be taken"},
    MetricSpec{"exec_starts", "starts", "int", "1",
               "how often it was started, since the agent's start; mode keep"},
    MetricSpec{"exec_message", "message", "string", "1", "a plugin's first line; format nagios"},
};

constexpr milliseconds kQuiet{20};      // nothing for so long: that was all, for now
constexpr milliseconds kSlice{100};     // between looks at the stop
constexpr milliseconds kPatience{500};  // from SIGTERM to SIGKILL
constexpr std::chrono::seconds kLongestPause{300};
constexpr std::chrono::seconds kStable{60};  // alive so long: the next pause is short again
constexpr int kUnknown = 3;                  // of a plugin

struct Run {
  TextReport report;
  std::vector<Value> figures;
  std::string message;
};

class ExecDriver final : public Driver {
 public:
  ExecDriver(ExecSettings settings, const Clock& clock) : settings_(std::move(settings)), clock_(clock) {}
  ~ExecDriver() override {
    if (program_) program_->end(kPatience);
  }

  Result<void> sample(const SampleContext& context, Output& out) override {
    Run run;
    const Result<void> done =
        settings_.mode == Mode::once ? run_once(context, out, run) : read_on(context, out, run);
    add_figure(run, "exec_refused", static_cast<std::int64_t>(run.report.refused));
    const Tag tag{"program", settings_.shown};
    out.add({.measurement = "exec", .tags = {&tag, 1}, .values = run.figures});
    return done ? run.report.result() : done;
  }

 private:
  static void add_figure(Run& run, std::string_view metric, Number number) {
    const auto* const spec =
        std::find_if(kMetrics.begin(), kMetrics.end(), [&](const auto& one) { return one.name == metric; });
    run.figures.push_back({spec->name, spec->field, number});
  }

  Result<std::unique_ptr<Program>> start() {
    ProgramOptions options = settings_.program;
    if (!settings_.user.empty()) {
      auto account = find_account(settings_.user);
      if (!account) return account.error();
      options.account = std::move(*account);
    }
    return Program::start(options);
  }

  Result<void> run_once(const SampleContext& context, Output& out, Run& run) {
    const BootTime began = clock_.boot();
    const BootTime deadline = std::min(context.deadline, context.started + settings_.timeout) - kPatience / 4;
    auto started = start();
    if (!started) return started.error();
    Program& program = **started;
    std::string text, complaints;
    bool is_late = false;
    while (program.read(text, complaints, settings_.max_output_bytes, kSlice)) {
      if (context.stop.stop_requested()) {
        program.end(kPatience);
        return {};
      }
      is_late = clock_.boot() >= deadline;
      if (is_late || text.size() >= settings_.max_output_bytes) break;
    }
    const bool is_cut = text.size() >= settings_.max_output_bytes;
    const Ended ended = program.end(is_late || is_cut ? kPatience : milliseconds(0));
    log_complaints(complaints);
    add_figure(run, "exec_duration",
               std::chrono::duration<double, std::milli>(clock_.boot() - began).count());
    if (ended.signal == 0) add_figure(run, "exec_status", std::int64_t{ended.status});
    Result<void> done;
    if (is_late) {
      done = Error{ErrorKind::timeout,
                   settings_.shown + ": had not ended after " +
                       format_duration(std::chrono::duration_cast<milliseconds>(clock_.boot() - began)) +
                       ", and was killed"};
    } else if (is_cut) {
      done = Error{ErrorKind::full, settings_.shown + ": printed more than max_output, " +
                                        format_size(settings_.max_output_bytes) + ", and was killed"};
    }
    // What was printed in full lines before that is good.
    if (!done) text.resize(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
    if (settings_.format == Format::nagios) {
      if (done) done = take_plugin(text, ended, out, run);
    } else {
      const bool is_kept =
          settings_.format == Format::line_protocol || (settings_.keeps_on_failure && !text.empty());
      if (done &&
          (ended.signal != 0 || !settings_.accepted.test(static_cast<std::size_t>(ended.status & 255)))) {
        const bool is_lost = ended.signal == 0 && !is_kept && !text.empty();
        done =
            fault(ErrorKind::unavailable,
                  ended.text() + (is_lost ? ", so that its readings are left out; accept_status says which "
                                            "statuses are no failure"
                                          : ""),
                  complaints);
      }
      if (done || is_kept) take(text, out, run);
      out.availability(done.has_value(), std::nullopt, done ? "" : done.error().message);
    }
    return done;
  }

  Result<void> take_plugin(const std::string& text, const Ended& ended, Output& out, Run& run) {
    const PluginOutput plugin = parse_plugin_output(text, {settings_.shown, settings_.thousands}, run.report);
    for (const PluginOutput::Figure& figure : plugin.figures) {
      std::vector<ExtraField> extra;
      const auto add = [&](std::string_view key, const std::optional<double>& limit) {
        if (limit) extra.push_back({key, *limit});
      };
      add("warn", figure.warn);
      add("crit", figure.crit);
      add("min", figure.min);
      add("max", figure.max);
      const Value value{figure.label, figure.label, figure.value};
      const std::array<Tag, 2> tags = {Tag{"program", settings_.shown}, Tag{"unit", figure.unit}};
      out.add({.measurement = "exec", .tags = tags, .values = {&value, 1}, .extra = extra});
    }
    run.message = plugin.text;
    if (!run.message.empty()) add_figure(run, "exec_message", std::string_view(run.message));
    if (ended.signal != 0 || ended.status > kUnknown) return fault(ErrorKind::unavailable, ended.text(), "");
    if (ended.status == kUnknown)
      return fault(ErrorKind::unavailable, "does not know: " + shown_text(plugin.text), "");
    out.availability(ended.status < 2, std::nullopt, ended.status < 2 ? "" : plugin.text);
    return {};
  }

  Error fault(ErrorKind kind, const std::string& what, const std::string& complaints) const {
    std::string message = settings_.shown + ": " + what;
    if (!complaints.empty()) message += ": " + shown_text(complaints.substr(0, complaints.find('\n')));
    return Error{kind, std::move(message)};
  }

  Result<void> read_on(const SampleContext& context, Output& out, Run& run) {
    if (!program_) {
      if (clock_.boot() < next_start_) {
        out.availability(false, std::nullopt, last_error_.message);
        return last_error_;
      }
      auto started = start();
      if (!started) return failed(started.error(), out);
      program_ = std::move(*started);
      started_at_ = clock_.boot();
      ++starts_;
      partial_.clear();
    }
    const BootTime enough = context.started + (context.deadline - context.started) / 2;
    std::string complaints;
    std::size_t taken = 0;
    bool is_running = true;
    for (bool is_first = true; is_running; is_first = false) {
      const std::size_t before = partial_.size();
      // A program that has just begun is given time for its first line.
      const bool is_new = is_first && clock_.boot() - started_at_ < std::chrono::seconds(1);
      is_running =
          program_->read(partial_, complaints,
                         before + settings_.max_output_bytes - std::min(taken, settings_.max_output_bytes),
                         is_new ? kSlice : kQuiet);
      const std::size_t came = partial_.size() - before;
      taken += came;
      if (const std::size_t end = partial_.rfind('\n'); end != std::string::npos) {
        take(std::string_view(partial_).substr(0, end + 1), out, run);
        partial_.erase(0, end + 1);
      }
      if (partial_.size() >= settings_.max_output_bytes) {
        run.report.refuse({ErrorKind::parse, settings_.shown + ": printed a line longer than max_output, " +
                                                 format_size(settings_.max_output_bytes)});
        partial_.clear();
      }
      // What is left waits in the pipe, and its writer with it.
      const bool is_much = taken >= settings_.max_output_bytes;
      if (is_running && (came == 0 || is_much || clock_.boot() >= enough || context.stop.stop_requested()))
        break;
    }
    log_complaints(complaints);
    add_figure(run, "exec_starts", starts_);
    if (is_running) {
      out.availability(true, std::nullopt, "");
      return {};
    }
    if (!partial_.empty()) take(partial_, out, run);
    const Ended ended = *program_->ended();
    program_.reset();
    return failed(fault(ErrorKind::unavailable, ended.text(), complaints), out);
  }

  // It is started again, later each time.
  Error failed(Error error, Output& out) {
    const BootTime now = clock_.boot();
    failures_ = starts_ > 0 && now - started_at_ >= kStable ? 0 : failures_;
    next_start_ = now + std::min<std::chrono::nanoseconds>(kLongestPause,
                                                           std::chrono::seconds(1 << std::min(failures_, 9)));
    ++failures_;
    last_error_ = std::move(error);
    out.availability(false, std::nullopt, last_error_.message);
    return last_error_;
  }

  void take(std::string_view text, Output& out, Run& run) {
    if (settings_.format == Format::line_protocol) {
      return add_lines(text, PointOrigin::here, settings_.shown, out, run.report);
    }
    JsonSource source{settings_.shown, settings_.separator, {}, settings_.integers};
    if (clock_.wall_is_set()) source.now_ns = to_ns(clock_.wall());
    if (settings_.mode == Mode::once) return add_json(text, source, out, run.report);
    // One object a line.
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(text.size(), end + 1));
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      add_json(line, source, out, run.report);
    }
  }

  void log_complaints(const std::string& text) const {
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (end > 0) log::notice(settings_.shown + ": " + std::string(rest.substr(0, end)));
      rest.remove_prefix(std::min(rest.size(), end + 1));
    }
    if (text.size() >= kMostComplaint) log::notice(settings_.shown + ": (and more)");
  }

  const ExecSettings settings_;
  const Clock& clock_;
  // Of mode keep.
  std::unique_ptr<Program> program_;
  std::string partial_;  // a line whose end has not come
  BootTime started_at_{}, next_start_{};
  int failures_ = 0;
  std::int64_t starts_ = 0;
  Error last_error_{ErrorKind::unavailable, ""};
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  auto settings = read_exec_settings(options, environment.equipment);
  if (!settings) return settings.error();
  return std::unique_ptr<Driver>(std::make_unique<ExecDriver>(std::move(*settings), environment.clock));
}

}  // namespace

}  // namespace exec

const DriverInfo kExecDriver = {
    .name = "exec",
    .summary = "Any program, in any language: it prints line protocol, JSON, or what a Nagios plugin prints.",
    .options = exec::kExecOptions,
    .metrics = exec::kMetrics,
    .named_metrics = "Those that the program prints, by its names.",
    .may_block = true,
    .decides_availability = true,
    .series = exec::series_of,
    .make = exec::make};

}  // namespace vigile
