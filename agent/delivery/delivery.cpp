// SPDX-License-Identifier: Apache-2.0
#include "delivery/delivery.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/backoff.h"
#include "core/logging.h"
#include "core/mutex.h"
#include "core/units.h"
#include "delivery/batch_limit.h"
#include "delivery/isolation.h"

namespace vigile {

namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kStoreRetry = std::chrono::seconds(5);

class DeliveryLoop final : public Delivery {
 public:
  DeliveryLoop(const DeliveryOptions& options, Log& log, Sink& sink, const Clock& clock,
               WaitingReadings* waiting)
      : options_(options),
        log_(log),
        waiting_(waiting),
        sink_(sink),
        clock_(clock),
        backoff_(options.seed),
        // A batch of the backlog is never so long under way that live readings miss their flush.
        limit_(std::min(options.batch_bytes, sink.max_batch_bytes()),
               options.live_first ? options.every / 4 : BatchLimit::kSlow),
        next_flush_(clock.boot() + backoff_.fraction(options.every)),
        next_try_(next_flush_),
        live_from_(log.last_seq() + 1),
        live_mark_(live_from_),
        bucket_at_(clock.boot()),
        failure_("sink " + options.sink),
        log_failure_("sink " + options.sink + ": the log"),
        left_in_memory_("sink " + options.sink) {
    status_.batch_bytes = limit_.bytes();
  }

  BootTime step(std::stop_token stop) override;
  void send_waiting() override EXCLUDES(mutex_);
  void flush() override EXCLUDES(mutex_);
  DeliveryStatus status() const override EXCLUDES(mutex_);

 private:
  enum class Source { log, backlog, memory };  // backlog: of live_first, paced
  // What is read to be sent at once.
  struct Reading {
    std::vector<StoredSegment> segments;
    Source source = Source::log;
  };

  bool take_flush_request() EXCLUDES(mutex_);
  void begin_flush(BootTime now);
  Result<Reading> read(BootTime now);
  std::optional<Reading> read_memory();
  BootTime rest(BootTime now) EXCLUDES(mutex_);
  Outcome send(const Batch& batch, std::stop_token stop) EXCLUDES(mutex_);
  BootTime deliver(Reading reading, std::stop_token stop) EXCLUDES(mutex_);
  BootTime isolate_next(std::stop_token stop) EXCLUDES(mutex_);
  BootTime finish_isolation(BootTime now) EXCLUDES(mutex_);
  BootTime start_isolation(const Outcome& outcome, BootTime now) EXCLUDES(mutex_);
  BootTime accepted(const Batch& batch, nanoseconds took, Source source, BootTime now) EXCLUDES(mutex_);
  BootTime leave_to_the_log(const Outcome& outcome, BootTime now) EXCLUDES(mutex_);
  BootTime next_batch(BootTime now);
  BootTime failed(const Outcome& outcome, BootTime now) EXCLUDES(mutex_);
  BootTime store_failed(const Error& error, BootTime now) EXCLUDES(mutex_);
  void set_state(DeliveryStatus::State state, std::string reason, std::optional<BootTime> next)
      EXCLUDES(mutex_);

  const DeliveryOptions options_;
  Log& log_;
  WaitingReadings* const waiting_;
  Sink& sink_;
  const Clock& clock_;

