// SPDX-License-Identifier: Apache-2.0
// Line protocol that a program or a broker hands over, as points of a driver.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/driver.h"

namespace vigile {

// What came of texts. Only so many of what was wrong are kept; all are counted.
struct TextReport {
  static constexpr std::size_t kMostKept = 50;
  std::uint64_t points = 0;   // taken
  std::uint64_t refused = 0;  // lines or messages
  std::vector<Error> errors;  // the first of them

  void refuse(Error error) {
    ++refused;
    if (errors.size() < kMostKept) errors.push_back(std::move(error));
  }
  // Of something that was taken all the same.
  void note(Error error) {
    if (errors.size() < kMostKept) errors.push_back(std::move(error));
  }
  // The first error, with how many more there were.
  Result<void> result() const;
};

// Hands each line of `text` (times in nanoseconds, or none) to `out`. Bad lines are left out: kind parse,
// "<place>: line 3, column 12: expected …: \"text\"". At most `most` points are taken; what comes after them
// is refused, each line counted.
void add_lines(std::string_view text, PointOrigin origin, std::string_view place, Output& out,
               TextReport& report, std::uint64_t most = UINT64_MAX);

// For messages: printable, of bounded length, in quotes.
std::string shown_text(std::string_view text);

}  // namespace vigile
