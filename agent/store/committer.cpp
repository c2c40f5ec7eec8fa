// SPDX-License-Identifier: Apache-2.0
#include "store/committer.h"

#include <algorithm>
#include <utility>

namespace vigile {

namespace {

constexpr std::size_t kSegmentBytes = std::size_t{1}
                                      << 20;  // of lines, at most, but for one driver run larger than that
constexpr std::uint64_t kSlowFactor = 4;
constexpr std::chrono::nanoseconds kStalledFor = std::chrono::seconds(10);  // until sinks have it from memory
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
    waiting_.add(clock, first_ns, last_ns, points, lines, changes, segment_bytes());
    if (!changes.empty()) is_urgent_ = true;
    drop_beyond_memory();
  }
  if (is_first || !changes.empty()) on_first_();
}

// What is dropped is dropped by segment: while commits fail they are kept small.
std::size_t Committer::segment_bytes() const {
  return last_error_.empty()
             ? kSegmentBytes
             : static_cast<std::size_t>(std::min<std::uint64_t>(kSegmentBytes, options_.memory_bytes / 8));
}

// A disk that is only slow gets more room than one that fails.
void Committer::drop_beyond_memory() {
  waiting_.drop_beyond(last_error_.empty() ? kSlowFactor * options_.memory_bytes : options_.memory_bytes);
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
      if (!stalled_since_) stalled_since_ = clock_.boot();
      segment = waiting_.take();
    }
    const auto seq = log_.append(segment);
    if (seq && *seq != 0 && !segment.lines.empty()) on_committed_(*seq, segment.lines);
    std::vector<std::string> sent_since;
    {
      const MutexLock lock(mutex_);
      if (!seq) {
        waiting_.put_back(std::move(segment));
        last_error_ = seq.error().message;
        drop_beyond_memory();
        return seq.error();
      }
      if (*seq != 0) {
        committed_points_ += segment.points;
      } else {
        ++refused_;
      }
      sent_since = waiting_.done(std::move(segment));
      stalled_since_.reset();
      last_error_.clear();
    }
    // An error is one of the next commit too; at worst the sink gets it once more.
    for (const std::string& sink : sent_since) (void)log_.acknowledge(sink, {*seq, *seq});
  }
}

std::vector<StoredSegment> Committer::read_waiting(std::string_view sink, std::uint64_t from,
                                                   const ReadLimits& limits) {
  std::vector<StoredSegment> segments;
  {
    const MutexLock lock(mutex_);
    if (!stalled_since_) return {};
    if (clock_.boot() - *stalled_since_ < kStalledFor && !is_ending_) return {};
    segments = waiting_.read(sink, from, limits);
  }
  if (segments.empty()) return segments;
  PayloadEncoder encoder;
  for (StoredSegment& segment : segments) {
    const std::string lines = std::exchange(segment.payload, {});
    segment.crc32 = crc32_of(lines);
    encoder.encode(lines, segment.payload);
  }
  return segments;
}

void Committer::sent(std::string_view sink, SeqRange numbers) {
  const MutexLock lock(mutex_);
  waiting_.sent(sink, numbers);
}

void Committer::hand_out_now() {
  const MutexLock lock(mutex_);
  is_ending_ = true;
}

std::uint64_t Committer::unsent_points() const {
  const MutexLock lock(mutex_);
  return waiting_.unsent_points();
}

void Committer::set_sinks(std::vector<std::string> names) {
  const MutexLock lock(mutex_);
  waiting_.set_sinks(std::move(names));
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
  CommitterStatus status{waiting_.status()};
  status.committed_points = committed_points_;
  status.last_error = last_error_;
  status.commit_every = options_.commit_every;
  return status;
}

}  // namespace vigile