  // The stepping thread's alone.
  Backoff backoff_;
  BatchLimit limit_;
  BootTime next_flush_;
  BootTime next_try_;
  bool flushing_ = false;                 // what there is goes out until nothing is left
  bool asks_memory_ = false;              // in this flush there may be something left in memory
  std::uint64_t memory_from_ = 1;         // what waits there before this number is left to the log
  std::uint64_t one_by_one_to_ = 0;       // not 0: one of those up to this number was refused
  std::optional<BootTime> broken_since_;  // the first failure since something went through
  std::vector<StoredSegment> segments_;   // of the batch under way
  std::vector<Payload> payloads_;
  std::unique_ptr<Isolation> isolation_;
  SeqRange isolated_;                 // its segments
  std::uint64_t isolated_bytes_ = 0;  // of lines
  bool letters_wait_ = false;         // it is done, and the log cannot take its dead letters now
  std::uint64_t live_from_;           // live_first: segments from here on are live
  std::uint64_t live_mark_;           // and those from here on at the next flush
  double bucket_ = 0;                 // bytes of backlog that may go now
  BootTime bucket_at_;
  log::Repeated failure_;
  log::Repeated log_failure_;  // apart: readings may go from memory meanwhile
  log::Repeated left_in_memory_;

  mutable Mutex mutex_;
  bool flush_requested_ GUARDED_BY(mutex_) = false;
  DeliveryStatus status_ GUARDED_BY(mutex_);
};

void DeliveryLoop::flush() {
  const MutexLock lock(mutex_);
  flush_requested_ = true;
}

DeliveryStatus DeliveryLoop::status() const {
  const MutexLock lock(mutex_);
  return status_;
}

bool DeliveryLoop::take_flush_request() {
  const MutexLock lock(mutex_);
  return std::exchange(flush_requested_, false);
}

void DeliveryLoop::set_state(DeliveryStatus::State state, std::string reason, std::optional<BootTime> next) {
  const MutexLock lock(mutex_);
  status_.state = state;
  status_.reason = std::move(reason);
  status_.next_try = next;
  status_.batch_bytes = limit_.bytes();
}

void DeliveryLoop::begin_flush(BootTime now) {
  flushing_ = true;
  // Flushes that were missed are not made up for.
  while (next_flush_ <= now) next_flush_ += options_.every;
  live_from_ = std::exchange(live_mark_, log_.last_seq() + 1);
  asks_memory_ = waiting_ != nullptr;
}

BootTime DeliveryLoop::step(std::stop_token stop) {
  const BootTime now = clock_.boot();
  const bool asked = take_flush_request();
  if (!asked && now < next_try_) return next_try_;
  if (asked) broken_since_.reset();  // somebody has acted, and does not want to wait
  if (isolation_) {
    next_try_ = isolate_next(stop);
    if (!letters_wait_) return next_try_;
    if (asked || now >= next_flush_) begin_flush(now);
    if (auto waiting = read_memory()) next_try_ = deliver(std::move(*waiting), stop);
    return next_try_;
  }
  if (asked || now >= next_flush_ || !flushing_) begin_flush(now);
  auto reading = read(now);
  if (!reading) return next_try_ = store_failed(reading.error(), now);
  if (reading->source != Source::memory) log_failure_.succeeded();
  if (reading->segments.empty()) return next_try_ = rest(now);
  return next_try_ = deliver(std::move(*reading), stop);
}

void DeliveryLoop::send_waiting() {
  asks_memory_ = waiting_ != nullptr;
  for (const std::uint64_t failures = status().failures; failures == status().failures;) {
    auto waiting = read_memory();
    if (!waiting) return;
    (void)deliver(std::move(*waiting), {});
  }
}

std::optional<DeliveryLoop::Reading> DeliveryLoop::read_memory() {
  if (!asks_memory_) return std::nullopt;
  ReadLimits limits{.raw_bytes = std::min(limit_.bytes(), sink_.max_batch_bytes())};
  if (one_by_one_to_ != 0) limits.points = 0;
  auto segments = waiting_->read_waiting(options_.sink, memory_from_, limits);
  if (!segments.empty()) return Reading{std::move(segments), Source::memory};
  asks_memory_ = false;
  return std::nullopt;
}

Result<DeliveryLoop::Reading> DeliveryLoop::read(BootTime now) {
  if (auto waiting = read_memory()) return std::move(*waiting);
  const ReadLimits limits{.raw_bytes = std::min(limit_.bytes(), sink_.max_batch_bytes())};
  if (!options_.live_first) {
    auto segments = log_.read_undelivered(options_.sink, 0, limits);
    if (!segments) return segments.error();
    return Reading{std::move(*segments)};
  }
  auto live = log_.read_undelivered(options_.sink, live_from_, limits);
  if (!live) return live.error();
  if (!live->empty()) return Reading{std::move(*live)};
  if (options_.backlog_bytes_per_second > 0) {
    const double rate = static_cast<double>(options_.backlog_bytes_per_second);
    bucket_ = std::min(rate, bucket_ + rate * std::chrono::duration<double>(now - bucket_at_).count());
    bucket_at_ = now;
    if (bucket_ <= 0) return Reading{};
  }
  auto backlog = log_.read_undelivered(options_.sink, 0, limits);
  if (!backlog) return backlog.error();
  return Reading{std::move(*backlog), Source::backlog};
}

// Nothing to send now: until the next flush, or until the bucket has something again.
BootTime DeliveryLoop::rest(BootTime now) {
  BootTime next = next_flush_;
  if (options_.live_first && bucket_ < 0) {
    const double wait = -bucket_ / static_cast<double>(options_.backlog_bytes_per_second) + 0.001;
    next = std::min(next, now + std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(wait)));
  } else {
    flushing_ = false;
  }
  set_state(DeliveryStatus::State::idle, "", next);
  return next;
}

