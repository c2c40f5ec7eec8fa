// SPDX-License-Identifier: Apache-2.0
// Rows of `segments` without the pages that lead to them: where those are damaged, a tree is made anew over
// all leaves that are found. Pages as in https://www.sqlite.org/fileformat2.html#b_tree_pages, of kPageBytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vigile {

struct SegmentLeaf {
  std::uint32_t page = 0;
  std::int64_t first_seq = 0;
};

// The number of its first row when it is a leaf of `segments`, in any version of the schema.
std::optional<std::int64_t> first_seq_of(std::string_view page);

// Pages by number: the tree's root at `root`, the others, if it takes any, from `next_page` on. At least one
// leaf.
std::map<std::uint32_t, std::string> tree_over(std::vector<SegmentLeaf> leaves, std::uint32_t root,
                                               std::uint32_t next_page);

}  // namespace vigile
