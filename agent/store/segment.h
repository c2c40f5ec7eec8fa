// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "point/payload.h"

namespace vigile {

// How the times inside a segment were made (DESIGN §6).
enum class ClockState : std::uint8_t {
  set = 0,        // nanoseconds since the Unix epoch; ready to be sent
  unset = 1,      // nanoseconds since this boot; must be repaired before it is sent
  estimated = 2,  // placed after the last known time, its boot never saw a clock; ready to be sent
};

// One change of an equipment's status, kept as a row of its own beside the line that is sent.
struct StatusChange {
  std::string equipment_id;
  std::int64_t time_ns = 0;  // as the segment's clock counts
  std::string old_status;    // "online", "warning", "offline", "maintenance", "unknown"
  std::string new_status;
  std::string reason;
  std::optional<std::int64_t> until_ns;  // of a maintenance that ends by itself; wall clock always
  // How long before time_ns the status began: an outage begins with the first failed check, and is decided
  // some checks later. A length, so that it stays right when time_ns is repaired. 0: decided at once.
  std::int64_t decided_after_ns = 0;
  bool operator==(const StatusChange&) const = default;
};

// The lines of one commit, on their way in.
struct NewSegment {
  ClockState clock = ClockState::set;
  std::int64_t first_ns = 0;  // smallest and largest time inside
  std::int64_t last_ns = 0;
  std::uint32_t points = 0;
  std::string lines;                           // line protocol, each line ended by '\n', times in ns
  std::vector<StatusChange> changes = {};      // committed with them; their clock is the segment's
  std::vector<std::string> delivered_to = {};  // sinks that have the lines already (waiting_readings.h)
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
