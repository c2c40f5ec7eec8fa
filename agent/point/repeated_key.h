// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <set>
#include <string>

#include "point/line_encode.h"

namespace vigile {

// Of the tags or fields of a point: the key of the first entry that is written like one before it; null:
// there is none.
template <class Entries>
const std::string* repeated_key(const Entries& entries) {
  constexpr std::size_t kFew = 16;  // are compared each with each
  const bool are_plain = std::none_of(entries.begin(), entries.end(),
                                      [](const auto& entry) { return is_key_replaced(entry.first); });
  if (are_plain && entries.size() <= kFew) {
    for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
      const auto is_like = [&](const auto& before) { return before.first == entry->first; };
      if (std::any_of(entries.begin(), entry, is_like)) return &entry->first;
    }
    return nullptr;
  }
  std::set<std::string> written;
  for (const auto& entry : entries) {
    if (!written.insert(written_key(entry.first)).second) return &entry.first;
  }
  return nullptr;
}

}  // namespace vigile
