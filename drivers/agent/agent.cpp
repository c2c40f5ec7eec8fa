// SPDX-License-Identifier: Apache-2.0
#include "drivers/agent/agent.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/scan.h"

namespace vigile {

namespace {

// The first six are read here, the others come from the daemon.
constexpr std::array kMetrics = {
    MetricSpec{"agent_memory_resident", "memory_resident", "int", "bytes", "/proc/self/status, VmRSS"},
    MetricSpec{"agent_memory_private_dirty", "memory_private_dirty", "int", "bytes",
               "/proc/self/smaps_rollup, Private_Dirty"},
    MetricSpec{"agent_cpu_usage", "cpu_usage", "float", "percent",
               "/proc/self/stat, utime and stime, of one processor"},
    MetricSpec{"agent_threads", "threads", "int", "1", "/proc/self/stat, num_threads"},
    MetricSpec{"agent_open_files", "open_files", "int", "1", "/proc/self/fd, entries"},
    MetricSpec{"agent_written_bytes", "written_bytes", "int", "bytes",
               "/proc/self/io, write_bytes, since start"},
    MetricSpec{"agent_points_committed", "points_committed", "int", "1",
               "points committed to the log since start"},
    MetricSpec{"agent_points_waiting", "points_waiting", "int", "1", "points in memory, not committed yet"},
    MetricSpec{"agent_log_points", "log_points", "int", "1", "points held in the log"},
    MetricSpec{"agent_log_age", "log_age", "float", "s", "age of the oldest point held"},
    MetricSpec{"agent_log_size", "log_size", "int", "bytes", "database and WAL, as files"},
    MetricSpec{"agent_dropped_points", "dropped_points", "int", "1",
               "points lost to max_size or to full memory"},
    MetricSpec{"agent_unrecorded_points", "unrecorded_points", "int", "1",
               "points that all sinks had, and the log could not take"},
    MetricSpec{"agent_thinned_points", "thinned_points", "int", "1",
               "points that were thinned out to make room"},
    MetricSpec{"agent_loss_window", "loss_window", "float", "s",
               "readings of this long are lost when the power goes"},
    MetricSpec{"agent_dead_letters", "dead_letters", "int", "1", "lines that a sink refused for good"},
    MetricSpec{"agent_sink_lag_points", "sink_lag_points", "int", "1",
               "points that a sink has not acknowledged"},
    MetricSpec{"agent_sink_lag", "sink_lag", "float", "s", "age of the oldest of them"},
    MetricSpec{"agent_sink_delivered_points", "sink_delivered_points", "int", "1",
               "points acknowledged since start"},
    MetricSpec{"agent_sink_failures", "sink_failures", "int", "1", "requests that failed since start"},
    MetricSpec{"agent_driver_duration", "driver_duration", "float", "ms", "of a driver instance's last run"},
    MetricSpec{"agent_driver_errors", "driver_errors", "int", "1", "runs that failed since start"},
    MetricSpec{"agent_driver_late_ticks", "driver_late_ticks", "int", "1", "ticks missed since start"},
    MetricSpec{"agent_settings_serial", "settings_serial", "int", "1",
               "settings from the broker: those in force; 0: none"},
    MetricSpec{"agent_settings_failed_serial", "settings_failed_serial", "int", "1",
               "those taken back since; 0: none"},
};
enum Metric : std::size_t { kResident, kPrivateDirty, kCpuUsage, kThreads, kOpenFiles, kWritten };

class AgentDriver final : public Driver {
 public:
  explicit AgentDriver(const DriverEnvironment& environment)
      : stat_(environment.proc_root / "self/stat"),
        status_(environment.proc_root / "self/status"),
        smaps_(environment.proc_root / "self/smaps_rollup"),
        io_(environment.proc_root / "self/io"),
        files_((environment.proc_root / "self/fd").string()),
        figures_(environment.agent_figures) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto process = sample_process(context, out);
    if (figures_) add_figures(figures_(), out);
    return process;
  }

