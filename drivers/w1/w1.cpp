// SPDX-License-Identifier: Apache-2.0
#include "drivers/w1/w1.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/name_filter.h"
#include "drivers/kernel_text/scan.h"
#include "drivers/scale/not_available.h"
#include "drivers/scale/temperature_range.h"
#include "drivers/w1/w1_slave.h"

namespace vigile {

namespace {

constexpr std::array kOptions = {
    OptionSpec{.name = "devices",
               .type = OptionType::list,
               .help = "names or patterns of sensors (28-0316a2795d55); all thermometers, if absent",
               .fallback = ""},
    OptionSpec{.name = "exclude",
               .type = OptionType::list,
               .help = "names or patterns to leave out",
               .fallback = ""},
    OptionSpec{.name = "retries",
               .type = OptionType::integer,
               .help = "ask again this often when what comes is damaged, or no conversion took place",
               .fallback = "2",
               .min = 0,
               .max = 10},
    min_temperature_option("-55"),
    max_temperature_option("2000"),
};

constexpr std::array kMetrics = {
    MetricSpec{"w1_temperature", "temperature", "float", "°C", "/sys/bus/w1/devices/<sensor>/w1_slave, t="},
    MetricSpec{"w1_crc_errors", "crc_errors", "int", "1", "answers of this run whose checksum was wrong"},
    MetricSpec{"w1_power_on", "power_on", "int", "1",
               "answers of this run that were the value at power-on, 85 °C"},
    MetricSpec{"w1_not_available", kLeftOutField, "int", "1", kLeftOutSource},
};

bool is_thermometer(std::string_view name) {
  constexpr std::string_view kFamilies[] = {"10-", "22-", "28-", "3b-", "42-"};
  return std::any_of(std::begin(kFamilies), std::end(kFamilies),
                     [&](std::string_view family) { return name.starts_with(family); });
}

// 0x07ff: what a DS18B20 reads whose wires are broken. Of family 3b are thermocouples (MAX31850), too, which
// may well be as hot as that.
bool is_open_line(std::string_view name, double celsius) {
  return !name.starts_with("3b-") && is_missing_diode(celsius);
}

std::string shown_celsius(double celsius) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, celsius).ptr};
}

class W1Driver final : public Driver {
 public:
  W1Driver(const Options& options, const DriverEnvironment& environment)
      : clock_(environment.clock),
        filter_(options.list("devices"), options.list("exclude")),
        retries_(options.integer("retries")),
        range_(options),
        folder_((environment.sys_root / "bus/w1/devices").string()) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto names = list_folder(folder_);
    if (!names) return names.error();
    std::optional<Error> first;
    std::size_t found = 0;
    for (const std::string& name : *names) {
      if (!is_thermometer(name) || !filter_.accepts(name)) continue;
      ++found;
      if (context.stop.stop_requested()) return {};
      if (clock_.boot() >= context.deadline)
        return Error{ErrorKind::timeout,
                     folder_ + "/" + name + ": not read within the deadline; each takes up to a second"};
      if (const auto read = read_one(name, context, out); !read && !first) first = read.error();
    }
    if (const auto count = left_out_.end_run()) {
      const Value value{kMetrics.back().name, kMetrics.back().field, *count};
      out.add({.measurement = "w1", .values = {&value, 1}});
    }
    for (const std::string& wanted : filter_.chosen()) {
      if (is_plain_name(wanted) && std::find(names->begin(), names->end(), wanted) == names->end() && !first)
        first = Error{ErrorKind::not_found, folder_ + ": no sensor \"" + wanted + "\""};
    }
    if (first) return *first;
    if (found == 0)
      return Error{ErrorKind::not_found, folder_ + ": no thermometer (families 10, 22, 28, 3b, 42)"};
    return {};
  }

 private:
  Result<void> read_one(const std::string& name, const SampleContext& context, Output& out) {
    const std::string path = folder_ + "/" + name + "/w1_slave";
    std::int64_t crc_errors = 0, power_ons = 0;
    bool has_impossible = false;  // in the last answer
    std::optional<double> celsius;
    std::optional<Error> error;
    for (std::int64_t i = 0; i <= retries_ && !celsius; ++i) {
      if (i > 0 && (clock_.boot() >= context.deadline || context.stop.stop_requested())) break;
      char buffer[256];
      const auto text = read_attribute(path.c_str(), buffer, sizeof buffer);
      if (!text) return text.error();
      const auto answer = parse_w1_slave(*text, path);
      if (!answer) return answer.error();
      if (!answer->is_intact) {
        ++crc_errors;
        has_impossible = false;
        error = Error{ErrorKind::io, path + ": wrong checksum; the line may be disturbed, or too long"};
      } else if (answer->is_power_on) {
        ++power_ons;
        has_impossible = true;
        error = Error{ErrorKind::io,
                      path + ": 85 °C, its value at power-on: it has not measured; check its supply"};
      } else if (!range_.has(answer->celsius) || is_open_line(name, answer->celsius)) {
        has_impossible = true;
        error = Error{ErrorKind::io,
                      path + ": " + shown_celsius(answer->celsius) +
                          " °C cannot be; check its wires, or min_temperature and max_temperature"};
      } else {
        celsius = answer->celsius;
      }
    }
    if (!celsius && has_impossible) left_out_.add();
    std::array<Value, 3> values;
    std::size_t count = 0;
    if (celsius) values[count++] = {kMetrics[0].name, kMetrics[0].field, *celsius};
    values[count++] = {kMetrics[1].name, kMetrics[1].field, crc_errors};
    values[count++] = {kMetrics[2].name, kMetrics[2].field, power_ons};
    const Tag tag{"sensor", name};
    out.add({.measurement = "w1", .tags = {&tag, 1}, .values = {values.data(), count}});
    if (!celsius && error) return *error;
    return {};
  }

  const Clock& clock_;
  const NameFilter filter_;
  const std::int64_t retries_;
  const TemperatureRange range_;
  const std::string folder_;
  LeftOut left_out_;
};

