// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vigile {

// value * scale + offset. Where the scale is one of a whole number (0.1, 0.001) it is divided by that
// instead, so that 3 * 0.1 is 0.3 and not 0.30000000000000004.
double scaled(double value, double scale, double offset);

}  // namespace vigile
