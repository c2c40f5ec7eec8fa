// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace vigile {

// How many bytes of lines a batch may have: up to the ceiling while the server answers quickly, fewer when it
// is slow. What it refused as too large is tried again, ever more rarely while it is refused again: the limit
// may have been a proxy's that is gone.
class BatchLimit {
 public:
  static constexpr std::uint64_t kLeast = std::uint64_t{16} << 10;
  static constexpr std::chrono::nanoseconds kQuick = std::chrono::seconds(1);
  static constexpr std::chrono::nanoseconds kSlow = std::chrono::seconds(5);
  // Batches until a refused size is tried again: twice as many each time that it is refused again.
  static constexpr std::uint64_t kRetryAfter = 2;
  static constexpr std::uint64_t kRetryAfterMost = 1024;

  // `patience`: a batch that takes longer is too large. Less than kSlow when something else waits its turn.
  explicit BatchLimit(std::uint64_t ceiling, std::chrono::nanoseconds patience = kSlow)
      : ceiling_(ceiling),
        slow_(std::min(patience, kSlow)),
        quick_(std::min(kQuick, slow_ / 2)),
        refused_(ceiling),
        bytes_(std::min(ceiling, std::uint64_t{256} << 10)) {}

  std::uint64_t bytes() const { return bytes_; }

  void accepted(std::uint64_t batch_bytes, std::chrono::nanoseconds took) {
    if (took > slow_) {
      slow();
    } else if (took < quick_) {
      bytes_ = std::min(refused_, bytes_ * 2);
    }
    if (refused_ == ceiling_) return;
    if (retries_ && batch_bytes > refused_ / 2) {  // what was refused goes through again
      retry_after_ = kRetryAfter;
      refused_ = std::min(ceiling_, refused_ * 2);
    } else if (++accepted_ >= retry_after_) {
      retries_ = true;
      refused_ = std::min(ceiling_, std::max(refused_ * 2, batch_bytes));
      accepted_ = 0;
    }
  }
  // A try took its time and came to nothing: the link may be too slow for so much within the sink's time-out.
  void failed(std::chrono::nanoseconds took) {
    if (took > slow_) slow();
  }
  // The server's limit is below `batch_bytes`.
  void too_large(std::uint64_t batch_bytes) {
    if (std::exchange(retries_, false)) retry_after_ = std::min(retry_after_ * 2, kRetryAfterMost);
    refused_ = std::max<std::uint64_t>(1, std::min(refused_, batch_bytes) / 2);
    bytes_ = std::min(bytes_, refused_);
    accepted_ = 0;
  }

 private:
  void slow() { bytes_ = std::max(std::min(kLeast, bytes_), bytes_ / 2); }

  const std::uint64_t ceiling_;
  const std::chrono::nanoseconds slow_;
  const std::chrono::nanoseconds quick_;
  std::uint64_t refused_;
  std::uint64_t bytes_;
  std::uint64_t accepted_ = 0;  // since it was last refused or tried again
  std::uint64_t retry_after_ = kRetryAfter;
  bool retries_ = false;  // `refused_` is twice what went through last
};

}  // namespace vigile
