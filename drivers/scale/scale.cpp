// SPDX-License-Identifier: Apache-2.0
#include "drivers/scale/scale.h"

#include <cmath>

namespace vigile {

double scaled(double value, double scale, double offset) {
  if (scale != 1) {
    const double divisor = std::round(1 / scale);
    const bool is_fraction = std::abs(divisor) >= 2 && std::abs(scale * divisor - 1) < 1e-12;
    value = is_fraction ? value / divisor : value * scale;
  }
  return value + offset;
}

}  // namespace vigile
