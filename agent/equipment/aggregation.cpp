// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "equipment/service.h"

namespace vigile {

namespace {

constexpr std::array<std::string_view, 10> kNames = {"none",  "mean", "min", "max", "sum",
                                                     "count", "last", "p50", "p95", "p99"};

}  // namespace

std::optional<Aggregation> parse_aggregation(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == text) return static_cast<Aggregation>(i);
  }
  return std::nullopt;
}

std::string_view to_string(Aggregation aggregation) {
  return kNames[static_cast<std::size_t>(aggregation)];
}

}  // namespace vigile
