// SPDX-License-Identifier: Apache-2.0
// Segments in memory, before they are committed. Not synchronized: the Committer's mutex guards it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/log.h"
#include "store/segment.h"

namespace vigile {

struct WaitingStatus {
  std::uint64_t waiting_points = 0;
  std::uint64_t waiting_bytes = 0;  // of lines
  std::uint64_t waiting_changes = 0;
  std::uint64_t dropped_points = 0;  // did not fit, and some sink has not had them
  std::optional<std::int64_t> dropped_from_ns;
  std::optional<std::int64_t> dropped_to_ns;
  std::uint64_t unrecorded_points = 0;  // did not fit, and every sink had them: only the history lacks them
};

class WaitingRing {
 public:
  bool empty() const { return segments_.empty(); }
  std::size_t size() const { return segments_.size(); }
  const WaitingStatus& status() const { return status_; }
  // Those of the settings.
  void set_sinks(std::vector<std::string> names) { sinks_ = std::move(names); }

  // To the last segment while that stays within `segment_bytes` of lines, else as a new one.
  void add(ClockState clock, std::int64_t first_ns, std::int64_t last_ns, std::uint32_t points,
           std::string_view lines, std::span<const StatusChange> changes, std::size_t segment_bytes);
  // Whole segments, those first that every sink had, then the oldest, until they take no more than `limit`
  // bytes. Their status changes wait on. Never the last one, and not one that is being committed.
  void drop_beyond(std::uint64_t limit);

  // The oldest, to be committed; it is neither added to nor dropped until one of the two below is called.
  NewSegment take();
  void put_back(NewSegment segment);
  // It is in the log. The sinks that came to have it since take().
  std::vector<std::string> done(NewSegment segment);

  std::uint64_t unsent_points() const;  // that some sink has not had; all, when there is no sink
  // As WaitingReadings says, but for the payloads: they are the lines, not compressed yet.
  std::vector<StoredSegment> read(std::string_view sink, std::uint64_t from, const ReadLimits& limits);
  void sent(std::string_view sink, SeqRange numbers);

 private:
  struct Waiting {
    std::uint64_t number = 0;
    NewSegment segment;
    std::vector<std::string> had_by;  // sinks
    bool is_handed = false;           // to a sink: it does not grow any more
  };
  bool is_had_by_all(const Waiting& waiting) const;
  void drop(std::deque<Waiting>::iterator at);

  std::vector<std::string> sinks_;
  std::deque<Waiting> segments_;
  bool is_front_taken_ = false;
  std::size_t handed_ = 0;  // segments
  std::uint64_t last_number_ = 0;
  std::string spare_;  // a buffer to use again
  WaitingStatus status_;
};

}  // namespace vigile
