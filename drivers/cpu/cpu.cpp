// SPDX-License-Identifier: Apache-2.0
#include "drivers/cpu/cpu.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/scan.h"

namespace vigile {

namespace {

constexpr std::array<OptionSpec, 1> kOptions = {
    OptionSpec{.name = "per_core",
               .type = OptionType::boolean,
               .help = "also one series for each core, with tag core=<number>",
               .fallback = "false"},
};

// In the order in which the values are emitted.
constexpr std::array<MetricSpec, 14> kMetrics = {
    MetricSpec{"cpu_usage", "usage", "float", "percent", "/proc/stat, cpu lines: all but idle and iowait"},
    MetricSpec{"cpu_user", "user", "float", "percent", "/proc/stat, cpu lines, user"},
    MetricSpec{"cpu_nice", "nice", "float", "percent", "/proc/stat, cpu lines, nice"},
    MetricSpec{"cpu_system", "system", "float", "percent", "/proc/stat, cpu lines, system"},
    MetricSpec{"cpu_idle", "idle", "float", "percent", "/proc/stat, cpu lines, idle"},
    MetricSpec{"cpu_iowait", "iowait", "float", "percent", "/proc/stat, cpu lines, iowait"},
    MetricSpec{"cpu_irq", "irq", "float", "percent", "/proc/stat, cpu lines, irq"},
    MetricSpec{"cpu_softirq", "softirq", "float", "percent", "/proc/stat, cpu lines, softirq"},
    MetricSpec{"cpu_steal", "steal", "float", "percent", "/proc/stat, cpu lines, steal"},
    MetricSpec{"cpu_context_switches", "context_switches", "float", "1/s", "/proc/stat, ctxt"},
    MetricSpec{"cpu_interrupts", "interrupts", "float", "1/s", "/proc/stat, intr, first number"},
    MetricSpec{"cpu_forks", "forks", "float", "1/s", "/proc/stat, processes"},
    MetricSpec{"processes_running", "processes_running", "int", "1", "/proc/stat, procs_running"},
    MetricSpec{"processes_blocked", "processes_blocked", "int", "1", "/proc/stat, procs_blocked"},
};
constexpr std::size_t kFirstState = 1;
constexpr std::size_t kContextSwitches = 9;
constexpr std::size_t kInterrupts = 10;
constexpr std::size_t kForks = 11;
constexpr std::size_t kRunning = 12;
constexpr std::size_t kBlocked = 13;

constexpr std::size_t kFewestColumns = 4;  // up to Linux 2.4: user nice system idle
// How far a counter that may slip back does so, 3 s of the usual 100 ticks; more is a new start.
constexpr std::uint64_t kSlipTicks = 300;

bool may_slip_back(std::size_t state) {
  return state == static_cast<std::size_t>(CpuState::idle) ||
         state == static_cast<std::size_t>(CpuState::iowait) ||
         state == static_cast<std::size_t>(CpuState::steal);
}

// False when there are too few columns, or one is not a number.
bool parse_times(std::string_view columns, CpuTimes& out) {
  out = {};
  for (std::size_t i = 0; i < kCpuStates; ++i) {
    const std::string_view word = take_word(columns);
    if (word.empty()) return i >= kFewestColumns;
    const auto ticks = to_unsigned(word);
    if (!ticks) return false;
    out[i] = *ticks;
  }
  return true;
}

class Values {
 public:
  void add(std::size_t metric, Number number) {
    values_[count_++] = Value{kMetrics[metric].name, kMetrics[metric].field, number};
  }
  void add(const CpuShares& shares) {
    add(0, two_decimals(shares.usage));
    for (std::size_t i = 0; i < kCpuStates; ++i) add(kFirstState + i, two_decimals(shares.states[i]));
  }
  std::span<const Value> view() const { return {values_.data(), count_}; }

 private:
  std::array<Value, kMetrics.size()> values_;
  std::size_t count_ = 0;
};

class CpuDriver final : public Driver {
 public:
  CpuDriver(const Options& options, const DriverEnvironment& environment)
      : clock_(environment.clock),
        per_core_(options.flag("per_core")),
        file_(environment.proc_root / "stat") {}

  Result<void> sample(const SampleContext& /*context*/, Output& out) override {
    const auto text = file_.read();
    const BootTime now = clock_.boot();
    if (!text) return text.error();
    auto parsed = parse_proc_stat(*text, file_.path(), per_core_, stat_);
    emit_total(std::chrono::duration<double>(now - previous_time_).count(), out);
    if (per_core_) emit_cores(out);
    std::swap(stat_, previous_);
    previous_time_ = now;
    return parsed;
  }

