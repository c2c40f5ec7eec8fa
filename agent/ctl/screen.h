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
  bool all = false;         // every row of long tables
  bool sparklines = false;  // curves beside the figures
};

Result<std::string> render_status(std::string_view json, const ScreenStyle& style);
Result<std::string> render_drivers(std::string_view json, const ScreenStyle& style);
Result<std::string> render_driver(std::string_view json, const ScreenStyle& style);
Result<std::string> render_store(std::string_view json, const ScreenStyle& style);
Result<std::string> render_dead_letters(std::string_view json, const ScreenStyle& style);

}  // namespace vigile
