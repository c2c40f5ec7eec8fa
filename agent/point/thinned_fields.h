// SPDX-License-Identifier: Apache-2.0
// How several readings of a series are written as one line when an outage outlasts the log (store.overflow:
// thin): each numeric field f is the mean, and right behind it stand f_min, f_max and f_count. The series
// stays the same, so a chart of f simply gets coarser.
#pragma once

#include <span>
#include <string_view>

#include "point/line_decode.h"

namespace vigile {

inline constexpr std::string_view kThinnedMin = "_min";
inline constexpr std::string_view kThinnedMax = "_max";
inline constexpr std::string_view kThinnedCount = "_count";
inline constexpr std::size_t kThinnedGroup = 4;

// Is the field at `at` the mean of a group of four, as above?
inline bool is_thinned_group(std::span<const FieldView> fields, std::size_t at) {
  if (at + kThinnedGroup > fields.size()) return false;
  const std::string_view key = fields[at].key;
  const auto has = [&](std::size_t offset, std::string_view suffix) {
    const std::string_view name = fields[at + offset].key;
    return name.size() == key.size() + suffix.size() && name.starts_with(key) && name.ends_with(suffix);
  };
  return has(1, kThinnedMin) && has(2, kThinnedMax) && has(3, kThinnedCount) &&
         fields[at + 3].type == FieldView::Type::int64 && fields[at].type == fields[at + 1].type &&
         fields[at].type == fields[at + 2].type;
}

}  // namespace vigile
