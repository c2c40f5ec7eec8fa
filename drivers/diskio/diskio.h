// SPDX-License-Identifier: Apache-2.0
// Driver `diskio`: what block devices read and write.
// Source: /proc/diskstats, Documentation/admin-guide/iostats.rst.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kDiskioDriver;

}  // namespace vigile
