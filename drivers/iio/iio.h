// SPDX-License-Identifier: Apache-2.0
// Driver `iio`: sensors and converters of the kernel's industrial I/O.
// Source: /sys/bus/iio/devices/iio:device*, Documentation/ABI/testing/sysfs-bus-iio.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kIioDriver;

}  // namespace vigile
