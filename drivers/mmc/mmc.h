// SPDX-License-Identifier: Apache-2.0
// Driver `mmc`: how worn eMMC storage is.
// Source: /sys/bus/mmc/devices/*, Documentation/driver-api/mmc/mmc-dev-attrs.rst; JESD84-B51 7.4.27
// and 7.4.86.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kMmcDriver;

}  // namespace vigile
