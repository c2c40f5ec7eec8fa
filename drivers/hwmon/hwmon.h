// SPDX-License-Identifier: Apache-2.0
// Driver `hwmon`: the sensors of hardware monitoring chips: temperatures, fans, voltages, power, currents,
// humidity.
// Source: /sys/class/hwmon/hwmon*/, Documentation/hwmon/sysfs-interface.rst.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kHwmonDriver;

// What an attribute such as "temp2_input" is about.
struct HwmonAttribute {
  std::size_t kind = 0;     // row of the driver's table of metrics
  std::string_view sensor;  // "temp2"
  bool average = false;     // power1_average, which is preferred to power1_input
};

// Nothing for names that are no reading of a kind that is known.
std::optional<HwmonAttribute> parse_attribute_name(std::string_view name);

// The reading in the metric's unit. Errors: parse, with `file` and text.
Result<double> parse_reading(std::string_view text, std::size_t kind, std::string_view file);

}  // namespace vigile