 private:
  Result<void> sample_process(const SampleContext& context, Output& out) {
    std::array<Value, kWritten + 1> values;
    std::size_t count = 0;
    const auto add = [&](Metric metric, Number number) {
      values[count++] = Value{kMetrics[metric].name, kMetrics[metric].field, number};
    };
    const auto add_keyed = [&](KernelFile& file, std::string_view key, Metric metric) {
      const auto text = file.read();  // some kernels are built without smaps or task I/O accounting
      const auto number = text ? keyed_number(*text, key) : std::nullopt;
      if (number) add(metric, static_cast<std::int64_t>(*number));
    };
    add_keyed(status_, "VmRSS", kResident);
    add_keyed(smaps_, "Private_Dirty", kPrivateDirty);
    add_keyed(io_, "write_bytes", kWritten);
    if (const auto files = list_folder(files_)) add(kOpenFiles, static_cast<std::int64_t>(files->size()));

    const auto text = stat_.read();
    const auto times = text ? parse_process_stat(*text, stat_.path()) : Result<ProcessTimes>(text.error());
    if (times) {
      add(kThreads, static_cast<std::int64_t>(times->threads));
      if (last_run_ && times->cpu_ticks >= last_ticks_ && context.started > *last_run_) {
        const double used =
            static_cast<double>(times->cpu_ticks - last_ticks_) / static_cast<double>(::sysconf(_SC_CLK_TCK));
        add(kCpuUsage,
            two_decimals(100 * used / std::chrono::duration<double>(context.started - *last_run_).count()));
      }
      last_run_ = context.started;
      last_ticks_ = times->cpu_ticks;
    }
    if (count > 0) out.add({.measurement = "vigile", .values = {values.data(), count}});
    if (!times) return times.error();
    return {};
  }

  // One sample a set of tags, in the order of their first figure.
  static void add_figures(const std::vector<AgentFigure>& figures, Output& out) {
    for (std::size_t begin = 0; begin < figures.size();) {
      std::vector<Value> values;
      std::size_t end = begin;
      for (; end < figures.size() && figures[end].tags == figures[begin].tags; ++end) {
        const AgentFigure& figure = figures[end];
        values.push_back({figure.metric, figure.field,
                          std::visit([](auto number) { return Number(number); }, figure.number)});
      }
      std::vector<Tag> tags;
      for (const auto& [key, value] : figures[begin].tags) tags.push_back({key, value});
      out.add({.measurement = "vigile", .tags = tags, .values = values});
      begin = end;
    }
  }

  KernelFile stat_;
  KernelFile status_;
  KernelFile smaps_;
  KernelFile io_;
  const std::string files_;
  const std::function<std::vector<AgentFigure>()> figures_;
  std::optional<BootTime> last_run_;
  std::uint64_t last_ticks_ = 0;
};

Result<std::unique_ptr<Driver>> make(const Options& /*options*/, const DriverEnvironment& environment) {
  return std::unique_ptr<Driver>(std::make_unique<AgentDriver>(environment));
}

}  // namespace

Result<ProcessTimes> parse_process_stat(std::string_view text, std::string_view file) {
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return parse_error(file, 1, "a command in parentheses", text);
  std::string_view rest = text.substr(name_end + 1);
  ProcessTimes times;
  // After the command: field 3 is the state; utime and stime are 14 and 15, num_threads is 20.
  for (int field = 3; field <= 20; ++field) {
    const std::string_view word = take_word(rest);
    if (field != 14 && field != 15 && field != 20) continue;
    const auto number = to_unsigned(word);
    if (!number) return parse_error(file, 1, "a number in field " + std::to_string(field), word);
    if (field == 20) {
      times.threads = *number;
    } else {
      times.cpu_ticks += *number;
    }
  }
  return times;
}

std::optional<std::uint64_t> keyed_number(std::string_view text, std::string_view key) {
  Lines lines(text);
  while (lines.next()) {
    std::string_view line = lines.line();
    if (!line.starts_with(key) || line.substr(key.size(), 1) != ":") continue;
    line.remove_prefix(key.size() + 1);
    const auto number = to_unsigned(take_word(line));
    if (!number || *number > (std::uint64_t{1} << 50)) return std::nullopt;
    return take_word(line) == "kB" ? *number * 1024 : *number;
  }
  return std::nullopt;
}

namespace {
constexpr std::string_view kMeasurements[] = {"vigile"};
}  // namespace

const DriverInfo kAgentDriver = {.name = "agent",
                                 .summary = "Vigile's own figures: points, log, sinks, drivers, memory, CPU.",
                                 .options = {},
                                 .metrics = kMetrics,
                                 .measurements = kMeasurements,
                                 .make = make};

}  // namespace vigile
