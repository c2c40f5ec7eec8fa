// SPDX-License-Identifier: Apache-2.0
#include "core/nearest.h"

#include <algorithm>
#include <utility>

namespace vigile {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::size_t allowed_edits(std::string_view word) {
  if (word.size() <= 3) return 1;
  return word.size() <= 6 ? 2 : 3;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last;
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const char x = lower(a[i - 1]);
      const char y = lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (x == y ? 0U : 1U)});
      if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2])) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> words) {
  std::string_view best;
  std::size_t best_edits = allowed_edits(word) + 1;
  for (const std::string_view known : words) {
    const std::size_t longer = std::max(known.size(), word.size()) - std::min(known.size(), word.size());
    if (longer >= best_edits) continue;
    const std::size_t edits = edit_distance(word, known);
    if (edits < best_edits) {
      best = known;
      best_edits = edits;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> words,
                       std::string_view what) {
  constexpr std::size_t kLongestList = 200;
  if (const std::string_view meant = nearest(word, words); !meant.empty()) {
    return "; did you mean \"" + std::string(meant) + "\"?";
  }
  std::string list;
  for (const std::string_view known : words) {
    if (list.size() + known.size() > kLongestList) {
      list += ", …";
      break;
    }
    if (!list.empty()) list += ", ";
    list += known;
  }
  return list.empty() ? "" : "; " + std::string(what) + " here: " + list;
}

}  // namespace vigile
