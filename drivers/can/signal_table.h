// SPDX-License-Identifier: Apache-2.0
// The newest value of each signal of a run, by frame and, of J1939, by who sent it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "drivers/can/bus.h"
#include "drivers/can/signal.h"
#include "drivers/driver.h"
#include "drivers/scale/not_available.h"

namespace vigile::can {

class SignalTable {
 public:
  // `now`: from then on signals are waited for.
  SignalTable(std::vector<Signal> signals, BootTime now);

  std::vector<IdFilter> filters() const;
  void begin_run();
  // Whether a signal may be in it.
  bool take(const Frame& frame, BootTime now, LeftOut& left_out);
  // One sample a frame and source: with the tags id, or pgn and source, and interface.
  void emit(const std::string& interface, Output& out) const;
  // The first signal that nobody sent since `limit`, with how many more there are. Empty: there is none.
  std::string late_since(BootTime limit) const;

 private:
  // Signals of one name in one message (of several multiplexors) share one.
  struct Slot {
    std::string name;
    BootTime seen{};
  };
  struct Message {
    bool is_j1939 = false;
    std::uint32_t id = 0;  // or PGN
    std::vector<Signal> signals;
    std::vector<std::size_t> slot_of;  // of each signal
    std::vector<Slot> slots;
    // By source address; 0 without J1939.
    std::map<std::uint8_t, std::vector<std::optional<double>>> values;
  };

  static std::uint64_t key_of(std::uint32_t id, bool is_extended, bool is_j1939);
  void take(Message& message, const Frame& frame, BootTime now, LeftOut& left_out);

  std::map<std::uint64_t, Message> messages_;
};

}  // namespace vigile::can
