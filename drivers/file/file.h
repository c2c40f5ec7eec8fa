// SPDX-License-Identifier: Apache-2.0
// Driver `file`: values out of any text file, chosen by regular expressions (regex(7), extended).
// Source: the files that the settings name.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kFileDriver;

}  // namespace vigile
