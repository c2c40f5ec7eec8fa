// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/window.h"

#include <algorithm>
#include <utility>

namespace vigile::mqtt_sink {

void Window::add(const Flight& flight) {
  entries_.push_back({.flight = flight});
  ++count_;
  bytes_ += flight.bytes;
}

void Window::add_rejected(const Flight& flight, RejectedLine line) {
  entries_.push_back({.flight = flight, .state = State::done, .rejected = std::move(line)});
  move_on();
}

Window::Entry* Window::entry(std::uintptr_t number) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [number](const Entry& candidate) {
    return candidate.flight.number == number && candidate.state == State::sent;
  });
  return found == entries_.end() ? nullptr : &*found;
}

const Flight* Window::find(std::uintptr_t number) const {
  const Entry* const found = const_cast<Window*>(this)->entry(number);
  return found == nullptr ? nullptr : &found->flight;
}

std::size_t Window::largest_bytes() const {
  std::size_t largest = 0;
  for (const Entry& entry : entries_) {
    if (entry.state == State::sent) largest = std::max(largest, entry.flight.bytes);
  }
  return largest;
}

void Window::leave(Entry& entry, State state) {
  entry.state = state;
  --count_;
  bytes_ -= entry.flight.bytes;
}

void Window::settle(std::uintptr_t number) {
  if (Entry* const found = entry(number)) leave(*found, State::done);
  move_on();
}

void Window::reject(std::uintptr_t number, RejectedLine line) {
  if (Entry* const found = entry(number)) {
    leave(*found, State::done);
    found->rejected = std::move(line);
  }
  move_on();
}

void Window::fail(std::uintptr_t number) {
  if (Entry* const found = entry(number)) leave(*found, State::failed);
}

void Window::move_on() {
  while (!entries_.empty() && entries_.front().state == State::done) {
    Entry& first = entries_.front();
    if (first.rejected) resume_.reject(std::move(*first.rejected));
    resume_.advance(first.flight.end);
    entries_.pop_front();
  }
}

}  // namespace vigile::mqtt_sink
