// SPDX-License-Identifier: Apache-2.0
#include "equipment/quantile_sketch.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "equipment/byte_coding.h"

namespace vigile {

namespace {

// A little less than what is promised, so that rounding in log and exp (1e-13 at most) stays inside.
constexpr double kAim = QuantileSketch::kRelativeError * 0.999;
// log((1 + kAim) / (1 - kAim)), by its series: std::log is not constexpr.
constexpr double kLogGamma = 2 * (kAim + kAim * kAim * kAim / 3 + kAim * kAim * kAim * kAim * kAim / 5);
// log(2 / (gamma + 1)) = log(1 - kAim): from the upper bound of a bucket to the value that stands for it.
constexpr double kLogMiddle =
    -(kAim + kAim * kAim / 2 + kAim * kAim * kAim / 3 + kAim * kAim * kAim * kAim / 4);
// Indexes of normal doubles lie within ±35,600 (|log| < 710); keys are these, made positive.
constexpr std::int32_t kOffset = 35'900;
constexpr std::int64_t kMostKey = 2 * kOffset;

std::int32_t key_of(double value) {
  const double size = std::fabs(value);
  if (size < std::numeric_limits<double>::min()) return 0;
  const auto index = static_cast<std::int32_t>(std::ceil(std::log(size) / kLogGamma));
  return value < 0 ? -(index + kOffset) : index + kOffset;
}

double value_of(std::int32_t key) {
  if (key == 0) return 0;
  const double size = std::exp((std::abs(key) - kOffset) * kLogGamma + kLogMiddle);
  return std::copysign(std::min(size, std::numeric_limits<double>::max()), key);
}

}  // namespace

void QuantileSketch::add(double value, std::uint64_t times) {
  if (!std::isfinite(value) || times == 0) return;
  add_to(key_of(value), times);
}

void QuantileSketch::add_to(std::int32_t key, std::uint64_t times) {
  count_ += times;
  const auto at =
      std::lower_bound(buckets_.begin(), buckets_.end(), key,
                       [](const Bucket& bucket, std::int32_t wanted) { return bucket.key < wanted; });
  if (at != buckets_.end() && at->key == key) {
    at->count += times;
  } else {
    buckets_.insert(at, Bucket{key, times});
  }
}

void QuantileSketch::merge(const QuantileSketch& other) {
  if (other.buckets_.empty()) return;
  // How many buckets are new; nearly always none, once a few hours were merged.
  std::size_t fresh = 0;
  auto mine = buckets_.begin();
  for (const Bucket& bucket : other.buckets_) {
    while (mine != buckets_.end() && mine->key < bucket.key) ++mine;
    if (mine == buckets_.end() || mine->key != bucket.key) ++fresh;
  }
  // From the back, in place.
  const auto old_size = static_cast<std::ptrdiff_t>(buckets_.size());
  const auto other_size = static_cast<std::ptrdiff_t>(other.buckets_.size());
  buckets_.resize(buckets_.size() + fresh);
  Bucket* const own = buckets_.data();
  const Bucket* const others =
      other.buckets_.data();  // when it is this one, nothing is fresh and nothing moves
  auto to = static_cast<std::ptrdiff_t>(buckets_.size()) - 1;
  for (std::ptrdiff_t i = old_size - 1, j = other_size - 1; j >= 0; --to) {
    if (i >= 0 && own[i].key > others[j].key) {
      own[to] = own[i--];
    } else if (i >= 0 && own[i].key == others[j].key) {
      own[to] = Bucket{own[i].key, own[i].count + others[j].count};
      --i;
      --j;
    } else {
      own[to] = others[j--];
    }
  }
  count_ += other.count_;
}

void QuantileSketch::clear() {
  buckets_.clear();
  count_ = 0;
}

double QuantileSketch::at_rank(std::uint64_t rank) const {
  std::uint64_t passed = 0;
  for (const Bucket& bucket : buckets_) {
    passed += bucket.count;
    if (passed >= rank) return value_of(bucket.key);
  }
  return buckets_.empty() ? 0 : value_of(buckets_.back().key);
}

// All keys, then all counts: most steps between keys are 1, which deflate makes next to nothing of.
void QuantileSketch::encode(std::string& out) const {
  put_varint(buckets_.size(), out);
  std::int64_t before = 0;
  for (const Bucket& bucket : buckets_) {
    if (&bucket == buckets_.data()) {
      put_signed(bucket.key, out);
    } else {
      put_varint(static_cast<std::uint64_t>(bucket.key - before), out);
    }
    before = bucket.key;
  }
  for (const Bucket& bucket : buckets_) put_varint(bucket.count, out);
}

Result<void> QuantileSketch::decode(std::string_view& in) {
  clear();
  const auto corrupt = [&] {
    clear();
    return Error{ErrorKind::corrupt, "quantile sketch: damaged"};
  };
  std::uint64_t size = 0;
  if (!get_varint(in, size) || size > in.size() / 2) return corrupt();  // a bucket takes two bytes or more
  buckets_.resize(static_cast<std::size_t>(size));
  std::int64_t key = 0;
  for (std::size_t i = 0; i < size; ++i) {
    std::uint64_t step = 0;
    if (i == 0) {
      if (!get_signed(in, key)) return corrupt();
    } else {
      if (!get_varint(in, step) || step == 0 || step > 2 * kMostKey) return corrupt();
      key += static_cast<std::int64_t>(step);
    }
    if (key < -kMostKey || key > kMostKey) return corrupt();
    buckets_[i].key = static_cast<std::int32_t>(key);
  }
  for (Bucket& bucket : buckets_) {
    if (!get_varint(in, bucket.count) || bucket.count == 0) return corrupt();
    if (__builtin_add_overflow(count_, bucket.count, &count_)) return corrupt();
  }
  return {};
}

std::uint64_t quantile_rank(double q, std::uint64_t count) {
  if (count == 0) return 0;
  const double product = std::clamp(q, 0.0, 1.0) * static_cast<double>(count);
  // 0.95 of 20 may be 19.000000000000004 in floating point, and means 19.
  const double whole = std::nearbyint(product);
  const double rank = std::fabs(product - whole) <= product * 4e-16 ? whole : std::ceil(product);
  return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, count);
}

}  // namespace vigile
