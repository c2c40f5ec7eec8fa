// SPDX-License-Identifier: Apache-2.0
// What one question may hold in memory while it is answered: series, windows, rows and the answer's text. The
// parts that grow with the question say what they hold; once it is too much, they stop, and the question is
// refused. Outside of a question (tests, vigilectl) nothing is limited.
#pragma once

#include <cstdint>

#include "core/result.h"

namespace vigile {

inline constexpr std::uint64_t kDefaultQuestionBytes = std::uint64_t{8} << 20;

// The question that this thread answers, from here to the end of the scope. One a thread.
class QuestionMemory {
 public:
  explicit QuestionMemory(std::uint64_t limit_bytes);
  ~QuestionMemory();
  QuestionMemory(const QuestionMemory&) = delete;
  QuestionMemory& operator=(const QuestionMemory&) = delete;

  // Bytes that are held until the question ends. False: it is too much, and stays so.
  static bool hold(std::uint64_t bytes);
  static bool is_exceeded();
  // How much may be held at most; UINT64_MAX outside of a question.
  static std::uint64_t limit_bytes();
  // What is said then. Kind: config, since another question can be answered.
  static Error error();

 private:
  friend class HeldMemory;
  static void give_back(std::uint64_t bytes);

  const std::uint64_t limit_bytes_;
  std::uint64_t held_bytes_ = 0;
  bool exceeded_ = false;
};

// Bytes that are held until this is destroyed, by one part of a question's work.
class HeldMemory {
 public:
  HeldMemory() = default;
  ~HeldMemory() { release(); }
  HeldMemory(const HeldMemory&) = delete;
  HeldMemory& operator=(const HeldMemory&) = delete;
  bool hold(std::uint64_t bytes) {
    bytes_ += bytes;
    return QuestionMemory::hold(bytes);
  }
  void release() {
    QuestionMemory::give_back(bytes_);
    bytes_ = 0;
  }

 private:
  std::uint64_t bytes_ = 0;
};

}  // namespace vigile
