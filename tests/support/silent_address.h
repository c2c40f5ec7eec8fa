// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/unique_fd.h"

namespace vigile {

// An address of loopback (127.0.0.2) and a port where a SYN gets no answer, as at a host that is off: a
// listening socket whose backlog is full. Throws std::runtime_error.
class SilentAddress {
 public:
  SilentAddress(const std::string& address, std::uint16_t port);

 private:
  UniqueFd listener_;
  std::vector<UniqueFd> waiting_;
};

}  // namespace vigile
