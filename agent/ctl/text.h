// SPDX-License-Identifier: Apache-2.0
// Text for a terminal: what comes from elsewhere made harmless, measured and cut in columns, not bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vigile {

// Control characters (C0, DEL, C1), direction overrides and broken UTF-8 become '?'; a tab or a newline a
// space. What is left cannot move the cursor, colour, or forge a line.
std::string harmless(std::string_view text);

// Columns that harmless UTF-8 takes: East Asian wide characters and emoji two, combining marks none.
std::size_t columns(std::string_view text);
// At most `width` columns, the last one "…" when something was cut.
std::string cut(std::string_view text, std::size_t width);
std::string padded(std::string_view text, std::size_t width, bool right);
// Lines of at most `width` columns, broken at spaces where there are any.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

std::string grouped(std::uint64_t number);       // "1,234,567"
std::string age(double seconds);                 // two units at most: "12 s", "4 min", "3 h 5 min", "2 d 4 h"
std::string span(double seconds);                // an interval: "500 ms", "10 s", "1.5 s"
std::string decimal(double number, int digits);  // "12.4"

}  // namespace vigile
