// SPDX-License-Identifier: Apache-2.0
#include "drivers/can/signal_table.h"

#include <linux/can.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace vigile::can {

namespace {

class ShownNumber {
 public:
  ShownNumber(std::uint32_t number, int base)
      : end_(std::to_chars(text_, text_ + sizeof text_, number, base).ptr) {}
  std::string_view text() const { return {text_, static_cast<std::size_t>(end_ - text_)}; }

 private:
  char text_[16];
  char* end_;
};

}  // namespace

std::uint64_t SignalTable::key_of(std::uint32_t id, bool is_extended, bool is_j1939) {
  constexpr std::uint64_t kJ1939 = std::uint64_t{1} << 32;
  if (is_j1939) return kJ1939 | pgn_of(id);
  return is_extended ? id | CAN_EFF_FLAG : id;
}

SignalTable::SignalTable(std::vector<Signal> signals, BootTime now) {
  for (Signal& signal : signals) {
    Message& message = messages_[key_of(signal.id, signal.is_extended, signal.is_j1939)];
    message.is_j1939 = signal.is_j1939;
    message.id = signal.is_j1939 ? pgn_of(signal.id) : signal.id;
    const auto known = std::find_if(message.slots.begin(), message.slots.end(),
                                    [&](const Slot& slot) { return slot.name == signal.name; });
    message.slot_of.push_back(static_cast<std::size_t>(known - message.slots.begin()));
    if (known == message.slots.end()) message.slots.push_back({signal.name, now});
    message.signals.push_back(std::move(signal));
  }
}

std::vector<IdFilter> SignalTable::filters() const {
  std::vector<IdFilter> filters;
  for (const auto& [key, message] : messages_) {
    if (!message.is_j1939) {
      const bool is_extended = (key & CAN_EFF_FLAG) != 0;
      filters.push_back(
          {static_cast<std::uint32_t>(key), CAN_EFF_FLAG | (is_extended ? CAN_EFF_MASK : CAN_SFF_MASK)});
      continue;
    }
    // Any priority and source, and any destination where there is one.
    const std::uint32_t mask = (message.id >> 8 & 0xff) < 240 ? 0x03ff'0000U : 0x03ff'ff00U;
    filters.push_back({message.id << 8 | CAN_EFF_FLAG, mask | CAN_EFF_FLAG});
  }
  return filters;
}

void SignalTable::begin_run() {
  for (auto& [key, message] : messages_) message.values.clear();
}

bool SignalTable::take(const Frame& frame, BootTime now, LeftOut& left_out) {
  bool is_known = false;
  for (const bool by_pgn : {false, true}) {
    if (by_pgn && !frame.is_extended) continue;
    const auto found = messages_.find(key_of(frame.id, frame.is_extended, by_pgn));
    if (found == messages_.end()) continue;
    take(found->second, frame, now, left_out);
    is_known = true;
  }
  return is_known;
}

void SignalTable::take(Message& message, const Frame& frame, BootTime now, LeftOut& left_out) {
  const auto source = static_cast<std::uint8_t>(message.is_j1939 ? frame.id & 0xff : 0);
  auto& values = message.values[source];
  values.resize(message.slots.size());
  for (std::size_t i = 0; i < message.signals.size(); ++i) {
    const SignalReading reading = reading_of(message.signals[i], std::span(frame.data.data(), frame.size));
    if (!reading.is_sent) continue;
    message.slots[message.slot_of[i]].seen = now;
    values[message.slot_of[i]] = reading.value;
    if (!reading.value) left_out.add();
  }
}

void SignalTable::emit(const std::string& interface, Output& out) const {
  std::vector<Value> values;
  for (const auto& [key, message] : messages_) {
    for (const auto& [source, newest] : message.values) {
      values.clear();
      for (std::size_t i = 0; i < newest.size(); ++i) {
        if (newest[i]) values.push_back({message.slots[i].name, message.slots[i].name, *newest[i]});
      }
      if (values.empty()) continue;
      const ShownNumber id(message.id, message.is_j1939 ? 10 : 16);
      const ShownNumber sender(source, 10);
      const std::array<Tag, 3> tags = {message.is_j1939 ? Tag{"interface", interface} : Tag{"id", id.text()},
                                       message.is_j1939 ? Tag{"pgn", id.text()} : Tag{"interface", interface},
                                       Tag{"source", message.is_j1939 ? sender.text() : std::string_view()}};
      out.add({.measurement = "can", .tags = tags, .values = values});
    }
  }
}

std::string SignalTable::late_since(BootTime limit) const {
  std::size_t count = 0;
  std::string first;
  for (const auto& [key, message] : messages_) {
    for (const Slot& slot : message.slots) {
      if (slot.seen >= limit) continue;
      if (count++ == 0) first = slot.name;
    }
  }
  if (count == 0) return "";
  return first + " did not come for longer than max_age" +
         (count > 1 ? " (and " + std::to_string(count - 1) + " more signals)" : "");
}

}  // namespace vigile::can
