// SPDX-License-Identifier: Apache-2.0
#include "drivers/gpio/gpio.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <vector>

#include "drivers/gpio/gpio_driver.h"
#include "drivers/scale/scale.h"

namespace vigile {

namespace gpio {

namespace {

constexpr std::array<std::string_view, 4> kBiases = {"as_is", "pull_up", "pull_down", "disabled"};  // as Bias
constexpr std::array<std::string_view, 4> kCounts = {"none", "rising", "falling", "both"};  // as Count

constexpr std::array kColumns = {
    OptionSpec{.name = "name", .help = "Name of the metric.", .required = true},
    OptionSpec{
        .name = "line", .help = "Offset in the chip (17), or name of the line (GPIO17).", .required = true},
    OptionSpec{.name = "chip", .help = "As the option chip, for this line."},
    OptionSpec{.name = "active_low",
               .type = OptionType::boolean,
               .help = "A low level counts as true.",
               .fallback = "false"},
    OptionSpec{.name = "bias",
               .type = OptionType::choice,
               .help = "as_is, pull_up, pull_down, disabled.",
               .fallback = "as_is",
               .choices = kBiases},
    OptionSpec{.name = "count",
               .type = OptionType::choice,
               .help = "Edges to count instead of the level: none, rising, falling, both.",
               .fallback = "none",
               .choices = kCounts},
    OptionSpec{.name = "debounce",
               .type = OptionType::duration,
               .help = "An edge so soon after a counted one does not count.",
               .fallback = "0s",
               .max = 10},
    OptionSpec{.name = "scale",
               .type = OptionType::number,
               .help = "What one pulse stands for: 0.001 kWh.",
               .fallback = "1"},
    OptionSpec{.name = "unit", .help = "Unit of the value, for who reads this file: kWh, m³."},
};

constexpr std::array kOptions = {
    OptionSpec{.name = "chip", .help = "The chip: gpiochip0, or its label.", .fallback = "gpiochip0"},
    OptionSpec{.name = "lines",
               .type = OptionType::rows,
               .help = "The inputs.",
               .required = true,
               .columns = kColumns},
    OptionSpec{.name = "listen",
               .type = OptionType::duration,
               .help = "Take pulses as they come for so long in each run; for more than 16 an interval. Less "
                       "than every.",
               .fallback = "0s",
               .max = 60},
};

constexpr std::array kMetrics = {
    MetricSpec{"gpio_overflows", "overflows", "int", "1",
               "runs in which the kernel's 16 places for edges were full: some were lost"},
};

constexpr int kKernelPlaces = 16;  // for edges of a line, linux/gpio.h, first version
constexpr std::chrono::milliseconds kSlice{100};
constexpr std::size_t kMostEdges = 100'000;  // a run

template <class Enum, std::size_t N>
Enum chosen(const std::array<std::string_view, N>& names, std::string_view name) {
  return static_cast<Enum>(std::find(names.begin(), names.end(), name) - names.begin());
}

class GpioDriver final : public Driver {
 public:
  GpioDriver(std::vector<LineSettings> lines, std::chrono::nanoseconds listen, const Clock& clock,
             OpenLine open)
      : listen_(listen), clock_(clock), open_(std::move(open)) {
    for (LineSettings& settings : lines) inputs_.push_back({std::move(settings), nullptr, 0, 0, {}, {}});
  }

  Result<void> sample(const SampleContext& context, Output& out) override {
    std::optional<Error> first;
    const auto keep = [&](Input& input, Error error) {
      input.line.reset();  // opened again at the next run
      if (!first) first = std::move(error);
    };
    for (Input& input : inputs_) {
      if (input.line) continue;
      auto opened = open_(input.settings);
      if (!opened) {
        keep(input, opened.error());
        continue;
      }
      input.line = std::move(*opened);
    }
    const BootTime until = std::min(context.deadline, context.started + listen_);
    bool is_first = true;
    do {
      for (Input& input : inputs_) {
        if (!input.line || input.line->fd() < 0) continue;
        const auto taken = take_edges(input);
        if (!taken) {
          keep(input, taken.error());
        } else if (is_first && *taken >= kKernelPlaces) {
          ++overflows_;
        }
      }
      is_first = false;
    } while (wait(until, context.stop));
    emit(out, keep);
    if (first) return *first;
    return {};
  }

 private:
  struct Input {
    LineSettings settings;
    std::unique_ptr<Line> line;
    std::uint64_t count = 0;         // since the agent's start
    std::uint64_t count_before = 0;  // at the last run
    std::optional<std::int64_t> last_edge_ns;
    std::optional<BootTime> emitted_at;
  };

  static Result<int> take_edges(Input& input) {
    int taken = 0;
    for (std::size_t i = 0; i < kMostEdges; ++i) {
      const auto edge = input.line->next_edge_ns();
      if (!edge) return edge.error();
      if (!*edge) break;
      ++taken;
      if (input.last_edge_ns && **edge - *input.last_edge_ns < input.settings.debounce_ns) continue;
      input.last_edge_ns = **edge;
      ++input.count;
    }
    return taken;
  }

