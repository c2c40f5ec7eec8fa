// SPDX-License-Identifier: Apache-2.0
#include "store/segment_leaves.h"

#include <algorithm>

#include "store/log_database.h"
#include "store/page_format.h"

namespace vigile {

namespace {

// Seven bits a byte, the ninth has eight.
std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 9 && i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    number = i == 8 ? number << 8 | byte : number << 7 | (byte & 0x7f);
    if (i < 8 && (byte & 0x80) != 0) continue;
    bytes.remove_prefix(i + 1);
    return number;
  }
  return std::nullopt;
}

std::string varint(std::uint64_t number) {
  std::string bytes(1, static_cast<char>(number & 0x7f));
  for (number >>= 7; number > 0; number >>= 7) bytes.insert(0, 1, static_cast<char>(0x80 | (number & 0x7f)));
  return bytes;
}

std::string interior_page(const std::vector<SegmentLeaf>& children) {
  std::string page(kPageBytes, '\0');
  page[0] = kInteriorPage;
  std::size_t end = page.size();
  for (std::size_t i = 0; i + 1 < children.size(); ++i) {
    // All of a child are up to its key.
    const std::string key =
        varint(static_cast<std::uint64_t>(std::max(children[i + 1].first_seq - 1, children[i].first_seq)));
    end -= 4 + key.size();
    put_number(page, end, children[i].page);
    page.replace(end + 4, key.size(), key);
    put_number(page, 12 + 2 * i, static_cast<std::uint32_t>(end), 2);
  }
  put_number(page, 3, static_cast<std::uint32_t>(children.size() - 1), 2);
  put_number(page, 5, static_cast<std::uint32_t>(end), 2);
  put_number(page, 8, children.back().page);
  return page;
}

}  // namespace

std::optional<std::int64_t> first_seq_of(std::string_view page) {
  constexpr std::size_t kLeastColumns = 13, kMostColumns = 14;  // of schema 1, and since 3
  if (page.size() != kPageBytes || page[0] != kLeafPage || number_at(page, 3, 2) == 0) return std::nullopt;
  std::string_view cell = page.substr(std::min<std::size_t>(number_at(page, 8, 2), page.size()));
  const auto payload = take_varint(cell);
  const auto seq = take_varint(cell);
  std::string_view types = cell;
  const auto head_bytes = take_varint(types);  // itself among them
  if (!payload || !seq || !head_bytes || *seq == 0 || *seq > INT64_MAX) return std::nullopt;
  const std::size_t own_bytes = cell.size() - types.size();
  if (*head_bytes < own_bytes || *head_bytes - own_bytes > types.size()) return std::nullopt;
  types = types.substr(0, static_cast<std::size_t>(*head_bytes) - own_bytes);
  std::size_t columns = 0;
  for (; !types.empty(); ++columns) {
    const auto type = take_varint(types);
    if (!type || (columns == 0 && *type != 0)) return std::nullopt;  // the number is the row's own
  }
  return columns >= kLeastColumns && columns <= kMostColumns ? std::optional(static_cast<std::int64_t>(*seq))
                                                             : std::nullopt;
}

std::map<std::uint32_t, std::string> tree_over(std::vector<SegmentLeaf> leaves, std::uint32_t root,
                                               std::uint32_t next_page) {
  constexpr std::size_t kMostChildren = 60;  // with keys of nine bytes
  std::sort(leaves.begin(), leaves.end(),
            [](const SegmentLeaf& a, const SegmentLeaf& b) { return a.first_seq < b.first_seq; });
  std::map<std::uint32_t, std::string> pages;
  while (leaves.size() > kMostChildren) {
    std::vector<SegmentLeaf> above;
    for (std::size_t at = 0; at < leaves.size(); at += kMostChildren) {
      const auto from = leaves.begin() + static_cast<std::ptrdiff_t>(at);
      const std::vector<SegmentLeaf> children(
          from, from + static_cast<std::ptrdiff_t>(std::min(kMostChildren, leaves.size() - at)));
      pages[next_page] = interior_page(children);
      above.push_back({next_page++, children.front().first_seq});
    }
    leaves = std::move(above);
  }
  pages[root] = interior_page(leaves);
  return pages;
}

}  // namespace vigile
