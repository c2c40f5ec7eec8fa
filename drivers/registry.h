// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "drivers/driver.h"

namespace vigile {

// Every driver that was built in, by name.
std::span<const DriverInfo* const> all_drivers();
// Null when there is none of that name.
const DriverInfo* find_driver(std::string_view name);

}  // namespace vigile
