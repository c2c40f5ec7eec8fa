// SPDX-License-Identifier: Apache-2.0
// Taking the text of kernel files apart. Nothing here allocates but the making of an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/result.h"

namespace vigile {

// Walks a text line by line.
//
//   Lines lines(text);
//   while (lines.next()) use(lines.line(), lines.number());
//
// The kernel ends every line: a last line without its newline was cut off, and is_whole() says so.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  bool next();
  std::string_view line() const { return line_; }  // without its newline
  int number() const { return number_; }           // from 1
  bool is_whole() const { return whole_; }

 private:
  std::string_view rest_;
  std::string_view line_;
  int number_ = 0;
  bool whole_ = true;
};

// Takes the next word, between blanks and tabs, off the front of `text`; empty when there is none.
std::string_view take_word(std::string_view& text);

// The whole word as a decimal number; nothing when it is not one or does not fit.
std::optional<std::uint64_t> to_unsigned(std::string_view word);
std::optional<std::int64_t> to_signed(std::string_view word);
// Decimal fraction without exponent, finite.
std::optional<double> to_double(std::string_view word);

// "<file>:<line>: expected <expected>, found "<text>"", the text bounded and printable. Line 0 is left out.
Error parse_error(std::string_view file, int line, std::string_view expected, std::string_view text);

// What is worth keeping of a computed percentage or rate: the rest is noise that costs flash.
double two_decimals(double value);

}  // namespace vigile
