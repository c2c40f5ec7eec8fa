// SPDX-License-Identifier: Apache-2.0
#include "drivers/iio/iio.h"

#include <algorithm>
#include <array>
#include <optional>

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/name_filter.h"
#include "drivers/kernel_text/scan.h"
#include "drivers/scale/not_available.h"
#include "drivers/scale/temperature_range.h"

namespace vigile {

namespace {

constexpr std::array kOptions = {
    OptionSpec{.name = "devices",
               .type = OptionType::list,
               .help = "names or patterns of devices (iio:device0) or chips (bme280); all, if absent",
               .fallback = ""},
    OptionSpec{.name = "channels",
               .type = OptionType::list,
               .help = "names or patterns of channels (voltage0, \"accel_*\"); all that are known, if absent",
               .fallback = ""},
    min_temperature_option("-273.15"),
    max_temperature_option("2500"),
};

constexpr std::array kMetrics = {
    MetricSpec{"iio_temperature", "temperature", "float", "°C", "in_temp*: thousandths of a degree"},
    MetricSpec{"iio_humidity", "humidity", "float", "percent",
               "in_humidityrelative*: thousandths of a percent"},
    MetricSpec{"iio_pressure", "pressure", "float", "hPa", "in_pressure*: kilopascals"},
    MetricSpec{"iio_voltage", "voltage", "float", "V", "in_voltage*: millivolts"},
    MetricSpec{"iio_current", "current", "float", "A", "in_current*: milliamperes"},
    MetricSpec{"iio_power", "power", "float", "W", "in_power*: milliwatts"},
    MetricSpec{"iio_resistance", "resistance", "float", "ohm", "in_resistance*: ohms"},
    MetricSpec{"iio_illuminance", "illuminance", "float", "lx", "in_illuminance*: lux"},
    MetricSpec{"iio_proximity", "proximity", "float", "1", "in_proximity*: as the sensor counts"},
    MetricSpec{"iio_distance", "distance", "float", "m", "in_distance*: metres"},
    MetricSpec{"iio_acceleration", "acceleration", "float", "m/s²", "in_accel*"},
    MetricSpec{"iio_angular_velocity", "angular_velocity", "float", "rad/s", "in_anglvel*"},
    MetricSpec{"iio_magnetic_field", "magnetic_field", "float", "G", "in_magn*: gauss"},
    MetricSpec{"iio_concentration", "concentration", "float", "ppm", "in_concentration*: percent"},
    MetricSpec{"iio_ph", "ph", "float", "1", "in_ph*"},
    MetricSpec{"iio_not_available", kLeftOutField, "int", "1", kLeftOutSource},
};

struct Type {
  std::string_view kernel;
  double factor;  // to the unit above
};
// As kMetrics but the last.
constexpr std::array<Type, kMetrics.size() - 1> kTypes = {{{"temp", 0.001},
                                                           {"humidityrelative", 0.001},
                                                           {"pressure", 10},
                                                           {"voltage", 0.001},
                                                           {"current", 0.001},
                                                           {"power", 0.001},
                                                           {"resistance", 1},
                                                           {"illuminance", 1},
                                                           {"proximity", 1},
                                                           {"distance", 1},
                                                           {"accel", 1},
                                                           {"anglvel", 1},
                                                           {"magn", 1},
                                                           {"concentration", 10'000},
                                                           {"ph", 1}}};

constexpr std::string_view kIn = "in_";
constexpr std::string_view kRaw = "_raw";
constexpr std::string_view kInput = "_input";

// The type of "voltage0", "accel_x", "voltage0-voltage1", "concentration_co2".
std::optional<std::size_t> type_of(std::string_view channel) {
  const std::size_t end = channel.find_first_of("0123456789_-");
  const std::string_view name = channel.substr(0, end);
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].kernel == name) return i;
  }
  return std::nullopt;
}

