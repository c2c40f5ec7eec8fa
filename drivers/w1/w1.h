// SPDX-License-Identifier: Apache-2.0
// Driver `w1`: thermometers on a 1-Wire bus: DS18B20 and its family.
// Source: /sys/bus/w1/devices/*/w1_slave, Documentation/w1/slaves/w1_therm.rst.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kW1Driver;

}  // namespace vigile
