// SPDX-License-Identifier: Apache-2.0
// Driver `gpio`: levels of digital inputs, and pulses counted on them.
// Source: the kernel's GPIO character device, by libgpiod 1.x.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kGpioDriver;

}  // namespace vigile
