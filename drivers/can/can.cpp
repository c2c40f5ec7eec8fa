// SPDX-License-Identifier: Apache-2.0
#include "drivers/can/can.h"

#include <linux/can.h>
#include <linux/can/error.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "core/file.h"
#include "drivers/can/bus.h"
#include "drivers/can/can_driver.h"
#include "drivers/can/signal.h"
#include "drivers/kernel_text/name_filter.h"
#include "drivers/line_text/line_text.h"
#include "drivers/scale/scale.h"

namespace vigile {

namespace can {

namespace {

constexpr std::array<std::string_view, 2> kOrders = {"intel", "motorola"};
constexpr std::array<std::string_view, 4> kTypes = {"unsigned", "signed", "float32", "float64"};

constexpr std::array kColumns = {
    OptionSpec{.name = "name", .help = "Name of the metric.", .required = true},
    OptionSpec{.name = "id", .help = "Identifier of the frame: 0x18F, or decimal.", .required = true},
    OptionSpec{.name = "extended",
               .type = OptionType::boolean,
               .help = "The identifier has 29 bits.",
               .fallback = "false"},
    OptionSpec{.name = "start",
               .type = OptionType::integer,
               .help = "Start bit, as in DBC files.",
               .required = true,
               .min = 0,
               .max = 511},
    OptionSpec{.name = "length",
               .type = OptionType::integer,
               .help = "Bits.",
               .required = true,
               .min = 1,
               .max = 64},
    OptionSpec{.name = "order",
               .type = OptionType::choice,
               .help = "intel (start is the lowest bit) or motorola (the highest).",
               .fallback = "intel",
               .choices = kOrders},
    OptionSpec{.name = "type",
               .type = OptionType::choice,
               .help = "unsigned, signed, float32, float64.",
               .fallback = "unsigned",
               .choices = kTypes},
    kScaleOption,
    kOffsetOption,
    kUnitOption,
};

constexpr std::array kOptions = {
    OptionSpec{.name = "interface", .help = "The bus: can0; configured and up.", .required = true},
    OptionSpec{.name = "signals",
               .type = OptionType::rows,
               .help = "What to take out of which frames.",
               .columns = kColumns},
    OptionSpec{.name = "dbc", .help = "A DBC file; its signals are taken, too."},
    OptionSpec{.name = "dbc_signals",
               .type = OptionType::list,
               .help = "Names or patterns of those of the DBC file to take; all if absent."},
    OptionSpec{.name = "max_age",
               .type = OptionType::duration,
               .help = "A signal that did not come for so long is told; 0: none is.",
               .fallback = "0s",
               .max = 86400},
};

constexpr std::array kMetrics = {
    MetricSpec{"can_frames", "frames", "int", "1", "frames of this run with those identifiers"},
    MetricSpec{"can_bus_errors", "bus_errors", "int", "1", "error frames of this run, linux/can/error.h"},
    MetricSpec{"can_bus_off", "bus_off", "int", "1", "of them, those of a controller that went off the bus"},
    MetricSpec{"can_lost", "lost", "int", "1",
               "frames that the kernel had no room for, since the socket was opened"},
};

constexpr std::size_t kMostFrames = 100'000;  // a run
constexpr std::size_t kMostDbcBytes = std::size_t{8} << 20;

class CanDriver final : public Driver {
 public:
  CanDriver(CanSettings settings, const Clock& clock, OpenBus open)
      : settings_(std::move(settings)), clock_(clock), open_(std::move(open)) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto done = read_on(context, out);
    if (done) {
      out.availability(true, std::nullopt, "");
    } else {
      if (done.error().kind != ErrorKind::timeout) bus_.reset();
      out.availability(false, std::nullopt, done.error().message);
    }
    return done;
  }

 private:
  struct State {
    const Signal* signal;
    std::optional<double> value;  // of this run
    BootTime seen{};
  };

