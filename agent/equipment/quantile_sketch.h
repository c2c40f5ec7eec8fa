// SPDX-License-Identifier: Apache-2.0
// Counts of values in buckets whose bounds grow by a constant factor, one set for positive and one for
// negative values, and one bucket for zero (the idea of DDSketch, Masson et al., VLDB 2019). So a quantile is
// told within a constant relative error, and two sketches merge to exactly what one of all values would be.
//
// Every finite double finds its bucket; magnitudes below the smallest normal one (2.2e-308) count as zero.
// There are at most 2 * 71,800 buckets: only those that hold something take memory (16 bytes). A factor of
// ten between the smallest and the largest value is some 117 buckets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "equipment/coverage.h"

namespace vigile {

class QuantileSketch {
 public:
  static constexpr double kRelativeError = kSketchRelativeError;

  void add(double value, std::uint64_t times = 1);  // finite values; others are passed over
  void merge(const QuantileSketch& other);
  void clear();
  std::uint64_t count() const { return count_; }
  // The value at `rank`, counted from 1 in ascending order and brought into [1, count], within
  // kRelativeError; 0 when nothing was added.
  double at_rank(std::uint64_t rank) const;

  void encode(std::string& out) const;  // appended
  // Replaces this by what stands at the front of `in`, and takes it from there. Errors: corrupt; then the
  // sketch is empty. Memory is bounded by the size of `in`.
  Result<void> decode(std::string_view& in);

  std::size_t memory_bytes() const { return buckets_.capacity() * sizeof(Bucket); }
  bool operator==(const QuantileSketch&) const = default;

 private:
  struct Bucket {
    std::int32_t key =
        0;  // orders as the values do; 0 is the bucket of zero, negative keys hold negative values
    std::uint64_t count = 0;
    bool operator==(const Bucket&) const = default;
  };
  void add_to(std::int32_t key, std::uint64_t times);

  std::vector<Bucket> buckets_;  // by key, none empty
  std::uint64_t count_ = 0;
};

// The rank, from 1, that quantile q in [0, 1] of `count` values stands for: the smallest value that at least
// the part q of all values does not exceed ("nearest rank"). The same for sketches and for exact values.
std::uint64_t quantile_rank(double q, std::uint64_t count);

}  // namespace vigile
