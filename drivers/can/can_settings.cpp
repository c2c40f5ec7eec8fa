// SPDX-License-Identifier: Apache-2.0
#include <linux/can.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/file.h"
#include "drivers/can/can_driver.h"
#include "drivers/line_text/line_text.h"
#include "drivers/scale/scale.h"

namespace vigile::can {

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
    kNotAvailableOption,
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
    OptionSpec{
        .name = "j1939",
        .type = OptionType::boolean,
        .help = "29 bits match by PGN, of any source; reserved values are none; else as the DBC file says."},
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
    MetricSpec{"can_not_available", kLeftOutField, "int", "1", kLeftOutSource},
};

constexpr std::size_t kMostDbcBytes = std::size_t{8} << 20;

Error bad(const std::string& name, const std::string& what) {
  return Error{ErrorKind::config, "signals: \"" + name.substr(0, 100) + "\": " + what};
}

Result<void> read_id(const Options& row, Signal& signal) {
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
  return {};
}

Result<Signal> read_signal(const Options& row) {
  Signal signal;
  signal.name = row.text("name");
  if (signal.name.empty() || signal.name.size() > 100) return bad(signal.name, "a name has 1 to 100 bytes");
  for (const MetricSpec& own : kMetrics) {
    if (own.name == signal.name || own.field == signal.name)
      return bad(signal.name, "is the name of a metric that the driver itself has");
  }
  if (auto read = read_id(row, signal); !read) return read.error();
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
  const bool is_real = signal.kind != Signal::Kind::integer;
  auto codes = read_not_available(row, {is_real ? RawForm::Kind::real : RawForm::Kind::whole, signal.length,
                                        signal.is_signed || is_real});
  if (!codes) return bad(signal.name, codes.error().message);
  signal.not_available = std::move(*codes);
  return signal;
}

// The same metric of the same frames.
bool is_same(const Signal& own, const Signal& of_file) {
  if (own.name != of_file.name || own.is_extended != of_file.is_extended) return false;
  const bool by_pgn = own.is_j1939 && of_file.is_j1939;
  return by_pgn ? pgn_of(own.id) == pgn_of(of_file.id) : own.id == of_file.id;
}

}  // namespace

std::span<const OptionSpec> option_table() {
  return kOptions;
}

std::span<const MetricSpec> metric_table() {
  return kMetrics;
}

Result<CanSettings> read_settings(const Options& options) {
  CanSettings settings{.interface = options.text("interface"),
                       .dbc_signals = NameFilter(options.list("dbc_signals"), {})};
  if (settings.interface.empty() || settings.interface.size() > 15)
    return Error{ErrorKind::config, "interface: " + shown_text(settings.interface) +
                                        " is not the name of an interface like can0"};
  if (options.has("j1939")) settings.j1939 = options.flag("j1939");
  for (const Options& row : options.rows("signals")) {
    auto signal = read_signal(row);
    if (!signal) return signal.error();
    signal->is_j1939 = signal->is_extended && settings.j1939.value_or(false);
    settings.signals.push_back(std::move(*signal));
  }
  settings.dbc = options.text("dbc");
  if (settings.signals.empty() && settings.dbc.empty())
    return Error{ErrorKind::config, "signals: there must be one, or a DBC file"};
  if (settings.dbc.empty() && !options.list("dbc_signals").empty())
    return Error{ErrorKind::config, "dbc_signals: has no effect without dbc"};
  settings.max_age = options.duration("max_age");
  return settings;
}

Result<std::vector<Signal>> read_signals(const CanSettings& settings, std::vector<Error>& left_out) {
  std::vector<Signal> signals = settings.signals;
  if (settings.dbc.empty()) return signals;
  const auto text = read_file(settings.dbc, kMostDbcBytes);
  if (!text) return text.error();
  auto read = parse_dbc(*text, settings.dbc, &left_out);
  if (!read) return read.error();
  for (Signal& signal : *read) {
    if (settings.j1939) signal.is_j1939 = signal.is_extended && *settings.j1939;
    const bool is_replaced = std::any_of(settings.signals.begin(), settings.signals.end(),
                                         [&](const Signal& own) { return is_same(own, signal); });
    if (is_replaced) continue;
    const bool is_wanted = settings.dbc_signals.accepts(signal.name) ||
                           (!signal.short_name.empty() && settings.dbc_signals.accepts(signal.short_name));
    if (is_wanted) signals.push_back(std::move(signal));
  }
  if (!signals.empty()) return signals;
  if (!read->empty())
    return Error{ErrorKind::config, "dbc_signals: no signal of " + settings.dbc + " matches"};
  return Error{ErrorKind::config,
               settings.dbc + ": holds no signal" +
                   (left_out.empty() ? ": is it a DBC file?" : "; " + left_out[0].message)};
}

}  // namespace vigile::can
