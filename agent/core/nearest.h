// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vigile {

// Edits from `a` to `b`: a character added, removed, changed, or two neighbours swapped (optimal string
// alignment). Case does not count.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The word that was likely meant: at most 1 edit away for words up to 3 letters, 2 up to 6, else 3.
// Empty when there is none.
std::string_view nearest(std::string_view word, std::span<const std::string_view> words);

// `; did you mean "every"?`, or, when nothing is near, `; <what> here: a, b, c` with as many as fit a line.
std::string suggestion(std::string_view word, std::span<const std::string_view> words, std::string_view what);

}  // namespace vigile