Result<std::unique_ptr<Driver>> make_w1(const Options& options, const DriverEnvironment& environment) {
  if (auto checked = check_temperature_range(options); !checked) return checked.error();
  return std::unique_ptr<Driver>(std::make_unique<W1Driver>(options, environment));
}

}  // namespace

Result<W1Answer> parse_w1_slave(std::string_view text, std::string_view file) {
  const auto bad = [&] { return parse_error(file, 0, "9 bytes and crc=… YES, then t=…", text); };
  // "50 05 4b 46 7f ff 0c 10 1c : crc=1c YES", and the same bytes with " t=85000"
  std::string_view lines = text;
  const std::size_t newline = lines.find('\n');
  if (newline == std::string_view::npos) return bad();
  std::string_view first = lines.substr(0, newline);
  std::string_view second = lines.substr(newline + 1);
  W1Answer answer;
  if (first.ends_with("YES")) {
    answer.is_intact = true;
  } else if (!first.ends_with("NO")) {
    return bad();
  }
  const std::size_t at = second.find("t=");
  const auto thousandths = at == std::string_view::npos ? std::nullopt : to_signed(second.substr(at + 2));
  if (!thousandths) return bad();
  answer.celsius = static_cast<double>(*thousandths) / 1000;
  // The scratchpad of a DS18B20 after power-on: 85 °C, and 0x0c in a byte that a conversion sets otherwise.
  // One that has measured 85 °C differs there.
  std::array<std::string_view, 9> bytes;
  for (std::string_view& byte : bytes) byte = take_word(first);
  // A DS18S20 has the same byte for its fraction: there is no telling 85.0 °C apart.
  const bool is_reset_value =
      (bytes[0] == "50" && bytes[1] == "05") || (bytes[0] == "aa" && bytes[1] == "00");
  answer.is_power_on = *thousandths == 85'000 && is_reset_value && bytes[6] == "0c";
  // A line that is held low reads as all zeros, whose checksum is right.
  if (std::all_of(bytes.begin(), bytes.end(), [](std::string_view byte) { return byte == "00"; }))
    answer.is_intact = false;
  return answer;
}

const DriverInfo kW1Driver = {
    .name = "w1",
    .summary = "Thermometers on a 1-Wire bus: DS18B20 and its family.",
    .options = kOptions,
    .metrics = kMetrics,
    .may_block = true,
    .make = make_w1,
};

}  // namespace vigile
