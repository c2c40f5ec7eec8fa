// SPDX-License-Identifier: Apache-2.0
#include "drivers/thermal/thermal.h"

#include <array>
#include <optional>
#include <string>

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/name_filter.h"
#include "drivers/kernel_text/scan.h"
#include "drivers/scale/not_available.h"
#include "drivers/scale/temperature_range.h"

namespace vigile {

namespace {

constexpr std::array<OptionSpec, 4> kOptions = {
    OptionSpec{.name = "zones",
               .type = OptionType::list,
               .help = "names or patterns of zones (thermal_zone0) or types (cpu-thermal); all, if absent",
               .fallback = ""},
    OptionSpec{.name = "exclude",
               .type = OptionType::list,
               .help = "names or patterns of zones or types to leave out",
               .fallback = ""},
    min_temperature_option("-55"),
    max_temperature_option("150"),
};

constexpr std::array<MetricSpec, 2> kMetrics = {
    MetricSpec{"temperature", "temperature", "float", "°C", "/sys/class/thermal/thermal_zone*/temp"},
    MetricSpec{"thermal_not_available", kLeftOutField, "int", "1", kLeftOutSource},
};

constexpr std::string_view kZonePrefix = "thermal_zone";

class ThermalDriver final : public Driver {
 public:
  ThermalDriver(const Options& options, const DriverEnvironment& environment)
      : clock_(environment.clock),
        filter_(options.list("zones"), options.list("exclude")),
        range_(options),
        folder_((environment.sys_root / "class/thermal").string()) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto names = list_folder(folder_);
    if (!names) return names.error();
    std::optional<Error> first_error;
    std::size_t zones = 0;
    std::size_t read = 0;
    for (const std::string& name : *names) {
      if (name.compare(0, kZonePrefix.size(), kZonePrefix) != 0) continue;
      if (clock_.boot() >= context.deadline || context.stop.stop_requested()) {
        return Error{ErrorKind::timeout, folder_ + "/" + name + ": not read within the deadline"};
      }
      const std::string type = read_type(name);
      if (!accepts(name, type)) continue;
      ++zones;
      const auto celsius = read_temperature(name);
      if (!celsius) {
        // A sensor that is switched off says EINVAL, EAGAIN or ENODATA; only garbage is worth an error.
        if (celsius.error().kind == ErrorKind::parse || !first_error) first_error = celsius.error();
        continue;
      }
      ++read;
      if (!range_.has(*celsius) || is_missing_diode(*celsius) || (*celsius == 0 && is_disabled(name))) {
        left_out_.add();
        continue;
      }
      const std::array<Tag, 2> tags = {Tag{"type", type}, Tag{"zone", name}};
      const Value value{kMetrics[0].name, kMetrics[0].field, *celsius};
      out.add({.measurement = "thermal", .tags = tags, .values = {&value, 1}});
    }
    if (zones == 0) {
      return Error{ErrorKind::not_found,
                   folder_ + (filter_.chooses() ? ": no zone matches the options" : ": no thermal zone")};
    }
    if (const auto count = left_out_.end_run()) {
      const Value value{kMetrics[1].name, kMetrics[1].field, *count};
      out.add({.measurement = "thermal", .values = {&value, 1}});
    }
    if (first_error && (read == 0 || first_error->kind == ErrorKind::parse)) return *first_error;
    return {};
  }

 private:
  bool accepts(const std::string& zone, const std::string& type) const {
    if (filter_.spells_out(zone) || filter_.spells_out(type)) return true;
    if (filter_.excludes(zone) || filter_.excludes(type)) return false;
    return filter_.accepts(zone) || filter_.accepts(type);
  }

  std::string read_type(const std::string& zone) const {
    char buffer[128];
    const auto type = read_attribute((folder_ + "/" + zone + "/type").c_str(), buffer, sizeof buffer);
    return type ? std::string(*type) : std::string();
  }

  // A zone that is switched off says 0 on some boards.
  bool is_disabled(const std::string& zone) const {
    char buffer[32];
    const auto mode = read_attribute((folder_ + "/" + zone + "/mode").c_str(), buffer, sizeof buffer);
    return mode && *mode == "disabled";
  }

  Result<double> read_temperature(const std::string& zone) const {
    char buffer[64];
    const std::string path = folder_ + "/" + zone + "/temp";
    const auto text = read_attribute(path.c_str(), buffer, sizeof buffer);
    if (!text) return text.error();
    return parse_zone_temperature(*text, path);
  }

  const Clock& clock_;
  const NameFilter filter_;
  const TemperatureRange range_;
  const std::string folder_;
  LeftOut left_out_;
};

Result<std::unique_ptr<Driver>> make_thermal(const Options& options, const DriverEnvironment& environment) {
  if (auto checked = check_temperature_range(options); !checked) return checked.error();
  return std::unique_ptr<Driver>(std::make_unique<ThermalDriver>(options, environment));
}

}  // namespace

const DriverInfo kThermalDriver = {
    .name = "thermal",
    .summary = "Temperatures of the kernel's thermal zones.",
    .options = kOptions,
    .metrics = kMetrics,
    .make = make_thermal,
};

Result<double> parse_zone_temperature(std::string_view text, std::string_view file) {
  const auto thousandths = to_signed(text);
  if (!thousandths) return parse_error(file, 0, "thousandths of a degree", text);
  return static_cast<double>(*thousandths) / 1000;
}

}  // namespace vigile
