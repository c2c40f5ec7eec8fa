// SPDX-License-Identifier: Apache-2.0
#include "equipment/question_memory.h"

#include <algorithm>

#include "core/units.h"

namespace vigile {

namespace {

thread_local QuestionMemory* at_work = nullptr;

}  // namespace

QuestionMemory::QuestionMemory(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {
  at_work = this;
}

QuestionMemory::~QuestionMemory() {
  at_work = nullptr;
}

bool QuestionMemory::hold(std::uint64_t bytes) {
  if (at_work == nullptr) return true;
  at_work->held_bytes_ += bytes;
  if (at_work->held_bytes_ > at_work->limit_bytes_) at_work->exceeded_ = true;
  return !at_work->exceeded_;
}

bool QuestionMemory::is_exceeded() {
  return at_work != nullptr && at_work->exceeded_;
}

std::uint64_t QuestionMemory::limit_bytes() {
  return at_work == nullptr ? UINT64_MAX : at_work->limit_bytes_;
}

Error QuestionMemory::error() {
  return Error{ErrorKind::config,
               "the answer needs more than " + format_size(limit_bytes()) +
                   " of memory: ask for a shorter period, fewer metrics (metric_name), a wider window or a "
                   "smaller limit, or raise question_memory under api in the settings"};
}

void QuestionMemory::give_back(std::uint64_t bytes) {
  if (at_work != nullptr) at_work->held_bytes_ -= std::min(at_work->held_bytes_, bytes);
}

}  // namespace vigile
