// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "store/inspection.h"

namespace vigile {

// What the API answers and vigilectl prints with --json: the members of StoreInspection, and `sound`.
std::string inspection_json(const StoreInspection& found);

}  // namespace vigile
