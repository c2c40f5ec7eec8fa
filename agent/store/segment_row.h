// SPDX-License-Identifier: Apache-2.0
// How a row of `segments` is read, private to the store.
#pragma once

#include <string>
#include <string_view>

#include "point/payload.h"
#include "store/segment.h"
#include "store/sqlite_db.h"

namespace vigile {

inline std::int64_t as_int(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

inline std::uint64_t as_count(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

// The columns segment_of() and is_intact() expect; the payload last, so that a row passed over for its time
// costs no overflow pages.
inline constexpr std::string_view kSegmentColumns =
    "seq, clock, boot_id, first_ns, last_ns, points, raw_bytes, crc32, payload_crc32, payload";

// All but the payload.
inline StoredSegment head_of(const Statement& row) {
  StoredSegment segment;
  segment.seq = as_count(row.integer(0));
  segment.clock = static_cast<ClockState>(row.integer(1));
  segment.boot_id = row.text(2);
  segment.first_ns = row.integer(3);
  segment.last_ns = row.integer(4);
  segment.points = static_cast<std::uint32_t>(row.integer(5));
  segment.raw_bytes = static_cast<std::uint32_t>(row.integer(6));
  segment.crc32 = static_cast<std::uint32_t>(row.integer(7));
  return segment;
}

inline StoredSegment segment_of(const Statement& row) {
  StoredSegment segment = head_of(row);
  segment.payload = row.blob(9);
  return segment;
}

// What `payload_crc32` holds: the check of the payload and of what is said of it beside, but for the totals,
// which are of other rows too.
inline std::uint32_t row_check(const StoredSegment& head, std::string_view payload) {
  std::string bytes;
  for (std::uint64_t number :
       {head.seq, std::uint64_t{static_cast<std::uint8_t>(head.clock)}, as_count(head.first_ns),
        as_count(head.last_ns), std::uint64_t{head.points}, std::uint64_t{head.raw_bytes},
        std::uint64_t{head.crc32}, std::uint64_t{crc32_of(payload)}}) {
    for (int i = 0; i < 8; ++i, number >>= 8) bytes += static_cast<char>(number & 0xff);
  }
  return crc32_of(bytes += head.boot_id);
}

inline bool is_intact(const Statement& row) {
  const auto fits = [&](int column, std::int64_t most) {
    return row.integer(column) >= 0 && row.integer(column) <= most;
  };
  if (!fits(1, static_cast<std::int64_t>(ClockState::estimated))) return false;
  if (!fits(5, UINT32_MAX) || !fits(6, UINT32_MAX) || !fits(7, UINT32_MAX)) return false;
  const auto check = static_cast<std::uint32_t>(row.integer(8));
  // Rows from before version 4 of the schema have that of their payload alone.
  return row_check(head_of(row), row.blob(9)) == check || crc32_of(row.blob(9)) == check;
}

}  // namespace vigile
