// SPDX-License-Identifier: Apache-2.0
#include "drivers/pressure/pressure.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/scan.h"

namespace vigile {

namespace {

constexpr std::array kOptions = {
    OptionSpec{.name = "resources",
               .type = OptionType::list,
               .help = "which of cpu, memory, io and irq",
               .fallback = "[cpu, memory, io]"},
};

constexpr std::array kMetrics = {
    MetricSpec{"pressure_avg10", "avg10", "float", "percent", "/proc/pressure/<resource>, avg10"},
    MetricSpec{"pressure_avg60", "avg60", "float", "percent", "/proc/pressure/<resource>, avg60"},
    MetricSpec{"pressure_avg300", "avg300", "float", "percent", "/proc/pressure/<resource>, avg300"},
    MetricSpec{"pressure_stalled", "stalled", "float", "percent",
               "/proc/pressure/<resource>, total: share of the time since the last run"},
};

struct Line {
  double averages[3] = {};
  std::uint64_t total_us = 0;
};

// "avg10=0.00 avg60=0.12 avg300=0.05 total=12345"
std::optional<Line> parse(std::string_view text) {
  Line line;
  constexpr std::string_view kNames[] = {"avg10=", "avg60=", "avg300="};
  for (std::size_t i = 0; i < 3; ++i) {
    std::string_view word = take_word(text);
    if (!word.starts_with(kNames[i])) return std::nullopt;
    const auto number = to_double(word.substr(kNames[i].size()));
    if (!number || *number < 0 || *number > 100) return std::nullopt;
    line.averages[i] = *number;
  }
  const std::string_view word = take_word(text);
  const auto total = word.starts_with("total=") ? to_unsigned(word.substr(6)) : std::nullopt;
  if (!total) return std::nullopt;
  line.total_us = *total;
  return line;
}

class PressureDriver final : public Driver {
 public:
  PressureDriver(const Options& options, const DriverEnvironment& environment) : clock_(environment.clock) {
    for (const std::string& name : options.list("resources"))
      resources_.push_back({name, KernelFile(environment.proc_root / "pressure" / name), {}, {}});
  }

  Result<void> sample(const SampleContext&, Output& out) override {
    std::optional<Error> first;
    for (Resource& resource : resources_) {
      if (const auto read = read_one(resource, out); !read && !first) first = read.error();
    }
    if (first) return *first;
    return {};
  }

 private:
  struct Resource {
    std::string name;
    KernelFile file;
    std::map<std::string, std::uint64_t, std::less<>> totals_us;
    std::optional<BootTime> read_at;
  };

  Result<void> read_one(Resource& resource, Output& out) {
    const auto text = resource.file.read();
    const BootTime now = clock_.boot();
    if (!text) {
      if (text.error().kind != ErrorKind::not_found && text.error().kind != ErrorKind::unavailable)
        return text.error();
      return Error{
          text.error().kind,
          text.error().message + "; the kernel has no pressure information, or wants psi=1 at its start"};
    }
    const double since_us =
        resource.read_at ? std::chrono::duration<double, std::micro>(now - *resource.read_at).count() : 0;
    Lines lines(*text);
    int count = 0;
    while (lines.next()) {
      std::string_view rest = lines.line();
      const std::string_view kind = take_word(rest);
      const auto line = kind == "some" || kind == "full" ? parse(rest) : std::nullopt;
      if (!line || !lines.is_whole())
        return parse_error(resource.file.path(), lines.number(),
                           "some or full avg10= avg60= avg300= total=", lines.line());
      emit(resource, kind, *line, since_us, out);
      ++count;
    }
    if (count == 0) return parse_error(resource.file.path(), 0, "a line that begins with some", *text);
    resource.read_at = now;
    return {};
  }

  static void emit(Resource& resource, std::string_view kind, const Line& line, double since_us,
                   Output& out) {
    std::array<Value, kMetrics.size()> values;
    std::size_t count = 0;
    for (; count < 3; ++count)
      values[count] = {kMetrics[count].name, kMetrics[count].field, line.averages[count]};
    const auto before = resource.totals_us.find(kind);
    if (before != resource.totals_us.end() && since_us > 0 && line.total_us >= before->second) {
      const double share = 100 * static_cast<double>(line.total_us - before->second) / since_us;
      values[count++] = {kMetrics[3].name, kMetrics[3].field, two_decimals(std::min(share, 100.0))};
    }
    resource.totals_us.insert_or_assign(std::string(kind), line.total_us);
    const std::array<Tag, 2> tags = {Tag{"kind", kind}, Tag{"resource", resource.name}};
    out.add({.measurement = "pressure", .tags = tags, .values = {values.data(), count}});
  }

  const Clock& clock_;
  std::vector<Resource> resources_;
};

Result<std::unique_ptr<Driver>> make_pressure(const Options& options, const DriverEnvironment& environment) {
  for (const std::string& name : options.list("resources")) {
    if (name != "cpu" && name != "memory" && name != "io" && name != "irq")
      return Error{ErrorKind::config,
                   "resources: \"" + name.substr(0, 40) + "\" is none of cpu, memory, io, irq"};
  }
  if (options.list("resources").empty()) return Error{ErrorKind::config, "resources: there must be one"};
  return std::unique_ptr<Driver>(std::make_unique<PressureDriver>(options, environment));
}

}  // namespace

const DriverInfo kPressureDriver = {
    .name = "pressure",
    .summary = "How long tasks were stalled for want of processor, memory or I/O (PSI).",
    .options = kOptions,
    .metrics = kMetrics,
    .make = make_pressure,
};

}  // namespace vigile
