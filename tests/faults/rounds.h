// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdlib>

namespace vigile {

// How many times its share of CI an attack is tried: VIGILE_FAULT_ROUNDS, 1 without it.
inline int fault_rounds() {
  const char* const asked = std::getenv("VIGILE_FAULT_ROUNDS");
  return asked == nullptr ? 1 : std::max(1, std::atoi(asked));
}

}  // namespace vigile
