// SPDX-License-Identifier: Apache-2.0
#include "drivers/modbus/modbus_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "drivers/modbus/register_address.h"
#include "drivers/scale/scale.h"

namespace vigile::modbus {

namespace {

constexpr std::array<std::string_view, 3> kParities = {"none", "even", "odd"};
constexpr std::array<std::string_view, 2> kNumberings = {"protocol", "reference"};  // as Numbering
constexpr std::array<std::string_view, 4> kOrders = {"ABCD", "CDAB", "BADC", "DCBA"};
constexpr std::array<std::string_view, 4> kKinds = {"coil", "discrete", "holding", "input"};  // as Kind
constexpr std::array<std::string_view, 10> kTypes = {                                         // as Type
    "bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "text"};

constexpr std::array kColumns = {
    OptionSpec{.name = "name", .help = "Name of the metric.", .required = true},
    OptionSpec{.name = "address",
               .help = "100, 0x64, 64h: from 0, as in the protocol; 400101, 4x0101: from 1, with the table.",
               .required = true},
    OptionSpec{.name = "kind",
               .type = OptionType::choice,
               .help = "Table: coil, discrete, holding, input; the address's, or holding, if absent.",
               .choices = kKinds},
    OptionSpec{.name = "type",
               .type = OptionType::choice,
               .help = "bool, int16 … float64, text; bool for bits and uint16 for registers if absent.",
               .choices = kTypes},
    OptionSpec{.name = "length",
               .type = OptionType::integer,
               .help = "Registers of a text, two characters each.",
               .min = 1,
               .max = kMostWords},
    OptionSpec{.name = "order",
               .type = OptionType::choice,
               .help = "As the option order, for this entry.",
               .choices = kOrders},
    kScaleOption,
    kOffsetOption,
    OptionSpec{.name = "bit",
               .type = OptionType::integer,
               .help = "Lowest bit of a bit field, from 0; of an integer type.",
               .min = 0,
               .max = 63},
    OptionSpec{.name = "bits",
               .type = OptionType::integer,
               .help = "Width of the bit field; 1 gives a bool.",
               .fallback = "1",
               .min = 1,
               .max = 63},
    kNotAvailableOption,
    kUnitOption,
    OptionSpec{.name = "unit_id",
               .type = OptionType::integer,
               .help = "As the option unit_id, for this entry.",
               .min = 0,
               .max = 255},
};

constexpr std::array kOptions = {
    OptionSpec{.name = "address",
               .help = "tcp://host:502, rtu:///dev/ttyUSB0, or rtu+tcp://host:4001: RTU frames over TCP.",
               .required = true},
    OptionSpec{.name = "unit_id",
               .type = OptionType::integer,
               .help = "Unit (slave) on the line or behind the gateway: 1 to 247; over TCP also 0 and 255.",
               .fallback = "1",
               .min = 0,
               .max = 255},
    OptionSpec{.name = "registers",
               .type = OptionType::rows,
               .help = "What to read.",
               .required = true,
               .columns = kColumns},
    OptionSpec{.name = "numbering",
               .type = OptionType::choice,
               .help = "What 40001 is: protocol, that address from 0; reference, the first holding register.",
               .fallback = "protocol",
               .choices = kNumberings},
    OptionSpec{.name = "not_available",
               .type = OptionType::list,
               .help = "As registers[].not_available, for all registers without their own: sunspec.",
               .or_one = true},
    OptionSpec{.name = "order",
               .type = OptionType::choice,
               .help = "Bytes of 32 bits as they come: ABCD (big-endian), CDAB (low word first), BADC, DCBA.",
               .fallback = "ABCD",
               .choices = kOrders},
    OptionSpec{.name = "timeout",
               .type = OptionType::duration,
               .help = "No answer after this long, to a request or to connecting.",
               .fallback = "1s",
               .min = 0.001,
               .max = 60},
    OptionSpec{.name = "retries",
               .type = OptionType::integer,
               .help = "Ask again this often when an answer is missing or damaged.",
               .fallback = "1",
               .min = 0,
               .max = 10},
    OptionSpec{.name = "delay",
               .type = OptionType::duration,
               .help = "Silence on the line before each request, for slow devices.",
               .fallback = "0s",
               .max = 10},
    OptionSpec{.name = "max_gap",
               .type = OptionType::integer,
               .help = "Read over up to this many unused addresses rather than ask twice.",
               .fallback = "8",
               .min = 0,
               .max = 2000},
    OptionSpec{.name = "max_registers",
               .type = OptionType::integer,
               .help = "Most registers that the device answers at once.",
               .fallback = "125",
               .min = 1,
               .max = kMostWords},
    OptionSpec{.name = "baud",
               .type = OptionType::integer,
               .help = "Serial line: bits a second.",
               .fallback = "19200",
               .min = 110,
               .max = 4000000},
    OptionSpec{.name = "parity",
               .type = OptionType::choice,
               .help = "Serial line: none, even or odd.",
               .fallback = "even",
               .choices = kParities},
    OptionSpec{.name = "data_bits",
               .type = OptionType::integer,
               .help = "Serial line: 7 or 8.",
               .fallback = "8",
               .min = 7,
               .max = 8},
    OptionSpec{.name = "stop_bits",
               .type = OptionType::integer,
               .help = "Serial line: 1 or 2.",
               .fallback = "1",
               .min = 1,
               .max = 2},
    OptionSpec{.name = "rs485",
               .type = OptionType::boolean,
               .help = "Serial line: let the kernel switch the transmitter (TIOCSRS485).",
               .fallback = "false"},
};

constexpr std::size_t kLongestName = 100;
constexpr std::size_t kMostRegisters = 10'000;

template <class Enum, std::size_t N>
Enum chosen(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto at = std::find(names.begin(), names.end(), name) - names.begin();
  return static_cast<Enum>(at);
}

Error bad(const std::string& name, const std::string& what) {
  return Error{ErrorKind::config, "registers: \"" + name.substr(0, kLongestName) + "\": " + what};
}

Result<void> check_unit(const LineAddress& line, std::int64_t unit, const std::string& where) {
  if (unit >= 1 && unit <= 247) return {};
  const bool has_rtu_frames = line.is_serial() || line.is_rtu_over_tcp;
  if (!has_rtu_frames && (unit == 0 || unit == 255)) return {};
  const std::string possible = has_rtu_frames ? "1 to 247" : "0 to 247, or 255";
  return Error{ErrorKind::config, where + "unit_id: " + std::to_string(unit) + " is not " + possible};
}

Result<Register> read_register(const Options& row, const Options& all, const LineAddress& line) {
  Register one;
  one.name = row.text("name");
  if (one.name.empty() || one.name.size() > kLongestName)
    return bad(one.name, "a name has 1 to " + std::to_string(kLongestName) + " bytes");
  if (is_own_metric(one.name)) return bad(one.name, "is the name of a metric that the driver itself has");
  const auto unit = row.has("unit_id") ? row.integer("unit_id") : all.integer("unit_id");
  if (auto checked = check_unit(line, unit, row.has("unit_id") ? "registers: \"" + one.name + "\": " : "");
      !checked) {
    return checked.error();
  }
  one.unit_id = static_cast<int>(unit);
  const auto at =
      parse_register_address(row.text("address"), chosen<Numbering>(kNumberings, all.text("numbering")));
  if (!at) return bad(one.name, at.error().message);
  one.kind = row.has("kind") ? chosen<Kind>(kKinds, row.text("kind")) : at->kind.value_or(Kind::holding);
  if (at->kind && *at->kind != one.kind) {
    return bad(one.name, "\"" + row.text("address") + "\" is of the table " +
                             std::string(to_string(*at->kind)) + ", not " + row.text("kind"));
  }
  one.type = has_bits(one.kind) ? Type::boolean : Type::uint16;
  if (row.has("type")) one.type = chosen<Type>(kTypes, row.text("type"));
  if (has_bits(one.kind) && one.type != Type::boolean)
    return bad(one.name, "a " + std::string(to_string(one.kind)) + " is a bool");
  if ((one.type == Type::text) != row.has("length"))
    return bad(one.name, one.type == Type::text ? "a text needs a length" : "only a text has a length");
  one.address = at->address;
  one.count = one.type == Type::text ? static_cast<int>(row.integer("length")) : words_of(one.type);
  if (one.address + one.count > 65536) return bad(one.name, "reaches past address 65535");
  if (!has_bits(one.kind) && one.count > all.integer("max_registers"))
    return bad(one.name, "is longer than max_registers");
  const std::string& order = row.has("order") ? row.text("order") : all.text("order");
  one.swap_words = order == "CDAB" || order == "DCBA";
  one.swap_bytes = order == "BADC" || order == "DCBA";
  one.scale = row.number("scale");
  one.offset = row.number("offset");
  if (one.scale == 0) return bad(one.name, "a scale of 0 leaves nothing");
  if (has_bits(one.kind) && row.has("not_available"))
    return bad(one.name, "a bit has no code for not_available");
  if (!has_bits(one.kind)) {
    auto codes = read_not_available(row.has("not_available") ? row : all, raw_form(one.type));
    if (!codes) return bad(one.name, codes.error().message);
    one.not_available = std::move(*codes);
  }
  one.bits = static_cast<int>(row.integer("bits"));
  const bool is_scaled = one.scale != 1 || one.offset != 0;
  if (row.has("bit")) {
    one.bit = static_cast<int>(row.integer("bit"));
    const bool has_fields = one.type != Type::text && one.type != Type::float32 && one.type != Type::float64;
    if (has_bits(one.kind) || !has_fields)
      return bad(one.name, "a bit field needs a register of an integer type");
    if (*one.bit + one.bits > 16 * one.count)
      return bad(one.name, "the bit field reaches past its " + std::to_string(16 * one.count) + " bits");
  } else if (one.bits != 1) {
    return bad(one.name, "bits needs bit");
  }
  const bool is_number = one.type != Type::text && one.type != Type::boolean && !(one.bit && one.bits == 1);
  if (is_scaled && !is_number) return bad(one.name, "only numbers have scale and offset");
  return one;
}

}  // namespace

std::span<const OptionSpec> option_table() {
  return kOptions;
}

bool is_own_metric(std::string_view name) {
  return name == "response_time" || name == "modbus_requests" || name == "modbus_errors" ||
         name == "modbus_not_available" || name == "requests" || name == "errors" || name == kLeftOutField;
}

Result<LineAddress> parse_line_address(std::string_view text) {
  constexpr std::string_view kTcp = "tcp://";
  constexpr std::string_view kRtu = "rtu://";
  constexpr std::string_view kRtuOverTcp = "rtu+tcp://";
  const std::string right = "is not like tcp://host:502, rtu+tcp://host:4001 or rtu:///dev/ttyUSB0";
  const Error wrong{ErrorKind::config, "address: \"" + std::string(text.substr(0, 200)) + "\" " + right};
  if (text.size() > 200 || std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; }))
    return Error{ErrorKind::config, "address: " + right};
  LineAddress line;
  line.shown = text;
  if (text.starts_with(kRtu)) {
    line.device = text.substr(kRtu.size());
    if (!line.device.starts_with('/') || line.device.ends_with('/')) return wrong;
    return line;
  }
  line.is_rtu_over_tcp = text.starts_with(kRtuOverTcp);
  if (!line.is_rtu_over_tcp && !text.starts_with(kTcp)) return wrong;
  std::string_view rest = text.substr(line.is_rtu_over_tcp ? kRtuOverTcp.size() : kTcp.size());
  std::string_view port = line.is_rtu_over_tcp ? "" : "502";  // device servers have no usual port
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return wrong;
    line.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return wrong;
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const std::size_t colon = rest.find(':');
    line.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon + 1);
  }
  unsigned number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (line.host.empty() || line.host.find('/') != std::string::npos || parsed.ec != std::errc() ||
      parsed.ptr != port.data() + port.size() || number < 1 || number > 65535) {
    return wrong;
  }
  line.port = static_cast<std::uint16_t>(number);
  return line;
}

