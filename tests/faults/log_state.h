// SPDX-License-Identifier: Apache-2.0
// What a log holds, all of it, by a full scan; and what two such states allow a third between them to be.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "store/history.h"
#include "store/log.h"
#include "support/power_cut_vfs.h"

namespace vigile {

inline const std::string kStore = "/disk/vigile.db";

struct Sum {
  std::uint64_t count = 0;
  std::uint64_t total = 0;  // of the readings' values
  bool operator==(const Sum&) const = default;
};
Sum sum_of_lines(std::string_view lines);
std::string to_payload(const Sum& sum);
Sum from_payload(std::string_view payload);

struct LogState {
  struct Segment {
    std::string lines;
    std::int64_t clock = 0;
    std::uint64_t points = 0;
    bool operator==(const Segment&) const = default;
  };
  std::map<std::uint64_t, Segment> segments;
  std::map<std::string, std::set<std::uint64_t>> waiting;  // by sink: what it is still given
  std::vector<std::string> letters;
  std::vector<std::string> changes;
  std::map<std::int64_t, Sum> summaries;
  std::set<std::uint64_t> unfolded;
  LogStatus status;

  // Known to who used the log, not read from it.
  std::map<std::string, std::set<std::uint64_t>> acknowledged;
  std::map<std::string, std::set<std::uint64_t>> written;  // of these, what survives a power cut

  // Readings in summaries, in segments that are not folded, and lost before they were: each counts once.
  Sum readings() const;
};

// What a log does by itself when it meets damage: reads what it is asked for day by day.
void touch(Log& log);
// Reads everything; "" or what the log says that its rows do not.
std::string look(Log& log, PowerCutDisk& disk, LogState& state);

// "" when `cut`, found after a power cut during what led from `before` to `after`, keeps every promise.
std::string compare(const LogState& before, const LogState& after, const LogState& cut);

}  // namespace vigile
