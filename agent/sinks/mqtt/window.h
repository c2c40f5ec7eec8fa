// SPDX-License-Identifier: Apache-2.0
// The messages of one try that are on their way, in the order of their lines. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "sinks/mqtt/resume.h"
#include "sinks/mqtt/split.h"
#include "sinks/sink.h"

namespace vigile::mqtt_sink {

struct Flight {
  std::uintptr_t number = 0;  // given to the client; 0: never sent
  std::size_t bytes = 0;
  std::uint64_t first_line = 0;
  std::uint64_t lines = 0;
  Position end;
};

class Window {
 public:
  // What is done in order moves `resume` on.
  explicit Window(Resume& resume) : resume_(resume) {}

  void add(const Flight& flight);
  // A line that is not sent at all; takes its place in the order.
  void add_rejected(const Flight& flight, RejectedLine line);
  // Null when that number is not on its way.
  const Flight* find(std::uintptr_t number) const;
  // Acknowledged.
  void settle(std::uintptr_t number);
  // Refused for good: its one line is rejected, the rest goes on.
  void reject(std::uintptr_t number, RejectedLine line);
  // Refused: no longer on its way, and nothing after it counts as done.
  void fail(std::uintptr_t number);

  std::size_t count() const { return count_; }  // on their way
  std::size_t bytes() const { return bytes_; }
  std::size_t largest_bytes() const;  // of one of them; 0: none

 private:
  enum class State { sent, done, failed };
  struct Entry {
    Flight flight;
    State state = State::sent;
    std::optional<RejectedLine> rejected = {};
  };
  Entry* entry(std::uintptr_t number);
  void leave(Entry& entry, State state);
  void move_on();

  Resume& resume_;
  std::deque<Entry> entries_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace vigile::mqtt_sink
