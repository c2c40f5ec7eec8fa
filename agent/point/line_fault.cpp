// SPDX-License-Identifier: Apache-2.0
#include "point/line_fault.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "point/utf8.h"

namespace vigile {
namespace {

const char* find_not_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return text.data();
    text.remove_prefix(length);
  }
  return nullptr;
}

// The first key that stands further on than another one like it. Keys as written: there is one way to write
// each.
template <class Entries, class Key>
const char* find_repeated(const Entries& entries, Key key_of) {
  if (entries.size() < 2) return nullptr;
  std::vector<std::string_view> keys;
  keys.reserve(entries.size());
  for (const auto& entry : entries) keys.push_back(key_of(entry));
  std::sort(keys.begin(), keys.end(), [](std::string_view a, std::string_view b) {
    const int difference = a.compare(b);
    return difference != 0 ? difference < 0 : a.data() < b.data();
  });
  const char* first = nullptr;
  for (std::size_t i = 1; i < keys.size(); ++i) {
    if (keys[i] == keys[i - 1] && (first == nullptr || keys[i].data() < first)) first = keys[i].data();
  }
  return first;
}

}  // namespace

std::optional<LineFault> find_fault(const LineView& view) {
  if (const char* const at = find_not_utf8(view.line)) return LineFault{at, "text in UTF-8"};
  if (const char* const at = find_repeated(view.tags, [](const auto& tag) { return tag.first; }))
    return LineFault{at, "each tag key once"};
  if (const char* const at = find_repeated(view.fields, [](const auto& field) { return field.key; }))
    return LineFault{at, "each field key once"};
  return std::nullopt;
}

}  // namespace vigile
