// SPDX-License-Identifier: Apache-2.0
#include "ctl/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vigile {

namespace {

constexpr std::array<const char*, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

// The mean of [from, to).
std::optional<double> mean(const std::vector<std::optional<double>>& values, std::size_t from,
                           std::size_t to) {
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t i = from; i < to; ++i) {
    if (!values[i] || !std::isfinite(*values[i])) continue;
    sum += *values[i];
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

}  // namespace

std::string sparkline(const std::vector<std::optional<double>>& values, std::size_t width) {
  const std::size_t bars = std::min(values.size(), width);
  std::vector<std::optional<double>> heights;
  std::optional<double> least;
  std::optional<double> most;
  for (std::size_t i = 0; i < bars; ++i) {
    heights.push_back(mean(values, i * values.size() / bars, (i + 1) * values.size() / bars));
    if (!heights.back()) continue;
    least = std::min(least.value_or(*heights.back()), *heights.back());
    most = std::max(most.value_or(*heights.back()), *heights.back());
  }
  std::string line;
  for (const auto& height : heights) {
    if (!height) {
      line += ' ';
      continue;
    }
    const double share = *most > *least ? (*height - *least) / (*most - *least) : 0.5;
    const auto bar = static_cast<std::size_t>(std::clamp(std::floor(share * kBars.size()), 0.0, 7.0));
    line += kBars[bar];
  }
  return line;
}

}  // namespace vigile