 private:
  void emit_total(double seconds, Output& out) const {
    Values values;
    if (stat_.total && previous_.total) {
      if (const auto shares = cpu_shares(*previous_.total, *stat_.total)) values.add(*shares);
    }
    const auto add_rate = [&](std::size_t metric, std::optional<std::uint64_t> before,
                              std::optional<std::uint64_t> after) {
      if (!before || !after || *after < *before || seconds <= 0) return;
      values.add(metric, two_decimals(static_cast<double>(*after - *before) / seconds));
    };
    add_rate(kContextSwitches, previous_.context_switches, stat_.context_switches);
    add_rate(kInterrupts, previous_.interrupts, stat_.interrupts);
    add_rate(kForks, previous_.forks, stat_.forks);
    if (stat_.running) values.add(kRunning, static_cast<std::int64_t>(*stat_.running));
    if (stat_.blocked) values.add(kBlocked, static_cast<std::int64_t>(*stat_.blocked));
    if (!values.view().empty()) out.add({.measurement = "cpu", .values = values.view()});
  }

  void emit_cores(Output& out) const {
    for (std::size_t i = 0; i < stat_.cores.size(); ++i) {
      const CoreTimes& core = stat_.cores[i];
      const CoreTimes* const before = previous_core(core.core, i);
      if (before == nullptr) continue;
      const auto shares = cpu_shares(before->times, core.times);
      if (!shares) continue;
      Values values;
      values.add(*shares);
      char number[16];
      const char* const end = std::to_chars(number, number + sizeof number, core.core).ptr;
      const Tag tag{"core", std::string_view(number, static_cast<std::size_t>(end - number))};
      out.add({.measurement = "cpu", .tags = {&tag, 1}, .values = values.view()});
    }
  }

  // Cores come and go, but mostly stand where they stood.
  const CoreTimes* previous_core(std::uint32_t core, std::size_t likely) const {
    const auto& cores = previous_.cores;
    if (likely < cores.size() && cores[likely].core == core) return &cores[likely];
    const auto found =
        std::find_if(cores.begin(), cores.end(), [&](const CoreTimes& one) { return one.core == core; });
    return found == cores.end() ? nullptr : &*found;
  }

  const Clock& clock_;
  const bool per_core_;
  KernelFile file_;
  ProcStat stat_;
  ProcStat previous_;
  BootTime previous_time_;
};

Result<std::unique_ptr<Driver>> make_cpu(const Options& options, const DriverEnvironment& environment) {
  return std::unique_ptr<Driver>(std::make_unique<CpuDriver>(options, environment));
}

}  // namespace

const DriverInfo kCpuDriver = {
    .name = "cpu",
    .summary = "Share of time that the processors spend in each state, in total and for each core.",
    .options = kOptions,
    .metrics = kMetrics,
    .make = make_cpu,
};

Result<void> parse_proc_stat(std::string_view text, std::string_view file, bool per_core, ProcStat& out) {
  out.total.reset();
  out.cores.clear();
  out.interrupts = out.context_switches = out.forks = out.running = out.blocked = std::nullopt;

  Lines lines(text);
  while (lines.next()) {
    std::string_view rest = lines.line();
    const auto bad = [&](std::string_view expected) {
      return parse_error(file, lines.number(), expected, lines.line());
    };
    if (!lines.is_whole()) return bad("a whole line");
    const std::string_view key = take_word(rest);
    if (key.substr(0, 3) == "cpu") {
      CpuTimes times{};
      if (key.size() > 3 && !per_core) continue;
      if (!parse_times(rest, times)) return bad("at least 4 numbers of ticks");
      if (key.size() == 3) {
        out.total = times;
        continue;
      }
      const auto core = to_unsigned(key.substr(3));
      if (!core || *core > 0xffff'ffff) return bad("cpu and a number");
      out.cores.push_back({static_cast<std::uint32_t>(*core), times});
      continue;
    }
    std::optional<std::uint64_t>* const target = key == "intr"            ? &out.interrupts
                                                 : key == "ctxt"          ? &out.context_switches
                                                 : key == "processes"     ? &out.forks
                                                 : key == "procs_running" ? &out.running
                                                 : key == "procs_blocked" ? &out.blocked
                                                                          : nullptr;
    if (target == nullptr) continue;
    *target = to_unsigned(take_word(rest));
    if (!*target) return bad("a number after " + std::string(key));
  }
  if (!out.total) return parse_error(file, 0, "a line \"cpu …\"", text.substr(0, text.find('\n')));
  return {};
}

std::optional<CpuShares> cpu_shares(const CpuTimes& before, const CpuTimes& now) {
  std::array<double, kCpuStates> passed{};
  double total = 0;
  for (std::size_t i = 0; i < kCpuStates; ++i) {
    if (now[i] < before[i]) {
      if (!may_slip_back(i) || before[i] - now[i] > kSlipTicks) return std::nullopt;
      continue;
    }
    passed[i] = static_cast<double>(now[i] - before[i]);
    total += passed[i];
  }
  if (total <= 0) return std::nullopt;
  CpuShares shares;
  for (std::size_t i = 0; i < kCpuStates; ++i) shares.states[i] = 100 * passed[i] / total;
  const double resting =
      passed[static_cast<std::size_t>(CpuState::idle)] + passed[static_cast<std::size_t>(CpuState::iowait)];
  shares.usage = 100 * (total - resting) / total;
  return shares;
}

}  // namespace vigile
