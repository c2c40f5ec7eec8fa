// SPDX-License-Identifier: Apache-2.0
#include "drivers/hwmon/hwmon.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/name_filter.h"
#include "drivers/kernel_text/scan.h"
#include "drivers/scale/not_available.h"
#include "drivers/scale/temperature_range.h"

namespace vigile {

namespace {

constexpr std::array<OptionSpec, 4> kOptions = {
    OptionSpec{.name = "chips",
               .type = OptionType::list,
               .help = "names or patterns of the chips to watch; all, if absent",
               .fallback = ""},
    OptionSpec{.name = "exclude",
               .type = OptionType::list,
               .help = "names or patterns of chips (acpitz) or of their sensors (nct6775/fan3) to leave out",
               .fallback = ""},
    min_temperature_option("-55"),
    max_temperature_option("150"),
};

// kKinds has a row for each but the last.
constexpr std::array<MetricSpec, 7> kMetrics = {
    MetricSpec{"temperature", "temperature", "float", "°C", "/sys/class/hwmon/hwmon*/temp*_input"},
    MetricSpec{"fan_speed", "fan_speed", "float", "rpm", "/sys/class/hwmon/hwmon*/fan*_input"},
    MetricSpec{"voltage", "voltage", "float", "V", "/sys/class/hwmon/hwmon*/in*_input"},
    MetricSpec{"current", "current", "float", "A", "/sys/class/hwmon/hwmon*/curr*_input"},
    MetricSpec{"power", "power", "float", "W", "/sys/class/hwmon/hwmon*/power*_average or power*_input"},
    MetricSpec{"humidity", "humidity", "float", "percent", "/sys/class/hwmon/hwmon*/humidity*_input"},
    MetricSpec{"hwmon_not_available", kLeftOutField, "int", "1", kLeftOutSource},
};

struct Kind {
  std::string_view prefix;
  double divisor;  // of the kernel's unit
};
constexpr std::array<Kind, kMetrics.size() - 1> kKinds = {
    Kind{"temp", 1'000}, Kind{"fan", 1},           Kind{"in", 1'000},
    Kind{"curr", 1'000}, Kind{"power", 1'000'000}, Kind{"humidity", 1'000},
};

constexpr std::chrono::minutes kSearchEvery{1};

// One reading, found once and then read again and again.
struct Sensor {
  std::size_t kind = 0;
  std::string chip;
  std::string device;           // what tells two chips of one name apart: "0000:01:00.0"; may be empty
  std::string name;             // "temp2"
  std::string label = {};       // "Core 0", or the name
  std::string input_path = {};  // …/temp2_input
  std::string fault_path = {};  // …/temp2_fault; empty when there is none
};

class HwmonDriver final : public Driver {
 public:
  HwmonDriver(const Options& options, const DriverEnvironment& environment)
      : clock_(environment.clock),
        filter_(options.list("chips"), options.list("exclude")),
        range_(options),
        folder_((environment.sys_root / "class/hwmon").string()) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    if (sensors_.empty() || clock_.boot() >= search_at_) {
      if (auto found = search(); !found) return found;
    }
    std::optional<Error> first_error;
    std::size_t read = 0;
    for (const Sensor& sensor : sensors_) {
      if (clock_.boot() >= context.deadline || context.stop.stop_requested()) {
        return Error{ErrorKind::timeout, sensor.input_path + ": not read within the deadline"};
      }
      if (is_faulty(sensor)) continue;
      const auto reading = read_sensor(sensor);
      if (!reading) {
        // Gone: look again next time. Switched off or not ready (EAGAIN, ENODATA, EIO): left out.
        if (reading.error().kind == ErrorKind::not_found) search_at_ = {};
        if (reading.error().kind == ErrorKind::parse || !first_error) first_error = reading.error();
        continue;
      }
      ++read;
      if (kKinds[sensor.kind].prefix == "temp" && (!range_.has(*reading) || is_missing_diode(*reading))) {
        left_out_.add();
        continue;
      }
      const std::array<Tag, 3> tags = {Tag{"chip", sensor.chip}, Tag{"device", sensor.device},
                                       Tag{"sensor", sensor.label}};
      const Value value{kMetrics[sensor.kind].name, kMetrics[sensor.kind].field, *reading};
      // A chip without a device has no such tag.
      out.add({.measurement = "hwmon", .tags = tags, .values = {&value, 1}});
    }
    if (const auto count = left_out_.end_run()) {
      const Value value{kMetrics.back().name, kMetrics.back().field, *count};
      out.add({.measurement = "hwmon", .values = {&value, 1}});
    }
    if (first_error && (read == 0 || first_error->kind == ErrorKind::parse)) return *first_error;
    return {};
  }

 private:
  // Finds the sensors anew. Errors: not_found when there is none.
  Result<void> search() {
    sensors_.clear();
    const auto chips = list_folder(folder_);
    if (!chips) return chips.error();
    for (const std::string& chip : *chips) add_chip(folder_ + "/" + chip);
    if (sensors_.empty()) {
      return Error{ErrorKind::not_found,
                   folder_ + (filter_.chooses() ? ": no sensor matches the options" : ": no sensor")};
    }
    search_at_ = clock_.boot() + kSearchEvery;
    return {};
  }

