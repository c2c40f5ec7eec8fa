// SPDX-License-Identifier: Apache-2.0
// Temperatures that can be. The kernel hands on what a missing or disabled sensor reads: -274 °C of a thermal
// zone (THERMAL_TEMP_INVALID), 127 °C of a missing diode, 3.9 million of a bus that does not answer.
#pragma once

#include "core/option.h"
#include "core/result.h"

namespace vigile {

constexpr OptionSpec min_temperature_option(std::string_view fallback) {
  return {.name = "min_temperature",
          .type = OptionType::number,
          .help = "A lower temperature (°C) cannot be: it is left out, and counted.",
          .fallback = fallback,
          .min = -273.15,
          .max = 10'000};
}
constexpr OptionSpec max_temperature_option(std::string_view fallback) {
  return {.name = "max_temperature",
          .type = OptionType::number,
          .help = "A higher temperature (°C) cannot be: it is left out, and counted.",
          .fallback = fallback,
          .min = -273.15,
          .max = 10'000};
}

struct TemperatureRange {
  double lowest = -273.15;  // °C
  double highest = 10'000;

  explicit TemperatureRange(const Options& options)
      : lowest(options.number("min_temperature")), highest(options.number("max_temperature")) {}
  bool has(double celsius) const { return celsius >= lowest && celsius <= highest; }
};

// Errors: config, when no temperature can be.
inline Result<void> check_temperature_range(const Options& options) {
  if (options.number("min_temperature") <= options.number("max_temperature")) return {};
  return Error{ErrorKind::config, "min_temperature: is above max_temperature"};
}

// From 127 to below 128 °C: all bits but the sign of a register of 8 to 12 bits, as a diode that is missing,
// open or shorted reads.
inline bool is_missing_diode(double celsius) {
  return celsius >= 127 && celsius < 128;
}

}  // namespace vigile
