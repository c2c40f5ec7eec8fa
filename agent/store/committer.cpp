// SPDX-License-Identifier: Apache-2.0
#include "store/committer.h"

#include <algorithm>
#include <utility>

namespace vigile {

namespace {

constexpr std::size_t kSegmentBytes = std::size_t{1}
                                      << 20;  // of lines, at most, but for one driver run larger than that
constexpr std::uint64_t kSlowFactor = 4;
constexpr std::size_t kSpareBytes = std::size_t{64} << 10;  // a larger buffer is given back
constexpr std::chrono::nanoseconds kFirstRetry = std::chrono::seconds(1);
constexpr std::chrono::nanoseconds kLastRetry = std::chrono::seconds(30);

}  // namespace

Committer::Committer(Log& log, const CommitterOptions& options, const Clock& clock, OnCommitted on_committed,
                     std::function<void()> on_first)
    : log_(log),
      clock_(clock),
      on_committed_(std::move(on_committed)),
      on_first_(std::move(on_first)),
      options_(options) {}

void Committer::add(ClockState clock, std::int64_t first_ns, std::int64_t last_ns, std::uint32_t points,
                    std::string_view lines, std::span<const StatusChange> changes) {
  bool is_first = false;
  {
    const MutexLock lock(mutex_);
    is_first = waiting_.empty();
    if (!oldest_) oldest_ = clock_.boot();
    const bool fits = !waiting_.empty() && !(front_taken_ && waiting_.size() == 1) &&
                      waiting_.back().clock == clock &&
                      waiting_.back().lines.size() + lines.size() <= segment_bytes();
    if (!fits) {
      waiting_.push_back(NewSegment{
          .clock = clock, .first_ns = first_ns, .last_ns = last_ns, .lines = std::exchange(spare_, {})});
      waiting_.back().lines.clear();
    }
    NewSegment& segment = waiting_.back();
    segment.first_ns = std::min(segment.first_ns, first_ns);
    segment.last_ns = std::max(segment.last_ns, last_ns);
    segment.points += points;
    segment.lines += lines;
    segment.changes.insert(segment.changes.end(), changes.begin(), changes.end());
    status_.waiting_changes += changes.size();
    if (!changes.empty()) is_urgent_ = true;
    status_.waiting_points += points;
    status_.waiting_bytes += lines.size();
    drop_beyond_memory();
  }
  if (is_first || !changes.empty()) on_first_();
}

// What is dropped is dropped by segment: while commits fail they are kept small.
std::size_t Committer::segment_bytes() const {
  return status_.last_error.empty()
             ? kSegmentBytes
             : static_cast<std::size_t>(std::min<std::uint64_t>(kSegmentBytes, options_.memory_bytes / 8));
}

// Whole segments, oldest first. A disk that is only slow gets more room than one that fails.
void Committer::drop_beyond_memory() {
  const std::uint64_t limit =
      status_.last_error.empty() ? kSlowFactor * options_.memory_bytes : options_.memory_bytes;
  std::size_t at = front_taken_ ? 1 : 0;
  while (status_.waiting_bytes > limit && at + 1 < waiting_.size()) {
    const auto oldest = waiting_.begin() + static_cast<std::ptrdiff_t>(at);
    if (oldest->lines.empty()) {  // changes that are left of one dropped before
      ++at;
      continue;
    }
    status_.dropped_points += oldest->points;
    status_.dropped_from_ns = std::min(oldest->first_ns, status_.dropped_from_ns.value_or(oldest->first_ns));
    status_.dropped_to_ns = std::max(oldest->last_ns, status_.dropped_to_ns.value_or(oldest->last_ns));
    status_.waiting_points -= oldest->points;
    status_.waiting_bytes -= oldest->lines.size();
    const auto next = oldest + 1;
    if (!oldest->changes.empty() && next->clock != oldest->clock) {
      oldest->points = 0;
      oldest->lines = {};
      continue;
    }
    next->changes.insert(next->changes.begin(), std::move_iterator(oldest->changes.begin()),
                         std::move_iterator(oldest->changes.end()));
    waiting_.erase(oldest);
  }
}

Result<void> Committer::commit_all() {
  for (;;) {
    NewSegment segment;
    {
      const MutexLock lock(mutex_);
      if (waiting_.empty()) {
        oldest_.reset();
        is_urgent_ = false;
        return {};
      }
      front_taken_ = true;
      segment = std::move(waiting_.front());
      waiting_.front() = NewSegment{.clock = segment.clock};
    }
    const auto seq = log_.append(segment);
    if (seq && *seq != 0 && !segment.lines.empty()) on_committed_(*seq, segment.lines);
    const MutexLock lock(mutex_);
    front_taken_ = false;
    if (!seq) {
      waiting_.front() = std::move(segment);
      status_.last_error = seq.error().message;
      drop_beyond_memory();
      return seq.error();
    }
    waiting_.pop_front();
    status_.waiting_points -= segment.points;
    status_.waiting_bytes -= segment.lines.size();
    status_.waiting_changes -= segment.changes.size();
    if (*seq != 0) {
      status_.committed_points += segment.points;
    } else {
      ++refused_;
    }
    status_.last_error.clear();
    if (segment.lines.capacity() <= kSpareBytes) spare_ = std::move(segment.lines);
  }
}

Result<void> Committer::commit_now() {
  const MutexLock one_at_a_time(commit_mutex_);
  return commit_and_report();
}

Result<void> Committer::commit(std::span<const NewSegment> more) {
  const MutexLock one_at_a_time(commit_mutex_);
  const auto refused = [this] {
    const MutexLock lock(mutex_);
    return refused_;
  };
  const std::uint64_t before = refused();
  for (const NewSegment& segment : more) {
    add(segment.clock, segment.first_ns, segment.last_ns, segment.points, segment.lines, segment.changes);
  }
  if (const auto committed = commit_and_report(); !committed) return committed;
  if (refused() == before) return {};
  return Error{ErrorKind::full,
               "the log has reached its max_size, and `overflow` says that new readings are dropped"};
}

Result<void> Committer::commit_and_report() {
  const auto committed = commit_all();
  const MutexLock lock(mutex_);
  if (committed) {
    failure_.succeeded();
    retry_at_.reset();
    backoff_ = {};
    return {};
  }
  failure_.failed(committed.error().message, log::Level::error);
  backoff_ = std::clamp(backoff_ * 2, kFirstRetry, kLastRetry);
  retry_at_ = clock_.boot() + backoff_;
  return committed;
}

std::optional<BootTime> Committer::step(BootTime now) {
  const auto due = [this]() -> std::optional<BootTime> {
    const MutexLock lock(mutex_);
    if (retry_at_) return retry_at_;
    if (!oldest_) return std::nullopt;
    return waiting_.size() > 1 || is_urgent_ ? *oldest_ : *oldest_ + options_.commit_every;
  };
  const auto first = due();
  if (!first || *first > now) return first;
  (void)commit_now();  // it reports, and sets when to try again
  return due();
}

void Committer::set_options(const CommitterOptions& options) {
  const MutexLock lock(mutex_);
  options_ = options;
}

void Committer::set_commit_every(std::chrono::nanoseconds every) {
  const MutexLock lock(mutex_);
  options_.commit_every = every;
}

CommitterStatus Committer::status() const {
  const MutexLock lock(mutex_);
  CommitterStatus status = status_;
  status.commit_every = options_.commit_every;
  return status;
}

}  // namespace vigile
