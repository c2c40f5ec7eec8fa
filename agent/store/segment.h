// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/clock.h"
#include "point/payload.h"

namespace vigile {

// How the times inside a segment were made (DESIGN §6).
enum class ClockState : std::uint8_t {
  set = 0,        // nanoseconds since the Unix epoch; ready to be sent
  unset = 1,      // nanoseconds since this boot; must be repaired before it is sent
  estimated = 2,  // placed after the last known time, its boot never saw a clock; ready to be sent
};

// The lines of one commit, on their way in.
struct NewSegment {
  ClockState clock = ClockState::set;
  std::int64_t first_ns = 0;  // smallest and largest time inside
  std::int64_t last_ns = 0;
  std::uint32_t points = 0;
  std::string lines;  // line protocol, each line ended by '\n', times in ns
};

// A row of the log, on its way out.
struct StoredSegment {
  std::uint64_t seq = 0;
  ClockState clock = ClockState::set;
  std::string boot_id;
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  std::uint32_t points = 0;
  std::uint32_t raw_bytes = 0;
  std::uint32_t crc32 = 0;
  std::string payload;

  Payload view() const { return Payload{payload, raw_bytes, crc32, points}; }
};

}  // namespace vigile
