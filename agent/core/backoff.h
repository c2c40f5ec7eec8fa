// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

#include "core/clock.h"

namespace vigile {

// Exponential backoff with full jitter, 1 s to 5 min. Forgets its failures only after a minute without one:
// a server that answers now and then is not hammered.
class Backoff {
 public:
  static constexpr std::chrono::nanoseconds kShortest = std::chrono::seconds(1);
  static constexpr std::chrono::nanoseconds kLongest = std::chrono::minutes(5);
  static constexpr std::chrono::nanoseconds kStable = std::chrono::minutes(1);
  static constexpr std::chrono::nanoseconds kLongestTold = std::chrono::hours(1);  // by a Retry-After

  explicit Backoff(std::uint64_t seed) : random_(seed) {}

  // How long to wait after one more failure: a random part of a bound that doubles.
  std::chrono::nanoseconds failed() {
    succeeded_since_.reset();
    const auto bound = std::min(kLongest, kShortest * (std::int64_t{1} << std::min(failures_, 20)));
    ++failures_;
    return fraction(bound);
  }
  void succeeded(BootTime now) {
    if (!succeeded_since_) succeeded_since_ = now;
    if (now - *succeeded_since_ >= kStable) failures_ = 0;
  }
  // A random part of `whole`.
  std::chrono::nanoseconds fraction(std::chrono::nanoseconds whole) {
    return std::chrono::nanoseconds(
        std::uniform_int_distribution<std::int64_t>(0, std::max<std::int64_t>(whole.count(), 0))(random_));
  }

 private:
  std::mt19937_64 random_;
  int failures_ = 0;
  std::optional<BootTime> succeeded_since_;
};

}  // namespace vigile
