// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "log_fixture.h"
#include "store/history.h"

namespace vigile {

inline constexpr std::int64_t kHourNs = 3'600'000'000'000;
inline constexpr TimeSpan kAlways{INT64_MIN, INT64_MAX};

class LogHistory : public LogTest {
 protected:
  History& history() { return log_->history(); }
  std::int64_t now() const { return to_ns(clock_.wall()); }

  static StatusChange change(const std::string& id, std::int64_t at, const std::string& status,
                             std::optional<std::int64_t> until = std::nullopt) {
    return {id, at, "online", status, "because", until};
  }
  std::uint64_t append_changes(std::vector<StatusChange> changes, ClockState clock = ClockState::set) {
    NewSegment made = segment(1, 0, clock);
    made.changes = std::move(changes);
    const auto seq = log_->append(made);
    EXPECT_TRUE(seq) << seq.error().message;
    return seq.value_or(0);
  }
  std::vector<StatusChange> changes(const std::string& id, TimeSpan span = kAlways,
                                    std::size_t limit = 10000) {
    auto read = history().status_changes(id, span, limit);
    EXPECT_TRUE(read) << read.error().message;
    return std::move(*read);
  }
  std::map<std::int64_t, std::string> summaries() {
    std::map<std::int64_t, std::string> rows;
    EXPECT_TRUE(history().read_summaries(INT64_MIN, INT64_MAX, [&](const SummaryRow& row) {
      EXPECT_TRUE(rows.emplace(row.hour_ns, row.payload).second);
      return true;
    }));
    return rows;
  }
  std::vector<std::uint64_t> numbers(TimeSpan span, bool unsummarised_only = false) {
    std::vector<std::uint64_t> read;
    EXPECT_TRUE(history().read_segments(span, unsummarised_only, [&](const StoredSegment& one) {
      read.push_back(one.seq);
      return true;
    }));
    return read;
  }
  static SeqRanges run(std::uint64_t first, std::uint64_t last) {
    SeqRanges ranges;
    ranges.add({first, last});
    return ranges;
  }
  // Lines of two equipments, in turns.
  NewSegment of_two(std::uint32_t points) {
    NewSegment made{.first_ns = now(), .last_ns = now() + points - 1, .points = points};
    for (std::uint32_t i = 0; i < points; ++i) {
      made.lines += "m,a\\,equipment_id\\=1=x,equipment_id=" + std::string(i % 2 == 0 ? "a\\ 1" : "a\\ 12") +
                    ",z=1 s=\",equipment_id=a\\ 1,\",v=" + std::to_string(i) + " " +
                    std::to_string(now() + i) + "\n";
    }
    return made;
  }
  RemovalReport remove(std::int64_t before, const std::string& id = "", bool undelivered = false,
                       bool dry_run = false) {
    auto report = history().remove(before, id, undelivered, dry_run,
                                   [](std::string_view payload, std::string_view who) -> Result<std::string> {
                                     std::string left(payload);
                                     const auto at = left.find(who);
                                     if (at != std::string::npos) left.erase(at, who.size());
                                     return left;
                                   });
    EXPECT_TRUE(report) << report.error().message;
    return *report;
  }
  std::uint64_t file_bytes() {
    std::uint64_t total = 0;
    for (const char* suffix : {"", "-wal"}) {
      std::error_code absent;
      const auto size = std::filesystem::file_size(options_.path.string() + suffix, absent);
      if (!absent) total += size;
    }
    return total;
  }
  NewSegment noise(std::mt19937_64& random, std::size_t bytes) const {
    NewSegment made{.first_ns = now(), .last_ns = now(), .points = 1};
    while (made.lines.size() < bytes) made.lines += "m s=\"" + std::to_string(random()) + "\" 1\n";
    return made;
  }
};

}  // namespace vigile