class IioDriver final : public Driver {
 public:
  IioDriver(const Options& options, const DriverEnvironment& environment)
      : clock_(environment.clock),
        devices_(options.list("devices"), {}),
        channels_(options.list("channels"), {}),
        range_(options),
        folder_((environment.sys_root / "bus/iio/devices").string()) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto devices = list_folder(folder_);
    if (!devices) return devices.error();
    std::size_t channels = 0, read = 0;
    std::optional<Error> first;
    for (const std::string& device : *devices) {
      if (!device.starts_with("iio:device")) continue;
      const std::string path = folder_ + "/" + device;
      char buffer[64];
      const auto attribute = read_attribute((path + "/name").c_str(), buffer, sizeof buffer);
      const std::string chip(attribute ? *attribute : std::string_view());
      if (!devices_.accepts(device) && !devices_.accepts(chip)) continue;
      const auto files = list_folder(path);
      if (!files) return files.error();
      for (const std::string& file : *files) {
        const bool is_raw = file.ends_with(kRaw);
        if (!file.starts_with(kIn) || (!is_raw && !file.ends_with(kInput))) continue;
        const std::string channel =
            file.substr(kIn.size(), file.size() - kIn.size() - (is_raw ? kRaw : kInput).size());
        const auto type = type_of(channel);
        if (!type || !channels_.accepts(channel)) continue;
        // Where there are both, the processed one is the better.
        const std::string input = std::string(kIn) + channel + std::string(kInput);
        if (is_raw && std::find(files->begin(), files->end(), input) != files->end()) continue;
        if (clock_.boot() >= context.deadline || context.stop.stop_requested())
          return Error{ErrorKind::timeout, path + "/" + file + ": not read within the deadline"};
        ++channels;
        const auto value = read_channel(path, file, channel, kTypes[*type], is_raw);
        if (!value) {
          if (!first || (value.error().kind == ErrorKind::parse && first->kind != ErrorKind::parse))
            first = value.error();
          continue;
        }
        ++read;
        if (kTypes[*type].kernel == "temp" && !range_.has(*value)) {
          left_out_.add();
          continue;
        }
        emit(*type, *value, chip, device, channel, path, out);
      }
    }
    if (const auto count = left_out_.end_run()) {
      const Value value{kMetrics.back().name, kMetrics.back().field, *count};
      out.add({.measurement = "iio", .values = {&value, 1}});
    }
    if (channels == 0)
      return Error{ErrorKind::not_found,
                   folder_ + (devices_.chooses() || channels_.chooses() ? ": no channel matches the options"
                                                                        : ": no channel of a known kind")};
    // A sensor that is asleep or busy says so now and then; that all do, or garbage, is an error.
    if (first && (read == 0 || first->kind == ErrorKind::parse)) return *first;
    return {};
  }

 private:
  Result<double> read_number(const std::string& path) const {
    char buffer[64];
    const auto text = read_attribute(path.c_str(), buffer, sizeof buffer);
    if (!text) return text.error();
    const auto number = to_double(*text);
    if (!number) return parse_error(path, 0, "a number", *text);
    return *number;
  }

  // Of the channel, or of all of its type; absent when there is neither.
  Result<std::optional<double>> shared(const std::string& path, const std::string& channel, const Type& type,
                                       const std::string& what) const {
    std::string names[] = {channel, std::string(type.kernel)};
    // "accel_x" shares with "accel", "voltage0-voltage1" with "voltage-voltage".
    for (const std::string& name : {names[0], without_digits(channel), names[1]}) {
      const auto number = read_number(path + "/" + std::string(kIn) + name + what);
      if (number) return std::optional(*number);
      if (number.error().kind != ErrorKind::not_found) return number.error();
    }
    return std::optional<double>();
  }

  static std::string without_digits(std::string text) {
    std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
    return text;
  }

  Result<double> read_channel(const std::string& path, const std::string& file, const std::string& channel,
                              const Type& type, bool is_raw) const {
    const auto number = read_number(path + "/" + file);
    if (!number) return number;
    if (!is_raw) return *number * type.factor;
    const auto scale = shared(path, channel, type, "_scale");
    if (!scale) return scale.error();
    const auto offset = shared(path, channel, type, "_offset");
    if (!offset) return offset.error();
    return (*number + offset->value_or(0)) * scale->value_or(1) * type.factor;
  }

  static void emit(std::size_t type, double value, const std::string& chip, const std::string& device,
                   const std::string& channel, const std::string& path, Output& out) {
    char buffer[64];
    const auto label =
        read_attribute((path + "/" + std::string(kIn) + channel + "_label").c_str(), buffer, sizeof buffer);
    const Value one{kMetrics[type].name, kMetrics[type].field, rounded(value)};
    const std::array<Tag, 4> tags = {Tag{"channel", channel}, Tag{"chip", chip}, Tag{"device", device},
                                     Tag{"label", label ? *label : std::string_view()}};
    out.add({.measurement = "iio", .tags = tags, .values = {&one, 1}});
  }

  // To a millionth: what a scale such as 0.439453125 leaves behind it is noise.
  static double rounded(double value) {
    constexpr double kMillion = 1e6;
    if (value > 1e9 || value < -1e9) return value;
    return static_cast<double>(static_cast<std::int64_t>(value * kMillion + (value < 0 ? -0.5 : 0.5))) /
           kMillion;
  }

  const Clock& clock_;
  const NameFilter devices_;
  const NameFilter channels_;
  const TemperatureRange range_;
  const std::string folder_;
  LeftOut left_out_;
};

Result<std::unique_ptr<Driver>> make_iio(const Options& options, const DriverEnvironment& environment) {
  if (auto checked = check_temperature_range(options); !checked) return checked.error();
  return std::unique_ptr<Driver>(std::make_unique<IioDriver>(options, environment));
}

}  // namespace

const DriverInfo kIioDriver = {
    .name = "iio",
    .summary = "Sensors and converters of the kernel's industrial I/O: ADCs, climate, light, motion.",
    .options = kOptions,
    .metrics = kMetrics,
    .may_block = true,
    .make = make_iio,
};

}  // namespace vigile
