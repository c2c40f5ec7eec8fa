// SPDX-License-Identifier: Apache-2.0
// Which multiplexors choose which signals of a message of a DBC file: one, several side by side, or one
// within the signals of another. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "drivers/can/signal.h"

namespace vigile::can {

struct DbcSignal {
  Signal signal;
  std::string long_name;                                             // SystemSignalLongSymbol; empty: none
  bool is_multiplexor = false;                                       // M
  std::optional<std::uint64_t> value;                                // m<n>
  std::map<std::string, std::vector<Multiplexed::Range>> chosen_by;  // SG_MUL_VAL_: by that multiplexor
};

// Fills in Signal::multiplexed of the signals of one message. With one multiplexor all m<n> are its own, and
// SG_MUL_VAL_ adds values to n; with several only SG_MUL_VAL_ says whose a signal is. In a message without
// any m<n> says nothing, and signals whose bits are theirs alone are in every frame. Signals of which it is
// not known are removed; returns their names.
std::vector<std::string> resolve_multiplexing(std::vector<DbcSignal>& signals);

}  // namespace vigile::can
