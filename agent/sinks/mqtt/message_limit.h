// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace vigile::mqtt_sink {

// How large messages are worth trying. A link too slow for one message within ack_timeout, and a 3.1.1 broker
// that cuts the connection at a message above its limit, look the same from here: a loss before the first
// acknowledgement. Each halves the size; a long run of acknowledgements doubles it again.
class MessageLimit {
 public:
  explicit MessageLimit(std::uint64_t most_bytes) : most_bytes_(most_bytes), bytes_(most_bytes) {}
  std::uint64_t bytes() const { return bytes_; }
  // A message of `failed_bytes` did not get through. False when the next ones would be no smaller.
  bool shrink(std::uint64_t failed_bytes) {
    const std::uint64_t before = std::min(bytes_, failed_bytes);
    bytes_ = std::max(before / 2, std::min(kLeastBytes, most_bytes_));
    acknowledged_ = 0;
    return bytes_ < before;
  }
  void acknowledged() {
    if (bytes_ < most_bytes_ && ++acknowledged_ >= kGrowAfter) {
      bytes_ = std::min(bytes_ * 2, most_bytes_);
      acknowledged_ = 0;
    }
  }

  static constexpr std::uint64_t kLeastBytes = 1024;
  static constexpr std::uint32_t kGrowAfter = 1000;  // messages

 private:
  const std::uint64_t most_bytes_;
  std::uint64_t bytes_;
  std::uint32_t acknowledged_ = 0;
};

}  // namespace vigile::mqtt_sink