Result<ModbusSettings> read_settings(const Options& options) {
  ModbusSettings settings;
  auto line = parse_line_address(options.text("address"));
  if (!line) return line.error();
  settings.line = std::move(*line);
  if (settings.line.is_serial()) {
    settings.line.baud = static_cast<int>(options.integer("baud"));
    const std::string& parity = options.text("parity");
    settings.line.parity = parity == "none" ? 'N' : parity == "odd" ? 'O' : 'E';
    settings.line.data_bits = static_cast<int>(options.integer("data_bits"));
    settings.line.stop_bits = static_cast<int>(options.integer("stop_bits"));
    settings.line.rs485 = options.flag("rs485");
  }
  settings.timeout = options.duration("timeout");
  settings.delay = options.duration("delay");
  settings.retries = static_cast<int>(options.integer("retries"));
  settings.limits.max_gap = static_cast<int>(options.integer("max_gap"));
  settings.limits.max_words = static_cast<int>(options.integer("max_registers"));
  const auto& rows = options.rows("registers");
  if (rows.empty()) return Error{ErrorKind::config, "registers: must not be empty"};
  if (rows.size() > kMostRegisters) return Error{ErrorKind::config, "registers: more than 10000 entries"};
  std::set<std::pair<int, std::string>> names;
  for (const Options& row : rows) {
    auto one = read_register(row, options, settings.line);
    if (!one) return one.error();
    if (!names.emplace(one->unit_id, one->name).second)
      return bad(one->name, "is there twice for unit_id " + std::to_string(one->unit_id));
    settings.registers.push_back(std::move(*one));
  }
  return settings;
}

}  // namespace vigile::modbus
