// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "core/result.h"
#include "drivers/modbus/register_value.h"

namespace vigile::modbus {

// How a device's manual counts.
enum class Numbering {
  protocol,   // from 0, as the protocol does
  reference,  // from 1, with the table in front: 00001 a coil, 10001, 30001, 40001 a holding register
};

struct RegisterAddress {
  int address = 0;                // in the protocol, from 0
  std::optional<Kind> kind = {};  // when the text names the table
};

// As manuals write it: "100", "0x64", "64h", "16#64"; "400101", "4x0101" and "%MW100", which say their table.
// Five digits as in 40101 are an address in the protocol, or a reference: as `numbering` says. Errors:
// config, the cause alone.
Result<RegisterAddress> parse_register_address(std::string_view text, Numbering numbering);

}  // namespace vigile::modbus
