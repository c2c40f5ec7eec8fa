// SPDX-License-Identifier: Apache-2.0
#include "drivers/can/signal.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace vigile::can {

bool fits(int start, int length, bool is_big_endian, std::size_t bytes) {
  if (start < 0 || length < 1 || length > 64) return false;
  const auto bits = static_cast<int>(bytes * 8);
  if (!is_big_endian) return start + length <= bits;
  // From the highest bit down through the byte, and on at the next byte's top.
  const int from_top = start / 8 * 8 + 7 - start % 8;
  return from_top + length <= bits;
}

std::uint64_t bits_of(std::span<const std::uint8_t> data, int start, int length, bool is_big_endian) {
  std::uint64_t value = 0;
  for (int i = 0; i < length; ++i) {
    if (is_big_endian) {
      const int at = start / 8 * 8 + 7 - start % 8 + i;
      value = value << 1 | (data[static_cast<std::size_t>(at / 8)] >> (7 - at % 8) & 1U);
    } else {
      const int at = start + i;
      value |= std::uint64_t{data[static_cast<std::size_t>(at / 8)] >> (at % 8) & 1U} << i;
    }
  }
  return value;
}

bool is_reserved_by_j1939(std::uint64_t raw, int length, bool is_signed) {
  if (length < 2) return false;
  const std::uint64_t all = ~std::uint64_t{0} >> (64 - length);
  if (is_signed) return raw == all;
  if (length < 8) return raw >= all - 1;
  return raw >> (length - 8) >= 0xfe;
}

std::uint32_t pgn_of(std::uint32_t id) {
  const std::uint32_t pgn = id >> 8 & 0x3ffff;
  return (pgn >> 8 & 0xff) < 240 ? pgn & 0x3ff00 : pgn;
}

namespace {

bool has(const Multiplexed& multiplexor, std::span<const std::uint8_t> data) {
  if (!fits(multiplexor.start, multiplexor.length, multiplexor.is_big_endian, data.size())) return false;
  const std::uint64_t raw = bits_of(data, multiplexor.start, multiplexor.length, multiplexor.is_big_endian);
  return std::any_of(
      multiplexor.values.begin(), multiplexor.values.end(),
      [&](const Multiplexed::Range& range) { return raw >= range.first && raw <= range.last; });
}

}  // namespace

SignalReading reading_of(const Signal& signal, std::span<const std::uint8_t> data) {
  if (!fits(signal.start, signal.length, signal.is_big_endian, data.size())) return {};
  if (!std::all_of(signal.multiplexed.begin(), signal.multiplexed.end(),
                   [&](const Multiplexed& one) { return has(one, data); }))
    return {};
  SignalReading reading{true, std::nullopt};
  const std::uint64_t bits = bits_of(data, signal.start, signal.length, signal.is_big_endian);
  if (signal.not_available.has_raw(bits)) return reading;
  double raw = 0;
  if (signal.kind == Signal::Kind::float32) {
    raw = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  } else if (signal.kind == Signal::Kind::float64) {
    raw = std::bit_cast<double>(bits);
  } else if (signal.is_j1939 && is_reserved_by_j1939(bits, signal.length, signal.is_signed)) {
    return reading;
  } else if (signal.is_signed) {
    const int unused = 64 - signal.length;
    raw = static_cast<double>(static_cast<std::int64_t>(bits << unused) >> unused);
  } else {
    raw = static_cast<double>(bits);
  }
  const double value = raw * signal.scale + signal.offset;
  if (std::isfinite(value)) reading.value = value;
  return reading;
}

}  // namespace vigile::can
