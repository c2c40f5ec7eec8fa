// SPDX-License-Identifier: Apache-2.0
#include "delivery/delivery.h"

#include <algorithm>
#include <utility>

#include "core/units.h"
#include "delivery/delivery_loop.h"

namespace vigile {

using std::chrono::nanoseconds;

namespace {

constexpr nanoseconds kStoreRetry = std::chrono::seconds(5);

// No server's limit is so low.
Outcome broken_path(const Outcome& refusal) {
  return {.kind = Outcome::Kind::paused,
          .message = refusal.message +
                     ": a single line is refused as too large though no server's limit is so low: a proxy or "
                     "gateway on the path refuses everything; correct its size limit, or the sink's url"};
}

}  // namespace

DeliveryLoop::DeliveryLoop(const DeliveryOptions& options, Log& log, Sink& sink, const Clock& clock,
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
      left_in_memory_("sink " + options.sink),
      letters_failure_("sink " + options.sink),
      conflict_("sink " + options.sink) {
  status_.batch_bytes = limit_.bytes();
}

void DeliveryLoop::flush() {
  const MutexLock lock(mutex_);
  flush_requested_ = true;
}

DeliveryStatus DeliveryLoop::status() const {
  const MutexLock lock(mutex_);
  DeliveryStatus status = status_;
  // Whatever the other client leaves through arrives; that is not healthy.
  if (!conflict_reason_.empty() && status.state != DeliveryStatus::State::paused) {
    status.state = DeliveryStatus::State::conflict;
    status.reason = conflict_reason_;
  }
  return status;
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
  const BootTime next = step_once(stop);
  SinkConflict conflict = sink_.conflict();
  if (!conflict.reason.empty()) {
    conflict_.failed("conflict: " + conflict.reason);
  } else {
    conflict_.succeeded();
  }
  const MutexLock lock(mutex_);
  conflict_reason_ = std::move(conflict.reason);
  status_.conflicts = conflict.count;
  return next;
}

BootTime DeliveryLoop::step_once(std::stop_token stop) {
  const BootTime now = clock_.boot();
  const bool asked = take_flush_request();
  if (!asked && now < next_try_) return next_try_;
  if (asked) {  // somebody has acted, and does not want to wait
    broken_since_.reset();
    letters_from_ = now;
  }
  if (isolation_ && letters_.empty()) {
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
  if (reading->segments.empty()) {
    const auto resent = resend(stop, now);
    return next_try_ = resent ? *resent : rest(now);
  }
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
      if (batch.points == 1 && batch.raw_bytes < sink_.least_limit_bytes()) return failed(outcome, now);
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
  limit_.accepted(batch.raw_bytes, took);
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

// Nothing was delivered, and the lines are not the cause.
BootTime DeliveryLoop::failed(const Outcome& refusal, BootTime now) {
  const Outcome outcome = refusal.kind == Outcome::Kind::too_large ? broken_path(refusal) : refusal;
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

std::unique_ptr<Delivery> Delivery::make(const DeliveryOptions& options, Log& log, Sink& sink,
                                         const Clock& clock, WaitingReadings* waiting) {
  return std::make_unique<DeliveryLoop>(options, log, sink, clock, waiting);
}

}  // namespace vigile
