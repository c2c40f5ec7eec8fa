// SPDX-License-Identifier: Apache-2.0
// What one entry of `registers` is, and what the words that were read for it mean.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "drivers/scale/not_available.h"

namespace vigile::modbus {

enum class Kind { coil, discrete, holding, input };
enum class Type { boolean, int16, uint16, int32, uint32, int64, uint64, float32, float64, text };

std::string_view to_string(Kind kind);
inline bool has_bits(Kind kind) {
  return kind == Kind::coil || kind == Kind::discrete;
}

struct Register {
  std::string name;
  int unit_id = 1;
  Kind kind = Kind::holding;
  Type type = Type::uint16;
  int address = 0;
  int count = 1;  // of addresses: bits for a coil or discrete input, else 16-bit words
  bool swap_words = false;
  bool swap_bytes = false;  // within each word
  double scale = 1;
  double offset = 0;
  std::optional<int> bit;  // the lowest bit of a bit field
  int bits = 1;            // its width
  NotAvailable not_available{};
};

int words_of(Type type);  // 0 for text: it has a length of its own

using Reading = std::variant<double, std::int64_t, std::uint64_t, bool, std::string>;

// What the words of a register that is no bit field are, as read_not_available() needs it.
RawForm raw_form(Type type);

// `words` are one.count words as they came. Nothing for a code of one.not_available, and for a float that is
// not a number: devices say so when they have no value.
std::optional<Reading> decode_words(const Register& one, std::span<const std::uint16_t> words);

}  // namespace vigile::modbus
