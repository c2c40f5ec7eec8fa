// SPDX-License-Identifier: Apache-2.0
// What append and status know without asking the database. Private to the store.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/clock.h"
#include "store/seq_ranges.h"

namespace vigile {

struct DatabaseState {
  struct Sink {
    SeqRanges acknowledged;
    bool known = false;
    bool dirty = false;
    bool has_read = false;           // since the log was opened
    std::optional<SeqRange> handed;  // what it read last: may be under way
  };
  std::map<std::string, Sink, std::less<>> sinks;
  std::optional<Sink> folded;      // progress of the summaries, once something makes them
  SeqRanges unset;                 // segments that wait for the clock
  bool has_unset_changes = false;  // status changes do, that came without a segment
  std::uint64_t first_seq = 1;     // of the oldest held; last_seq + 1 when none is
  std::uint64_t last_seq = 0;
  std::uint64_t total_points = 0;  // up to last_seq
  std::uint64_t points = 0;        // held
  std::uint64_t payload_bytes = 0;
  std::uint64_t segments = 0;
  std::uint64_t dropped_points = 0;
  std::optional<std::int64_t> dropped_from_ns;
  std::optional<std::int64_t> dropped_to_ns;
  std::uint64_t thinned_points = 0;
  std::uint64_t thinned_made = 0;
  std::optional<std::int64_t> thinned_from_ns;
  std::optional<std::int64_t> thinned_to_ns;
  std::uint64_t unsummarised_lost = 0;
  std::optional<std::int64_t> gone_to_ns;  // largest known time among removed segments
  std::uint64_t damaged = 0;
  std::uint64_t damaged_points = 0;
  bool damaged_at_least = false;
  std::map<std::uint64_t, std::uint64_t> new_damage;  // of damaged_seen_, not written yet
  SeqRanges absent;  // numbers that have no row, and for a good reason; those found out so far
  std::uint64_t dead_letters = 0;
  std::optional<BootTime> dirty_since;
};

}  // namespace vigile