  void add_chip(const std::string& path) {
    char buffer[128];
    const auto named = read_attribute((path + "/name").c_str(), buffer, sizeof buffer);
    const std::string chip = named && !named->empty() ? std::string(*named) : "unknown";
    if (!filter_.accepts(chip)) return;
    const std::string device = device_of(path);
    auto names = list_folder(path);
    std::string attributes_path = path;
    // Drivers from before Linux 3.x kept their attributes beside the device.
    if (names && std::none_of(names->begin(), names->end(), [](const std::string& name) {
          return parse_attribute_name(name).has_value();
        })) {
      attributes_path += "/device";
      names = list_folder(attributes_path);
    }
    if (!names) return;
    const auto has = [&](const std::string& name) {
      return std::find(names->begin(), names->end(), name) != names->end();
    };
    const std::size_t first = sensors_.size();
    for (const std::string& name : *names) {
      const auto attribute = parse_attribute_name(name);
      if (!attribute) continue;
      Sensor sensor{
          .kind = attribute->kind, .chip = chip, .device = device, .name = std::string(attribute->sensor)};
      if (filter_.excludes(std::string(chip).append("/").append(sensor.name))) continue;
      if (!attribute->average && has(sensor.name + "_average")) continue;
      const auto path_of = [&](std::string_view attribute_name) {
        return std::string(attributes_path).append("/").append(attribute_name);
      };
      sensor.input_path = path_of(name);
      if (has(sensor.name + "_fault")) sensor.fault_path = path_of(sensor.name + "_fault");
      const auto label = read_attribute(path_of(sensor.name + "_label").c_str(), buffer, sizeof buffer);
      sensor.label = label && !label->empty() ? std::string(*label) : sensor.name;
      const bool taken = std::any_of(
          sensors_.begin() + static_cast<std::ptrdiff_t>(first), sensors_.end(),
          [&](const Sensor& other) { return other.kind == sensor.kind && other.label == sensor.label; });
      if (taken) sensor.label += " (" + sensor.name + ")";
      sensors_.push_back(std::move(sensor));
    }
  }

  // The name of the device that the chip belongs to: unlike hwmon3 it is the same after the next boot.
  static std::string device_of(const std::string& path) {
    char target[512];
    const ssize_t size = ::readlink((path + "/device").c_str(), target, sizeof target);
    if (size <= 0) return {};
    const std::string_view link(target, static_cast<std::size_t>(size));
    return std::string(link.substr(link.rfind('/') + 1));
  }

  static bool is_faulty(const Sensor& sensor) {
    if (sensor.fault_path.empty()) return false;
    char buffer[16];
    const auto fault = read_attribute(sensor.fault_path.c_str(), buffer, sizeof buffer);
    return fault && *fault != "0";
  }

  static Result<double> read_sensor(const Sensor& sensor) {
    char buffer[64];
    const auto text = read_attribute(sensor.input_path.c_str(), buffer, sizeof buffer);
    if (!text) return text.error();
    return parse_reading(*text, sensor.kind, sensor.input_path);
  }

  const Clock& clock_;
  const NameFilter filter_;
  const TemperatureRange range_;
  const std::string folder_;
  std::vector<Sensor> sensors_;
  BootTime search_at_;
  LeftOut left_out_;
};

Result<std::unique_ptr<Driver>> make_hwmon(const Options& options, const DriverEnvironment& environment) {
  if (auto checked = check_temperature_range(options); !checked) return checked.error();
  return std::unique_ptr<Driver>(std::make_unique<HwmonDriver>(options, environment));
}

}  // namespace

const DriverInfo kHwmonDriver = {
    .name = "hwmon",
    .summary = "Sensors of hardware monitoring chips: temperatures, fans, voltages, currents, power.",
    .options = kOptions,
    .metrics = kMetrics,
    .may_block = true,  // a chip behind a stuck bus answers after the bus's time-out, sensor by sensor
    .make = make_hwmon,
};

std::optional<HwmonAttribute> parse_attribute_name(std::string_view name) {
  const std::size_t underscore = name.find('_');
  if (underscore == std::string_view::npos) return std::nullopt;
  const std::string_view sensor = name.substr(0, underscore);
  const std::string_view item = name.substr(underscore + 1);
  for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
    const std::string_view prefix = kKinds[kind].prefix;
    if (sensor.substr(0, prefix.size()) != prefix) continue;
    if (!to_unsigned(sensor.substr(prefix.size()))) continue;
    const bool average = prefix == "power" && item == "average";
    if (!average && item != "input") return std::nullopt;
    return HwmonAttribute{kind, sensor, average};
  }
  return std::nullopt;
}

Result<double> parse_reading(std::string_view text, std::size_t kind, std::string_view file) {
  const auto number = to_signed(text);
  if (!number) return parse_error(file, 0, "a whole number", text);
  return static_cast<double>(*number) / kKinds[kind].divisor;
}

}  // namespace vigile
