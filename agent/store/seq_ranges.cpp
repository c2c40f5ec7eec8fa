// SPDX-License-Identifier: Apache-2.0
#include "store/seq_ranges.h"

#include <algorithm>

namespace vigile {

namespace {

// The first range that ends at or after `seq`.
std::vector<SeqRange>::const_iterator at_or_after(const std::vector<SeqRange>& ranges, std::uint64_t seq) {
  return std::lower_bound(ranges.begin(), ranges.end(), seq,
                          [](const SeqRange& range, std::uint64_t number) { return range.last < number; });
}

}  // namespace

void SeqRanges::add(SeqRange range) {
  range.last = std::min(range.last, kMostSeq);
  if (range.first > range.last) return;
  // Everything that overlaps or touches it becomes one.
  auto begin = at_or_after(ranges_, range.first - std::min<std::uint64_t>(range.first, 1));
  auto end = begin;
  while (end != ranges_.end() && end->first <= range.last + 1) {
    range.first = std::min(range.first, end->first);
    range.last = std::max(range.last, end->last);
    ++end;
  }
  begin = ranges_.erase(begin, end);
  ranges_.insert(begin, range);
}

std::optional<SeqRange> SeqRanges::first_gap(std::uint64_t from, std::uint64_t last) const {
  auto next = at_or_after(ranges_, from);
  if (next != ranges_.end() && next->first <= from) {
    from = next->last + 1;
    ++next;
  }
  if (from > last) return std::nullopt;
  return SeqRange{from, next == ranges_.end() ? last : std::min(last, next->first - 1)};
}

std::optional<SeqRange> SeqRanges::first_run(std::uint64_t from, std::uint64_t last) const {
  const auto next = at_or_after(ranges_, from);
  if (next == ranges_.end() || next->first > last) return std::nullopt;
  return SeqRange{std::max(from, next->first), std::min(last, next->last)};
}

bool SeqRanges::contains(std::uint64_t seq) const {
  const auto next = at_or_after(ranges_, seq);
  return next != ranges_.end() && next->first <= seq;
}

SeqRanges SeqRanges::intersection(const SeqRanges& other) const {
  SeqRanges common;
  auto a = ranges_.begin();
  auto b = other.ranges_.begin();
  while (a != ranges_.end() && b != other.ranges_.end()) {
    const std::uint64_t first = std::max(a->first, b->first);
    const std::uint64_t last = std::min(a->last, b->last);
    if (first <= last) common.ranges_.push_back({first, last});
    if (a->last < b->last) {
      ++a;
    } else {
      ++b;
    }
  }
  return common;
}

}  // namespace vigile
