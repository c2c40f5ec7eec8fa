// SPDX-License-Identifier: Apache-2.0
// What is wrong with a line that the grammar of line protocol takes: servers store the first or the last of
// two fields with one key, refuse two tags with one key, and InfluxDB 3 refuses a whole body for a byte that
// is not UTF-8.
#pragma once

#include <optional>

#include "point/line_decode.h"

namespace vigile {

struct LineFault {
  const char* at = nullptr;  // into the line
  const char* expected = nullptr;
};

// The first fault of the kinds above: text that is not UTF-8, then a tag key, then a field key that stands
// twice. Takes time proportional to the line, but for sorting its keys.
std::optional<LineFault> find_fault(const LineView& view);

}  // namespace vigile
