// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "drivers/driver.h"

namespace vigile {

// The columns of a row whose value is scaled. The unit is for who reads the file.
inline constexpr OptionSpec kScaleOption{.name = "scale",
                                         .type = OptionType::number,
                                         .help = "The value is what was read, times this, plus offset.",
                                         .fallback = "1"};
inline constexpr OptionSpec kOffsetOption{
    .name = "offset", .type = OptionType::number, .help = "See scale.", .fallback = "0"};
inline constexpr OptionSpec kUnitOption{.name = "unit",
                                        .help = "Unit of the value, for who reads this file: °C, bar."};

// value * scale + offset. Where the scale is one of a whole number (0.1, 0.001) it is divided by that
// instead, so that 3 * 0.1 is 0.3 and not 0.30000000000000004.
double scaled(double value, double scale, double offset);

}  // namespace vigile
