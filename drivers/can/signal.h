// SPDX-License-Identifier: Apache-2.0
// Where a signal stands in a frame's data, and what it means. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vigile::can {

// Only in frames whose multiplexor has that value.
struct Multiplexed {
  int start = 0;
  int length = 0;
  bool is_big_endian = false;
  std::uint64_t value = 0;
};

struct Signal {
  enum class Kind : std::uint8_t { integer, float32, float64 };
  std::string name;
  std::uint32_t id = 0;  // 11 bits, or 29 with is_extended
  bool is_extended = false;
  int start =
      0;  // as in DBC: of Intel the lowest bit, of Motorola the highest, counted from each byte's lowest
  int length = 0;              // bits, 1 to 64
  bool is_big_endian = false;  // Motorola
  bool is_signed = false;
  Kind kind = Kind::integer;
  double scale = 1;
  double offset = 0;
  std::string unit;
  std::optional<Multiplexed> multiplexed;
};

// Whether all of its bits lie in a frame of that many bytes.
bool fits(int start, int length, bool is_big_endian, std::size_t bytes);
std::uint64_t bits_of(std::span<const std::uint8_t> data, int start, int length, bool is_big_endian);
// Absent: the frame is too short, is of another multiplexor, or its value is no number.
std::optional<double> value_of(const Signal& signal, std::span<const std::uint8_t> data);

// The signals of a DBC file (BO_, SG_, SIG_VALTYPE_). Errors: parse: "<file>:<line>: …".
Result<std::vector<Signal>> parse_dbc(std::string_view text, std::string_view file);

}  // namespace vigile::can
