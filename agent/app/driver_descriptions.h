// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "api/agent_view.h"

namespace vigile {

// The drivers that were built in, for `vigilectl drivers`.
std::vector<DriverDescription> describe_drivers();

}  // namespace vigile
