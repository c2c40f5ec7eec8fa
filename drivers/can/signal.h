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
#include "drivers/scale/not_available.h"

namespace vigile::can {

// Only in frames whose multiplexor has one of those values.
struct Multiplexed {
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };
  int start = 0;
  int length = 0;
  bool is_big_endian = false;
  std::vector<Range> values;  // raw
};

struct Signal {
  enum class Kind : std::uint8_t { integer, float32, float64 };
  std::string name;
  std::string short_name;  // where the DBC file has a longer one as well; else empty
  std::uint32_t id = 0;    // 11 bits, or 29 with is_extended
  bool is_extended = false;
  // By the rules of SAE J1939: frames of the same PGN from any source address have it, and the highest raw
  // values mean "error" and "not available".
  bool is_j1939 = false;
  int start =
      0;  // as in DBC: of Intel the lowest bit, of Motorola the highest, counted from each byte's lowest
  int length = 0;              // bits, 1 to 64
  bool is_big_endian = false;  // Motorola
  bool is_signed = false;
  Kind kind = Kind::integer;
  double scale = 1;
  double offset = 0;
  std::string unit;
  std::vector<Multiplexed> multiplexed;  // all of them have to hold
  NotAvailable not_available;
};

// Whether all of its bits lie in a frame of that many bytes.
bool fits(int start, int length, bool is_big_endian, std::size_t bytes);
std::uint64_t bits_of(std::span<const std::uint8_t> data, int start, int length, bool is_big_endian);

// Whether J1939 reserves that raw value: FE.. (error) and FF.. (not available) of 8 bits and more, the two
// highest of 2 to 7 bits (10b, 11b); of signed ones, which J1939 does not have, only "all bits set".
bool is_reserved_by_j1939(std::uint64_t raw, int length, bool is_signed);

struct SignalReading {
  bool is_sent = false;         // false: the frame is too short, or of another multiplexor
  std::optional<double> value;  // absent: a code for "not available", or no number
};
SignalReading reading_of(const Signal& signal, std::span<const std::uint8_t> data);
inline std::optional<double> value_of(const Signal& signal, std::span<const std::uint8_t> data) {
  return reading_of(signal, data).value;
}

// The PGN of an identifier of 29 bits, SAE J1939-21: without priority and source address, and without the
// destination address where there is one (PDU format below 240).
std::uint32_t pgn_of(std::uint32_t id);

// The signals of a DBC file: BO_, SG_, SG_MUL_VAL_, SIG_VALTYPE_, and of BA_ the long names and the format of
// the frames. What cannot be read costs its message, or the one signal whose multiplexor is not known, and is
// added to `left_out`, if that is given: "<file>:<line>: message Axle (0x123): …". Of several messages of one
// id the last counts. Errors: parse, for more than 20,000 signals.
Result<std::vector<Signal>> parse_dbc(std::string_view text, std::string_view file,
                                      std::vector<Error>* left_out = nullptr);

}  // namespace vigile::can
