// SPDX-License-Identifier: Apache-2.0
// The daemon's JSON answers as text for people. Pure: the same answer and style give the same text. An answer
// that lacks something shows "-" there; one that is no JSON object is an error (parse). Text of the daemon is
// made harmless on the way.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile {

struct ScreenStyle {
  bool colour = false;
  std::size_t width = 80;   // columns; no line is longer, apart from names that cannot be cut
  bool whole = false;       // nothing is cut and no column goes, however wide: not a terminal
  bool all = false;         // every row of long tables, and errors as long as they are
  bool sparklines = false;  // curves beside the figures
};

// How wide tables may get.
inline std::size_t table_width(const ScreenStyle& style) {
  return style.whole ? std::string::npos : style.width;
}

Result<std::string> render_status(std::string_view json, const ScreenStyle& style);
// With "instances", those of the status, beside "drivers": what runs, and its errors.
Result<std::string> render_drivers(std::string_view json, const ScreenStyle& style);
Result<std::string> render_driver(std::string_view json, const ScreenStyle& style);
Result<std::string> render_store(std::string_view json, const ScreenStyle& style);
Result<std::string> render_dead_letters(std::string_view json, const ScreenStyle& style);

}  // namespace vigile
