// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace vigile {

// One character a value, ▁ for the least and █ for the largest, a space where there is none; a flat line lies
// in the middle. Longer ones are drawn together to `width` characters, by their means.
std::string sparkline(const std::vector<std::optional<double>>& values, std::size_t width);

}  // namespace vigile