  Result<void> read_on(const SampleContext& context, Output& out) {
    if (states_.empty()) {
      // No I/O before the first run: the file of a site may come later than its settings.
      if (auto read = read_dbc(); !read) return read;
      for (const Signal& signal : settings_.signals) {
        by_id_[key_of(signal.id, signal.is_extended)].push_back(states_.size());
        states_.push_back({&signal, {}, clock_.boot()});
      }
      if (states_.empty())
        return Error{ErrorKind::config, "dbc_signals: no signal of " + settings_.dbc + " matches"};
    }
    if (!bus_) {
      std::vector<std::uint32_t> ids;
      for (const auto& [id, states] : by_id_) ids.push_back(id);
      auto opened = open_(settings_.interface, ids);
      if (!opened) return opened.error();
      bus_ = std::move(*opened);
    }
    for (State& state : states_) state.value.reset();
    std::int64_t frames = 0, errors = 0, bus_offs = 0;
    const BootTime enough = context.started + (context.deadline - context.started) / 2;
    Frame frame;
    for (std::size_t i = 0; i < kMostFrames; ++i) {
      if (i % 256 == 255 && (clock_.boot() >= enough || context.stop.stop_requested())) break;
      const auto got = bus_->read(frame);
      if (!got) return got.error();
      if (!*got) break;
      if (frame.is_error) {
        ++errors;
        if ((frame.id & CAN_ERR_BUSOFF) != 0) ++bus_offs;
        continue;
      }
      const auto known = by_id_.find(key_of(frame.id, frame.is_extended));
      if (known == by_id_.end()) continue;
      ++frames;
      for (const std::size_t at : known->second) take(states_[at], frame);
    }
    emit(frames, errors, bus_offs, out);
    return late();
  }

  static std::uint32_t key_of(std::uint32_t id, bool is_extended) {
    return is_extended ? id | CAN_EFF_FLAG : id;
  }

  // The newest of the run counts.
  void take(State& state, const Frame& frame) {
    const auto value = value_of(*state.signal, std::span(frame.data.data(), frame.size));
    if (!value) return;
    state.value = value;
    state.seen = clock_.boot();
  }

  Result<void> read_dbc() {
    if (settings_.dbc.empty()) return {};
    const auto text = read_file(settings_.dbc, kMostDbcBytes);
    if (!text) return text.error();
    auto signals = parse_dbc(*text, settings_.dbc);
    if (!signals) return signals.error();
    for (Signal& signal : *signals) {
      if (settings_.dbc_signals.accepts(signal.name)) settings_.signals.push_back(std::move(signal));
    }
    return {};
  }

  void emit(std::int64_t frames, std::int64_t errors, std::int64_t bus_offs, Output& out) const {
    std::vector<Value> values;
    const Tag tag{"interface", settings_.interface};
    // One sample an identifier: two messages may each have a signal of the same name.
    for (const auto& [id, states] : by_id_) {
      values.clear();
      for (const std::size_t at : states) {
        const State& state = states_[at];
        if (state.value) values.push_back({state.signal->name, state.signal->name, *state.value});
      }
      if (values.empty()) continue;
      char text[16];
      const auto end = std::to_chars(text, text + sizeof text, id & ~CAN_EFF_FLAG, 16);
      const std::array<Tag, 2> tags = {
          Tag{"id", std::string_view(text, static_cast<std::size_t>(end.ptr - text))}, tag};
      out.add({.measurement = "can", .tags = tags, .values = values});
    }
    values = {{kMetrics[0].name, kMetrics[0].field, frames},
              {kMetrics[1].name, kMetrics[1].field, errors},
              {kMetrics[2].name, kMetrics[2].field, bus_offs},
              {kMetrics[3].name, kMetrics[3].field, static_cast<std::int64_t>(bus_->lost())}};
    out.add({.measurement = "can", .tags = {&tag, 1}, .values = values});
  }

  Result<void> late() const {
    if (settings_.max_age.count() == 0) return {};
    const BootTime now = clock_.boot();
    std::size_t count = 0;
    const State* first = nullptr;
    for (const State& state : states_) {
      if (now - state.seen <= settings_.max_age) continue;
      ++count;
      if (first == nullptr) first = &state;
    }
    if (first == nullptr) return {};
    return Error{ErrorKind::timeout,
                 settings_.interface + ": " + first->signal->name + " did not come for longer than max_age" +
                     (count > 1 ? " (and " + std::to_string(count - 1) + " more signals)" : "")};
  }

