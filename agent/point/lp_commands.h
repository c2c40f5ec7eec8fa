// SPDX-License-Identifier: Apache-2.0
// What `vigilectl lp decode` and `vigilectl lp encode` do, apart from their command line. Both read to the
// end of `in` with bounded memory (a line of up to kLongestLine is held whole) and return the exit code: 0,
// or 1 when a line was bad, reading failed, or `out` does not take more. Bad lines go to `err` as
// "line:column: expected …", all others to `out`. What can be written is written before waiting for more
// input. When `in` is std::cin, call std::ios::sync_with_stdio(false) first, or it is read byte by byte.
#pragma once

#include <cstddef>
#include <istream>
#include <ostream>

#include "point/line_decode.h"
#include "point/line_encode.h"

namespace vigile {

inline constexpr std::size_t kLongestLine = std::size_t{16} << 20;

// Line protocol in, one JSON object a point out.
int lp_decode(std::istream& in, std::ostream& out, std::ostream& err, Precision precision);

// One JSON object a line in, line protocol out. Blank lines are passed over.
int lp_encode(std::istream& in, std::ostream& out, std::ostream& err, const EncodeOptions& options);

}  // namespace vigile
