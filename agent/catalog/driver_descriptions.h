// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "description/driver_description.h"

namespace vigile {

// The drivers that were built in, as the API and `vigilectl drivers` show them.
std::vector<DriverDescription> describe_drivers();

}  // namespace vigile