  CanSettings settings_;
  const Clock& clock_;
  const OpenBus open_;
  std::unique_ptr<Bus> bus_;
  std::vector<State> states_;
  std::map<std::uint32_t, std::vector<std::size_t>> by_id_;
};

Error bad(const std::string& name, const std::string& what) {
  return Error{ErrorKind::config, "signals: \"" + name.substr(0, 100) + "\": " + what};
}

Result<Signal> read_signal(const Options& row) {
  Signal signal;
  signal.name = row.text("name");
  if (signal.name.empty() || signal.name.size() > 100) return bad(signal.name, "a name has 1 to 100 bytes");
  for (const MetricSpec& own : kMetrics) {
    if (own.name == signal.name || own.field == signal.name)
      return bad(signal.name, "is the name of a metric that the driver itself has");
  }
  const std::string& id = row.text("id");
  const bool is_hex = id.starts_with("0x") || id.starts_with("0X");
  const auto parsed =
      std::from_chars(id.data() + (is_hex ? 2 : 0), id.data() + id.size(), signal.id, is_hex ? 16 : 10);
  signal.is_extended = row.flag("extended");
  if (parsed.ec != std::errc() || parsed.ptr != id.data() + id.size() ||
      signal.id > (signal.is_extended ? CAN_EFF_MASK : CAN_SFF_MASK))
    return bad(signal.name,
               "id: " + shown_text(id) + " is not an identifier of " +
                   (signal.is_extended ? "29 bits" : "11 bits, as 0x18F; one of 29 says extended: true"));
  signal.start = static_cast<int>(row.integer("start"));
  signal.length = static_cast<int>(row.integer("length"));
  signal.is_big_endian = row.text("order") == "motorola";
  if (!fits(signal.start, signal.length, signal.is_big_endian, 64))
    return bad(signal.name, "reaches past the 64 bytes of a frame");
  const std::string& type = row.text("type");
  signal.is_signed = type == "signed";
  if (type == "float32") signal.kind = Signal::Kind::float32;
  if (type == "float64") signal.kind = Signal::Kind::float64;
  const int needed = signal.kind == Signal::Kind::float32   ? 32
                     : signal.kind == Signal::Kind::float64 ? 64
                                                            : signal.length;
  if (signal.length != needed) return bad(signal.name, type + " has " + std::to_string(needed) + " bits");
  signal.scale = row.number("scale");
  signal.offset = row.number("offset");
  if (signal.scale == 0) return bad(signal.name, "a scale of 0 leaves nothing");
  return signal;
}

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  return make_can(options, environment, &Bus::open);
}

}  // namespace

Result<std::unique_ptr<Driver>> make_can(const Options& options, const DriverEnvironment& environment,
                                         OpenBus open) {
  CanSettings settings{.interface = options.text("interface"),
                       .dbc_signals = NameFilter(options.list("dbc_signals"), {})};
  if (settings.interface.empty() || settings.interface.size() > 15)
    return Error{ErrorKind::config, "interface: " + shown_text(settings.interface) +
                                        " is not the name of an interface like can0"};
  for (const Options& row : options.rows("signals")) {
    auto signal = read_signal(row);
    if (!signal) return signal.error();
    settings.signals.push_back(std::move(*signal));
  }
  settings.dbc = options.text("dbc");
  if (settings.signals.empty() && settings.dbc.empty())
    return Error{ErrorKind::config, "signals: there must be one, or a DBC file"};
  if (settings.dbc.empty() && !options.list("dbc_signals").empty())
    return Error{ErrorKind::config, "dbc_signals: has no effect without dbc"};
  settings.max_age = options.duration("max_age");
  return std::unique_ptr<Driver>(
      std::make_unique<CanDriver>(std::move(settings), environment.clock, std::move(open)));
}

}  // namespace can

const DriverInfo kCanDriver = {
    .name = "can",
    .summary = "Signals out of the frames of a CAN bus, described here or by a DBC file.",
    .options = can::kOptions,
    .metrics = can::kMetrics,
    .named_metrics = "Each entry of `signals`, and each signal of the DBC file, is one, by its name.",
    .may_block = true,
    .decides_availability = true,
    .make = can::make};

}  // namespace vigile
