// SPDX-License-Identifier: Apache-2.0
// One line of line protocol, validated in place. What LineDecoder is made of; others use LineDecoder.
// Source: the grammar published with InfluxDB's line protocol reference (line-protocol.ebnf): spaces may
// stand before a line and at its end, no control character outside of quoted strings, a number may start or
// end with its point, and has no '+'.
#pragma once

#include <string_view>

#include "point/line_decode.h"

namespace vigile {

struct LineScan {
  const char* at = nullptr;  // the end of the line (its '\n', "\r\n", or the text's end), or where it is bad
  const char* expected = nullptr;  // null: the line is good
  // For a bad line: the newline that ends it is the first one from here.
  const char* resume_from = nullptr;
  bool has_newlines = false;  // inside of its strings
  bool open_string = false;   // bad because the text ends inside of a string
};

// Scans the line at `begin`, where neither a space, a comment nor a line end stands, and fills all of `view`
// but `line`. A string may run on over newlines up to `end`.
LineScan scan_line(const char* begin, const char* end, Precision precision, LineView& view);

// Is `at` the end of a line: "\n", "\r\n", "\r" at the text's end, or the text's end.
inline bool is_line_end(const char* at, const char* end) {
  return at == end || *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] == '\n'));
}

// The value of a number that scan_line found good; nothing when it is out of range. What is too small for a
// double is zero.
std::optional<double> float_value(std::string_view text);

}  // namespace vigile