  // False: the time is over.
  bool wait(BootTime until, const std::stop_token& stop) const {
    if (stop.stop_requested()) return false;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock_.boot());
    if (left <= std::chrono::milliseconds(0)) return false;
    std::vector<pollfd> wanted;
    for (const Input& input : inputs_) {
      if (input.line && input.line->fd() >= 0) wanted.push_back({input.line->fd(), POLLIN, 0});
    }
    if (wanted.empty()) return false;
    ::poll(wanted.data(), wanted.size(), static_cast<int>(std::min(left, kSlice).count()));
    return true;
  }

  template <class Keep>
  void emit(Output& out, const Keep& keep) {
    const BootTime now = clock_.boot();
    for (Input& input : inputs_) {
      if (!input.line) continue;
      const std::string rate = input.settings.name + "_rate";
      std::array<Value, 2> values;
      std::size_t count = 0;
      if (input.line->fd() < 0) {
        const auto level = input.line->level();
        if (!level) {
          keep(input, level.error());
          continue;
        }
        values[count++] = {input.settings.name, input.settings.name, *level};
      } else {
        values[count++] = {input.settings.name, input.settings.name,
                           scaled(static_cast<double>(input.count), input.settings.scale, 0)};
        if (input.emitted_at && now > *input.emitted_at) {
          const double seconds = std::chrono::duration<double>(now - *input.emitted_at).count();
          values[count++] = {rate, rate,
                             scaled(static_cast<double>(input.count - input.count_before) / seconds,
                                    input.settings.scale, 0)};
        }
        input.emitted_at = now;
        input.count_before = input.count;
      }
      const std::array<Tag, 2> tags = {Tag{"chip", input.settings.chip}, Tag{"line", input.settings.line}};
      out.add({.measurement = "gpio", .tags = tags, .values = {values.data(), count}});
    }
    const Value value{kMetrics[0].name, kMetrics[0].field, overflows_};
    out.add({.measurement = "gpio", .values = {&value, 1}});
  }

  const std::chrono::nanoseconds listen_;
  const Clock& clock_;
  const OpenLine open_;
  std::vector<Input> inputs_;
  std::int64_t overflows_ = 0;
};

Error bad(const std::string& name, const std::string& what) {
  return Error{ErrorKind::config, "lines: \"" + name.substr(0, 100) + "\": " + what};
}

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  return make_gpio(options, environment, &open_line);
}

}  // namespace

Result<std::unique_ptr<Driver>> make_gpio(const Options& options, const DriverEnvironment& environment,
                                          OpenLine open) {
  std::vector<LineSettings> lines;
  for (const Options& row : options.rows("lines")) {
    LineSettings line;
    line.name = row.text("name");
    if (line.name.empty() || line.name.size() > 100) return bad(line.name, "a name has 1 to 100 bytes");
    if (line.name == "overflows" || line.name == "gpio_overflows")
      return bad(line.name, "is the name of a metric that the driver itself has");
    line.line = row.text("line");
    if (line.line.empty()) return bad(line.name, "line: 17, or its name");
    line.chip = row.has("chip") ? row.text("chip") : options.text("chip");
    line.is_active_low = row.flag("active_low");
    line.bias = chosen<LineSettings::Bias>(kBiases, row.text("bias"));
    line.count = chosen<LineSettings::Count>(kCounts, row.text("count"));
    line.debounce_ns = row.duration("debounce").count();
    line.scale = row.number("scale");
    if (line.scale == 0) return bad(line.name, "a scale of 0 leaves nothing");
    if (line.count == LineSettings::Count::none && (line.scale != 1 || line.debounce_ns != 0))
      return bad(line.name, "scale and debounce are for counted lines; say count: rising");
    for (const LineSettings& other : lines) {
      if (other.name == line.name) return bad(line.name, "is there twice");
      if (other.chip == line.chip && other.line == line.line)
        return bad(line.name, "reads the same line as " + other.name);
    }
    lines.push_back(std::move(line));
  }
  if (lines.empty()) return Error{ErrorKind::config, "lines: there must be one"};
  return std::unique_ptr<Driver>(std::make_unique<GpioDriver>(std::move(lines), options.duration("listen"),
                                                              environment.clock, std::move(open)));
}

}  // namespace gpio

const DriverInfo kGpioDriver = {
    .name = "gpio",
    .summary = "Levels of digital inputs, and pulses counted on them.",
    .options = gpio::kOptions,
    .metrics = gpio::kMetrics,
    .named_metrics =
        "Each entry of `lines` is one, by its name; a counted one also has <name>_rate, a second.",
    .named_by_rows = true,
    .may_block = true,
    .make = gpio::make};

}  // namespace vigile
