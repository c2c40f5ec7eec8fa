// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>

namespace vigile {

// How often a test tries: its share of CI, or VIGILE_FAULT_ROUNDS.
inline int fault_rounds(int in_ci) {
  const char* const asked = std::getenv("VIGILE_FAULT_ROUNDS");
  const int rounds = asked == nullptr ? 0 : std::atoi(asked);
  return rounds > 0 ? rounds : in_ci;
}

}  // namespace vigile
