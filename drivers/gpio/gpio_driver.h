// SPDX-License-Identifier: Apache-2.0
// The driver with other lines than the kernel's, for its tests.
#pragma once

#include "drivers/driver.h"
#include "drivers/gpio/line.h"

namespace vigile::gpio {

Result<std::unique_ptr<Driver>> make_gpio(const Options& options, const DriverEnvironment& environment,
                                          OpenLine open);

}  // namespace vigile::gpio
