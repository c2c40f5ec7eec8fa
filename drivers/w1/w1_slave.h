// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/result.h"

namespace vigile {

struct W1Answer {
  bool is_intact = false;    // its checksum is right, and it is not a line that is held low
  bool is_power_on = false;  // 85 °C, because it has not measured yet
  double celsius = 0;
};

// The text of a w1_slave file. Errors: parse.
Result<W1Answer> parse_w1_slave(std::string_view text, std::string_view file);

}  // namespace vigile
