// SPDX-License-Identifier: Apache-2.0
// Driver `thermal`: the temperatures of the kernel's thermal zones.
// Source: /sys/class/thermal/thermal_zone*/{temp,type}, Documentation/driver-api/thermal/sysfs-api.rst.
#pragma once

#include <string_view>

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kThermalDriver;

// Degrees Celsius from a `temp` file's thousandths. Errors: parse, with `file` and text.
Result<double> parse_zone_temperature(std::string_view text, std::string_view file);

}  // namespace vigile
