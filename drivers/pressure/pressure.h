// SPDX-License-Identifier: Apache-2.0
// Driver `pressure`: how long tasks were stalled for want of processor, memory or I/O (PSI).
// Source: /proc/pressure/*, Documentation/accounting/psi.rst.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kPressureDriver;

}  // namespace vigile
