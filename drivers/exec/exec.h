// SPDX-License-Identifier: Apache-2.0
// Driver `exec`: any program, in any language, as a driver. README.md is the protocol.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kExecDriver;

}  // namespace vigile
