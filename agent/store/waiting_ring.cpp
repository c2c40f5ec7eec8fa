// SPDX-License-Identifier: Apache-2.0
#include "store/waiting_ring.h"

#include <algorithm>
#include <utility>

namespace vigile {

namespace {

constexpr std::size_t kSpareBytes = std::size_t{64} << 10;  // a larger buffer is given back

// Segments that are handed out do not grow together: there may be many small ones.
constexpr std::uint64_t kHandedBytes = 512;  // of one, beside its lines

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void WaitingRing::add(ClockState clock, std::int64_t first_ns, std::int64_t last_ns, std::uint32_t points,
                      std::string_view lines, std::span<const StatusChange> changes,
                      std::size_t segment_bytes) {
  const auto fits = [&](const Waiting& last) {
    return !last.is_handed && !(is_front_taken_ && segments_.size() == 1) && last.segment.clock == clock &&
           last.segment.lines.size() + lines.size() <= segment_bytes;
  };
  if (segments_.empty() || !fits(segments_.back())) {
    Waiting& made = segments_.emplace_back();
    made.number = ++last_number_;
    made.segment.clock = clock;
    made.segment.first_ns = first_ns;
    made.segment.last_ns = last_ns;
    made.segment.lines = std::exchange(spare_, {});
    made.segment.lines.clear();
  }
  NewSegment& segment = segments_.back().segment;
  segment.first_ns = std::min(segment.first_ns, first_ns);
  segment.last_ns = std::max(segment.last_ns, last_ns);
  segment.points += points;
  segment.lines += lines;
  segment.changes.insert(segment.changes.end(), changes.begin(), changes.end());
  status_.waiting_changes += changes.size();
  status_.waiting_points += points;
  status_.waiting_bytes += lines.size();
}

bool WaitingRing::is_had_by_all(const Waiting& waiting) const {
  return !sinks_.empty() && std::all_of(sinks_.begin(), sinks_.end(), [&](const std::string& name) {
    return contains(waiting.had_by, name);
  });
}

void WaitingRing::drop_beyond(std::uint64_t limit) {
  while (status_.waiting_bytes + handed_ * kHandedBytes > limit) {
    const auto begin = segments_.begin() + (is_front_taken_ ? 1 : 0);
    if (segments_.end() - begin < 2) return;
    const auto last = std::prev(segments_.end());
    // What is left of one dropped before has changes, and no lines.
    auto at = std::find_if(begin, last, [this](const Waiting& waiting) {
      return !waiting.segment.lines.empty() && is_had_by_all(waiting);
    });
    if (at == last) {
      at = std::find_if(begin, last, [](const Waiting& waiting) { return !waiting.segment.lines.empty(); });
    }
    if (at == last) return;
    drop(at);
  }
}

void WaitingRing::drop(std::deque<Waiting>::iterator at) {
  NewSegment& segment = at->segment;
  if (is_had_by_all(*at)) {
    status_.unrecorded_points += segment.points;
  } else {
    status_.dropped_points += segment.points;
    status_.dropped_from_ns = std::min(segment.first_ns, status_.dropped_from_ns.value_or(segment.first_ns));
    status_.dropped_to_ns = std::max(segment.last_ns, status_.dropped_to_ns.value_or(segment.last_ns));
  }
  status_.waiting_points -= segment.points;
  status_.waiting_bytes -= segment.lines.size();
  NewSegment& next = std::next(at)->segment;
  if (!segment.changes.empty() && next.clock != segment.clock) {
    segment.points = 0;
    segment.lines = {};
    return;
  }
  next.changes.insert(next.changes.begin(), std::move_iterator(segment.changes.begin()),
                      std::move_iterator(segment.changes.end()));
  if (at->is_handed) --handed_;
  segments_.erase(at);
}

NewSegment WaitingRing::take() {
  is_front_taken_ = true;
  Waiting& front = segments_.front();
  NewSegment taken = std::exchange(front.segment, NewSegment{.clock = front.segment.clock});
  taken.delivered_to = front.had_by;
  return taken;
}

void WaitingRing::put_back(NewSegment segment) {
  is_front_taken_ = false;
  segments_.front().segment = std::move(segment);
}

std::vector<std::string> WaitingRing::done(NewSegment segment) {
  is_front_taken_ = false;
  std::vector<std::string> since = std::move(segments_.front().had_by);
  std::erase_if(since, [&](const std::string& name) { return contains(segment.delivered_to, name); });
  if (segments_.front().is_handed) --handed_;
  segments_.pop_front();
  status_.waiting_points -= segment.points;
  status_.waiting_bytes -= segment.lines.size();
  status_.waiting_changes -= segment.changes.size();
  if (segment.lines.capacity() <= kSpareBytes) spare_ = std::move(segment.lines);
  return since;
}

std::uint64_t WaitingRing::unsent_points() const {
  std::uint64_t points = 0;
  for (const Waiting& waiting : segments_) points += is_had_by_all(waiting) ? 0 : waiting.segment.points;
  return points;
}

std::vector<StoredSegment> WaitingRing::read(std::string_view sink, std::uint64_t from,
                                             const ReadLimits& limits) {
  std::vector<StoredSegment> read;
  std::uint64_t raw_bytes = 0;
  std::uint64_t points = 0;
  for (Waiting& waiting : segments_) {
    const NewSegment& segment = waiting.segment;
    // The one that is being committed has no lines here.
    if (waiting.number < from || segment.lines.empty() || segment.clock == ClockState::unset ||
        contains(waiting.had_by, sink)) {
      continue;
    }
    raw_bytes += segment.lines.size();
    points += segment.points;
    if (!read.empty() && (raw_bytes > limits.raw_bytes || points > limits.points)) break;
    if (!std::exchange(waiting.is_handed, true)) ++handed_;
    StoredSegment& out = read.emplace_back();
    out.seq = waiting.number;
    out.clock = segment.clock;
    out.first_ns = segment.first_ns;
    out.last_ns = segment.last_ns;
    out.points = segment.points;
    out.raw_bytes = static_cast<std::uint32_t>(segment.lines.size());
    out.payload = segment.lines;
  }
  return read;
}

void WaitingRing::sent(std::string_view sink, SeqRange numbers) {
  for (Waiting& waiting : segments_) {
    if (waiting.number < numbers.first || waiting.number > numbers.last) continue;
    if (!waiting.is_handed || contains(waiting.had_by, sink)) continue;
    waiting.had_by.emplace_back(sink);
  }
}

}  // namespace vigile
