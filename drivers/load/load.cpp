// SPDX-License-Identifier: Apache-2.0
#include "drivers/load/load.h"

#include <algorithm>
#include <array>

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/scan.h"

namespace vigile {

namespace {

constexpr std::array<MetricSpec, 7> kMetrics = {
    MetricSpec{"load1", "load1", "float", "1", "/proc/loadavg, over 1 minute"},
    MetricSpec{"load5", "load5", "float", "1", "/proc/loadavg, over 5 minutes"},
    MetricSpec{"load15", "load15", "float", "1", "/proc/loadavg, over 15 minutes"},
    MetricSpec{"load_per_cpu", "load_per_cpu", "float", "1", "load5 / processors online"},
    MetricSpec{"tasks_running", "tasks_running", "int", "1", "/proc/loadavg, runnable tasks"},
    MetricSpec{"tasks_total", "tasks_total", "int", "1", "/proc/loadavg, all tasks"},
    MetricSpec{"uptime", "uptime", "float", "s", "/proc/uptime, first number"},
};
enum Metric : std::size_t { kLoad1, kLoad5, kLoad15, kPerCpu, kRunning, kTotal, kUptime };

constexpr std::uint64_t kMostCpus = 1 << 20;
constexpr std::size_t kBufferBytes = 1024;

class LoadDriver final : public Driver {
 public:
  explicit LoadDriver(const DriverEnvironment& environment)
      : loadavg_(environment.proc_root / "loadavg"),
        uptime_(environment.proc_root / "uptime"),
        online_(environment.sys_root / "devices/system/cpu/online") {}

  Result<void> sample(const SampleContext& /*context*/, Output& out) override {
    std::array<Value, kMetrics.size()> values;
    std::size_t count = 0;
    const auto add = [&](Metric metric, Number number) {
      values[count++] = Value{kMetrics[metric].name, kMetrics[metric].field, number};
    };
    const auto load = read_load();
    if (load) {
      add(kLoad1, load->one);
      add(kLoad5, load->five);
      add(kLoad15, load->fifteen);
      if (const auto cpus = cpus_online()) {
        add(kPerCpu, two_decimals(load->five / static_cast<double>(*cpus)));
      }
      add(kRunning, static_cast<std::int64_t>(load->tasks_running));
      add(kTotal, static_cast<std::int64_t>(load->tasks_total));
    }
    const auto uptime = read_uptime();
    if (uptime) add(kUptime, *uptime);
    if (count > 0) out.add({.measurement = "load", .values = {values.data(), count}});
    if (!load) return load.error();
    if (!uptime) return uptime.error();
    return {};
  }

 private:
  Result<LoadAverages> read_load() {
    char buffer[kBufferBytes];
    const auto text = read_attribute(loadavg_.c_str(), buffer, sizeof buffer);
    if (!text) return text.error();
    return parse_loadavg(*text, loadavg_.native());
  }

  Result<double> read_uptime() {
    char buffer[kBufferBytes];
    const auto text = read_attribute(uptime_.c_str(), buffer, sizeof buffer);
    if (!text) return text.error();
    return parse_uptime(*text, uptime_.native());
  }

  // A kernel without it only costs us load_per_cpu.
  std::optional<std::uint64_t> cpus_online() {
    char buffer[kBufferBytes];
    const auto text = read_attribute(online_.c_str(), buffer, sizeof buffer);
    return text ? count_cpu_list(*text) : std::nullopt;
  }

  const std::filesystem::path loadavg_;
  const std::filesystem::path uptime_;
  const std::filesystem::path online_;
};

Result<std::unique_ptr<Driver>> make_load(const Options& /*options*/, const DriverEnvironment& environment) {
  return std::unique_ptr<Driver>(std::make_unique<LoadDriver>(environment));
}

}  // namespace

const DriverInfo kLoadDriver = {
    .name = "load",
    .summary = "Load averages, number of tasks and time since boot.",
    .options = {},
    .metrics = kMetrics,
    .make = make_load,
};

Result<LoadAverages> parse_loadavg(std::string_view text, std::string_view file) {
  const auto bad = [&] {
    return parse_error(file, 0, "three averages, <running>/<all> tasks and a process id", text);
  };
  std::string_view rest = text;
  LoadAverages load;
  for (double* const target : {&load.one, &load.five, &load.fifteen}) {
    const auto number = to_double(take_word(rest));
    if (!number || *number < 0) return bad();
    *target = *number;
  }
  const std::string_view tasks = take_word(rest);
  const std::size_t slash = tasks.find('/');
  if (slash == std::string_view::npos) return bad();
  const auto running = to_unsigned(tasks.substr(0, slash));
  const auto total = to_unsigned(tasks.substr(slash + 1));
  // The process id shows that the number before it is whole.
  if (!running || !total || !to_unsigned(take_word(rest))) return bad();
  load.tasks_running = *running;
  load.tasks_total = *total;
  return load;
}

Result<double> parse_uptime(std::string_view text, std::string_view file) {
  std::string_view rest = text;
  const auto uptime = to_double(take_word(rest));
  // The idle time behind it shows that the number is whole.
  if (!uptime || *uptime < 0 || take_word(rest).empty()) {
    return parse_error(file, 0, "seconds of uptime and of idling", text);
  }
  return *uptime;
}

std::optional<std::uint64_t> count_cpu_list(std::string_view list) {
  std::uint64_t count = 0;
  while (!list.empty()) {
    const std::string_view range = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), range.size() + 1));
    const std::size_t dash = range.find('-');
    const auto first = to_unsigned(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : to_unsigned(range.substr(dash + 1));
    if (!first || !last || *last < *first || *last >= kMostCpus) return std::nullopt;
    count += *last - *first + 1;
  }
  return count == 0 ? std::nullopt : std::optional(count);
}

}  // namespace vigile
