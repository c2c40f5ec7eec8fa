// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "store/log.h"

namespace vigile {

// No segment has a larger number, and no counter of the log counts further: what claims to is damaged. Sums
// of two stay within 64 bits.
inline constexpr std::uint64_t kMostSeq = std::uint64_t{1} << 62;

// A set of segment numbers as disjoint, sorted ranges that do not touch: what a sink has acknowledged.
class SeqRanges {
 public:
  void add(SeqRange range);  // as far as numbers go; nothing when it ends before it begins
  // The first run of numbers within [from, last] that is not in the set.
  std::optional<SeqRange> first_gap(std::uint64_t from, std::uint64_t last) const;
  // The first run of numbers within [from, last] that is in the set.
  std::optional<SeqRange> first_run(std::uint64_t from, std::uint64_t last) const;
  bool contains(std::uint64_t seq) const;
  SeqRanges intersection(const SeqRanges& other) const;
  const std::vector<SeqRange>& ranges() const { return ranges_; }

 private:
  std::vector<SeqRange> ranges_;
};

}  // namespace vigile