Outcome DeliveryLoop::send(const Batch& batch, std::stop_token stop) {
  {
    const MutexLock lock(mutex_);
    // A failure is shown until something has gone through.
    if (status_.state == DeliveryStatus::State::idle || status_.state == DeliveryStatus::State::starting) {
      status_.state = DeliveryStatus::State::delivering;
    }
    ++status_.requests;
  }
  return sink_.deliver(batch, stop);
}

BootTime DeliveryLoop::deliver(Reading reading, std::stop_token stop) {
  segments_ = std::move(reading.segments);
  payloads_.clear();
  Batch batch;
  for (const StoredSegment& segment : segments_) {
    payloads_.push_back(segment.view());
    batch.points += segment.points;
    batch.raw_bytes += segment.raw_bytes;
  }
  batch.payloads = payloads_;
  const BootTime begin = clock_.boot();
  const Outcome outcome = send(batch, stop);
  const BootTime now = clock_.boot();
  switch (outcome.kind) {
    case Outcome::Kind::accepted:
      return accepted(batch, now - begin, reading.source, now);
    case Outcome::Kind::retry_later:
    case Outcome::Kind::paused:
      if (stop.stop_requested()) return now;
      limit_.failed(now - begin);
      return failed(outcome, now);
    case Outcome::Kind::too_large:
      limit_.too_large(batch.raw_bytes);
      if (segments_.size() > 1) {
        log::notice("sink " + options_.sink + ": a batch of " + format_size(batch.raw_bytes) +
                    " is too large for the server; batches are halved");
        set_state(DeliveryStatus::State::delivering, "", now);
        return now;
      }
      [[fallthrough]];
    case Outcome::Kind::partial:
    case Outcome::Kind::malformed:
      return reading.source == Source::memory ? leave_to_the_log(outcome, now)
                                              : start_isolation(outcome, now);
  }
  return now;
}

BootTime DeliveryLoop::accepted(const Batch& batch, nanoseconds took, Source source, BootTime now) {
  const SeqRange range{segments_.front().seq, segments_.back().seq};
  if (source == Source::memory) {
    waiting_->sent(options_.sink, range);
    if (range.last >= one_by_one_to_) one_by_one_to_ = 0;
  } else if (const auto kept = log_.acknowledge(options_.sink, range); !kept) {
    return store_failed(kept.error(), now);
  }
  segments_.clear();
  limit_.accepted(took);
  backoff_.succeeded(now);
  failure_.succeeded();
  const BootTime next = next_batch(now);
  if (source == Source::backlog && options_.backlog_bytes_per_second > 0)
    bucket_ -= static_cast<double>(batch.raw_bytes);
  const MutexLock lock(mutex_);
  status_.state = DeliveryStatus::State::delivering;
  status_.reason.clear();
  status_.next_try = next;
  status_.last_acknowledged = clock_.wall();
  status_.delivered_points += batch.points;
  status_.delivered_bytes += batch.raw_bytes;
  status_.batch_bytes = limit_.bytes();
  return next;
}

