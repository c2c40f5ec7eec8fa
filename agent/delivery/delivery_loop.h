// SPDX-License-Identifier: Apache-2.0
// The one Delivery there is. delivery.cpp reads and sends, refusals.cpp searches for lines that are refused,
// resending.cpp sends dead letters again.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/backoff.h"
#include "core/logging.h"
#include "core/mutex.h"
#include "delivery/batch_limit.h"
#include "delivery/delivery.h"
#include "delivery/isolation.h"

namespace vigile {

class DeliveryLoop final : public Delivery {
 public:
  DeliveryLoop(const DeliveryOptions& options, Log& log, Sink& sink, const Clock& clock,
               WaitingReadings* waiting);

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

  BootTime step_once(std::stop_token stop) EXCLUDES(mutex_);
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
  std::optional<BootTime> resend(std::stop_token stop, BootTime now) EXCLUDES(mutex_);
  BootTime letters_failed(const Outcome& outcome, BootTime now);
  Result<void> settle_letters();
  Result<void> settle_isolated();
  BootTime accepted(const Batch& batch, std::chrono::nanoseconds took, Source source, BootTime now)
      EXCLUDES(mutex_);
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
  std::vector<DeadLetter> letters_;   // not empty: the isolation is of these, sent again
  BootTime letters_from_{};           // they are tried from then on
  std::uint64_t live_from_;           // live_first: segments from here on are live
  std::uint64_t live_mark_;           // and those from here on at the next flush
  double bucket_ = 0;                 // bytes of backlog that may go now
  BootTime bucket_at_;
  log::Repeated failure_;
  log::Repeated log_failure_;  // apart: readings may go from memory meanwhile
  log::Repeated left_in_memory_;
  log::Repeated letters_failure_;
  log::Repeated conflict_;  // another client has this one's id

  mutable Mutex mutex_;
  bool flush_requested_ GUARDED_BY(mutex_) = false;
  DeliveryStatus status_ GUARDED_BY(mutex_);
  std::string conflict_reason_ GUARDED_BY(mutex_);  // empty: no conflict
};

}  // namespace vigile
