// SPDX-License-Identifier: Apache-2.0
// Requests whose answers take long, on their way from the serving thread to a worker and back.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "api/http.h"
#include "api/router.h"
#include "core/mutex.h"

namespace vigile {

// One such request. Shared by the connection that waits for it and the worker that answers it: whichever is
// last frees it, so either may go at any time.
class SlowRequest {
 public:
  SlowRequest(const Route& route, Request request) : route_(route), request_(std::move(request)) {}

  // The worker's. Does nothing for a client that has gone. An answer that would hold more than
  // `question_bytes` is a refusal (question_memory.h).
  void answer(std::uint64_t question_bytes) EXCLUDES(mutex_);
  // The serving thread's: nobody wants the answer any more.
  void abandon() EXCLUDES(mutex_);
  bool answered() const EXCLUDES(mutex_);
  // Once answered; once.
  Response take() EXCLUDES(mutex_);

 private:
  const Route& route_;
  Request request_;
  mutable Mutex mutex_;
  bool abandoned_ GUARDED_BY(mutex_) = false;
  std::optional<Response> response_ GUARDED_BY(mutex_);
};

// First come, first served. Any thread.
class SlowQueue {
 public:
  SlowQueue(std::size_t limit, std::uint64_t question_bytes)
      : limit_(limit), question_bytes_(question_bytes) {}
  // False when `limit` wait already.
  bool push(std::shared_ptr<SlowRequest> request) EXCLUDES(mutex_);
  // Answers what comes until stop is requested; calls `answered` after each. The one at work is finished
  // first: its handler cannot be broken off. Once nothing waits, the system gets back what answers have
  // taken.
  void run(std::stop_token stop, const std::function<void()>& answered) EXCLUDES(mutex_);

 private:
  const std::size_t limit_;
  const std::uint64_t question_bytes_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::shared_ptr<SlowRequest>> waiting_ GUARDED_BY(mutex_);
};

// The handler's answer; 500 when it throws.
Response call_handler(const Route& route, const Request& request);

}  // namespace vigile