// At once; but a server that was away for longer than a flush interval has a whole fleet waiting for it, and
// what waits here goes at a random time of the next one.
BootTime DeliveryLoop::next_batch(BootTime now) {
  const auto broken_since = std::exchange(broken_since_, std::nullopt);
  if (!broken_since || now - *broken_since < options_.every) return now;
  flushing_ = false;
  return next_flush_ = now + backoff_.fraction(options_.every);
}

BootTime DeliveryLoop::failed(const Outcome& outcome, BootTime now) {
  const bool paused = outcome.kind == Outcome::Kind::paused;
  nanoseconds wait = paused ? Backoff::kLongest : backoff_.failed();
  // Told "0", or a date that our clock has passed, is no leave to ask without a pause.
  // A fleet that is told the same date does not come back in the same moment.
  if (!paused && outcome.retry_after && *outcome.retry_after >= Backoff::kShortest) {
    wait = std::min(*outcome.retry_after + backoff_.fraction(options_.every), Backoff::kLongestTold);
  }
  if (!broken_since_) broken_since_ = now;
  failure_.failed((paused ? "paused: " : "") + outcome.message);
  {
    const MutexLock lock(mutex_);
    ++status_.failures;
  }
  const auto state = paused                ? DeliveryStatus::State::paused
                     : outcome.retry_after ? DeliveryStatus::State::waiting
                                           : DeliveryStatus::State::retrying;
  set_state(state, outcome.message, now + wait);
  return now + wait;
}

BootTime DeliveryLoop::store_failed(const Error& error, BootTime now) {
  log_failure_.failed(error.message, log::Level::error);
  set_state(DeliveryStatus::State::retrying, "the log: " + error.message, now + kStoreRetry);
  return now + kStoreRetry;
}

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
  isolation_ = std::make_unique<Isolation>(std::move(lines), outcome, options_.isolation_requests);
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
  if (!isolation_->take(outcome)) return stop.stop_requested() ? now : failed(outcome, now);
  failure_.succeeded();
  return isolation_->done() ? finish_isolation(now) : now;
}

BootTime DeliveryLoop::finish_isolation(BootTime now) {
  std::vector<DeadLetter> letters;
  for (const Isolation::BadLine& bad : isolation_->bad()) {
    letters.push_back(DeadLetter{
        .sink = options_.sink, .refused_ns = to_ns(clock_.wall()), .line = bad.line, .reason = bad.reason});
  }
  const auto kept = log_.acknowledge(options_.sink, isolated_, letters);
  letters_wait_ = !kept;
  if (!kept) return store_failed(kept.error(), now);
  log_failure_.succeeded();
  if (!letters.empty()) {
    log::warning("sink " + options_.sink + ": " + std::to_string(letters.size()) +
                 " lines refused for good are dead letters; the last: " + letters.back().reason);
  }
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
  status_.dead_letters += letters.size();
  status_.delivered_points += lines - std::min<std::uint64_t>(lines, letters.size());
  status_.delivered_bytes += isolated_bytes_;
  return next;
}

}  // namespace

std::unique_ptr<Delivery> Delivery::make(const DeliveryOptions& options, Log& log, Sink& sink,
                                         const Clock& clock, WaitingReadings* waiting) {
  return std::make_unique<DeliveryLoop>(options, log, sink, clock, waiting);
}

}  // namespace vigile
