// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"

namespace vigile::can {

struct Frame {
  std::uint32_t id = 0;
  bool is_extended = false;
  bool is_error = false;  // the bus's own, not a node's
  std::uint8_t size = 0;
  std::array<std::uint8_t, 64> data{};
};

// Frames whose identifier is `id` in the bits of `mask`; both as the kernel has them, with CAN_EFF_FLAG.
struct IdFilter {
  std::uint32_t id = 0;
  std::uint32_t mask = 0;
  auto operator<=>(const IdFilter&) const = default;
};

// A raw socket on one interface that gets the frames of those filters (all of them when there are too many
// for the kernel), and error frames. One thread. Errors: not_found, permission, unavailable.
class Bus {
 public:
  static Result<std::unique_ptr<Bus>> open(const std::string& interface,
                                           const std::vector<IdFilter>& filters);
  // Of a socket that somebody else has made: of the kernel's struct can_frame and canfd_frame.
  Bus(UniqueFd fd, std::string interface) : fd_(std::move(fd)), interface_(std::move(interface)) {}

  // False: there is none. Error: the interface is down, or gone.
  Result<bool> read(Frame& frame);
  std::uint64_t lost() const { return lost_; }  // frames that the kernel had no room for

 private:
  const UniqueFd fd_;
  const std::string interface_;
  std::uint64_t lost_ = 0;
};

}  // namespace vigile::can
