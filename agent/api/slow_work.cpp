// SPDX-License-Identifier: Apache-2.0
#include "api/slow_work.h"

#include <malloc.h>

#include <exception>

#include "core/logging.h"
#include "equipment/question_memory.h"

namespace vigile {

Response call_handler(const Route& route, const Request& request) {
  try {
    return route.handler(request);
  } catch (const std::exception& error) {
    log::error("api: " + route.method + " " + route.pattern + ": " + error.what());
    return error_response(500, "internal error; the daemon's log says more");
  }
}

namespace {

Response answer_within(std::uint64_t question_bytes, const Route& route, const Request& request) {
  const QuestionMemory memory(question_bytes);
  Response response = call_handler(route, request);
  if (QuestionMemory::is_exceeded()) return error_response(400, QuestionMemory::error().message);
  return response;
}

}  // namespace

void SlowRequest::answer(std::uint64_t question_bytes) {
  {
    const MutexLock lock(mutex_);
    if (abandoned_) return;
  }
  Response response = answer_within(question_bytes, route_, request_);
  const MutexLock lock(mutex_);
  if (!abandoned_) response_ = std::move(response);
}

void SlowRequest::abandon() {
  const MutexLock lock(mutex_);
  abandoned_ = true;
  response_.reset();
}

bool SlowRequest::answered() const {
  const MutexLock lock(mutex_);
  return response_.has_value();
}

Response SlowRequest::take() {
  const MutexLock lock(mutex_);
  Response response = std::move(*response_);
  response_.reset();
  return response;
}

bool SlowQueue::push(std::shared_ptr<SlowRequest> request) {
  const MutexLock lock(mutex_);
  if (waiting_.size() >= limit_) return false;
  waiting_.push_back(std::move(request));
  changed_.notify_one();
  return true;
}

void SlowQueue::run(std::stop_token stop, const std::function<void()>& answered) {
  const std::stop_callback on_stop(stop, [this] {
    const MutexLock lock(mutex_);  // or the wake-up may fall between a worker's look and its sleep
    changed_.notify_all();
  });
  for (;;) {
    std::shared_ptr<SlowRequest> next;
    {
      const MutexLock lock(mutex_);
      while (waiting_.empty() && !stop.stop_requested()) changed_.wait(mutex_);
      if (stop.stop_requested()) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    next->answer(question_bytes_);
    next.reset();
    answered();
    const MutexLock lock(mutex_);
    if (waiting_.empty()) ::malloc_trim(0);
  }
}

}  // namespace vigile
