// SPDX-License-Identifier: Apache-2.0
// A batch that was refused for some of its lines: which they are, and what becomes of them.
#include <algorithm>
#include <utility>

#include "delivery/delivery_loop.h"

namespace vigile {

using std::chrono::nanoseconds;

// A bad line's dead letter has its place in the log: the segment it is in waits for that, all others go on.
BootTime DeliveryLoop::leave_to_the_log(const Outcome& outcome, BootTime now) {
  const std::uint64_t last = segments_.back().seq;
  if (segments_.size() > 1) {
    one_by_one_to_ = last;
  } else {
    memory_from_ = last + 1;
    if (last >= one_by_one_to_) one_by_one_to_ = 0;
    left_in_memory_.failed("refused lines wait in memory until the log can keep dead letters: " +
                           outcome.message);
  }
  segments_.clear();
  set_state(DeliveryStatus::State::delivering, "", now);
  return now;
}

BootTime DeliveryLoop::start_isolation(const Outcome& outcome, BootTime now) {
  letters_.clear();  // of those under way: they stay in the queue
  letters_wait_ = false;
  std::string lines;
  for (const StoredSegment& segment : segments_) {
    auto inflated = inflate_payload(segment.view());
    if (!inflated) {
      // Its bytes are as they were written, and yet no lines: the log passes over it like any other damage.
      log::error("sink " + options_.sink + ": segment " + std::to_string(segment.seq) + ": " +
                 inflated.error().message);
      continue;
    }
    lines += *inflated;
  }
  isolation_ = std::make_unique<Isolation>(std::move(lines), outcome, options_.isolation_requests,
                                           sink_.least_limit_bytes());
  isolated_ = {segments_.front().seq, segments_.back().seq};
  isolated_bytes_ = 0;
  for (const StoredSegment& segment : segments_) isolated_bytes_ += segment.raw_bytes;
  segments_.clear();
  set_state(DeliveryStatus::State::delivering, "", now);
  return isolation_->done() ? finish_isolation(now) : now;
}

BootTime DeliveryLoop::isolate_next(std::stop_token stop) {
  if (isolation_->done()) return finish_isolation(clock_.boot());
  const std::string_view lines = isolation_->next();
  std::string deflated;
  PayloadEncoder(1).encode(lines, deflated);  // rare: not worth keeping its buffers
  const Payload payload{deflated, static_cast<std::uint32_t>(lines.size()), crc32_of(lines),
                        static_cast<std::uint32_t>(isolation_->next_points())};
  const Outcome outcome = send(Batch{std::span(&payload, 1), payload.points, payload.raw_bytes}, stop);
  const BootTime now = clock_.boot();
  if (!isolation_->take(outcome)) {
    if (stop.stop_requested()) return now;
    return letters_.empty() ? failed(outcome, now) : letters_failed(outcome, now);
  }
  failure_.succeeded();
  return isolation_->done() ? finish_isolation(now) : now;
}

// The batch is acknowledged, and what was refused of it is kept as dead letters.
Result<void> DeliveryLoop::settle_isolated() {
  std::vector<DeadLetter> letters;
  for (const Isolation::BadLine& bad : isolation_->bad()) {
    letters.push_back(DeadLetter{
        .sink = options_.sink, .refused_ns = to_ns(clock_.wall()), .line = bad.line, .reason = bad.reason});
  }
  if (auto kept = log_.acknowledge(options_.sink, isolated_, letters); !kept) return kept;
  if (letters.empty()) return {};
  log::warning("sink " + options_.sink + ": " + std::to_string(letters.size()) +
               " lines refused for good are dead letters; the last: " + letters.back().reason);
  const MutexLock lock(mutex_);
  status_.dead_letters += letters.size();
  return {};
}

BootTime DeliveryLoop::finish_isolation(BootTime now) {
  const auto kept = letters_.empty() ? settle_isolated() : settle_letters();
  letters_wait_ = !kept;
  if (!kept) return store_failed(kept.error(), now);
  log_failure_.succeeded();
  const std::uint64_t refused = isolation_->bad().size();
  letters_.clear();
  const std::uint64_t lines = isolation_->lines();
  isolation_.reset();
  backoff_.succeeded(now);
  failure_.succeeded();
  const BootTime next = next_batch(now);
  const MutexLock lock(mutex_);
  status_.state = DeliveryStatus::State::delivering;
  status_.reason.clear();
  status_.next_try = next;
  status_.last_acknowledged = clock_.wall();
  status_.delivered_points += lines - std::min(lines, refused);
  status_.delivered_bytes += isolated_bytes_;
  return next;
}

}  // namespace vigile
