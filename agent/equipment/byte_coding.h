// SPDX-License-Identifier: Apache-2.0
// Small numbers in few bytes, for summaries: varints (seven bits a byte, low ones first), and doubles that
// have few decimals as decimals. Every get reads from the front of `in` and returns false when the bytes
// cannot be right; nothing is allocated.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace vigile {

inline void put_varint(std::uint64_t number, std::string& out) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

inline bool get_varint(std::string_view& in, std::uint64_t& number) {
  number = 0;
  for (std::size_t i = 0; i < in.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(in[i]);
    if (i == 9 && byte > 1) return false;
    number |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      in.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

inline void put_signed(std::int64_t number, std::string& out) {
  const auto bits = static_cast<std::uint64_t>(number);
  put_varint(number < 0 ? ~(bits << 1) : bits << 1, out);
}

inline bool get_signed(std::string_view& in, std::int64_t& number) {
  std::uint64_t bits = 0;
  if (!get_varint(in, bits)) return false;
  number = static_cast<std::int64_t>(bits >> 1 ^ (0 - (bits & 1)));
  return true;
}

inline void put_text(std::string_view text, std::string& out) {
  put_varint(text.size(), out);
  out += text;
}

inline bool get_text(std::string_view& in, std::string_view& text) {
  std::uint64_t size = 0;
  if (!get_varint(in, size) || size > in.size()) return false;
  text = in.substr(0, static_cast<std::size_t>(size));
  in.remove_prefix(text.size());
  return true;
}

inline constexpr int kMostDecimals = 6;
inline constexpr double kPowersOfTen[kMostDecimals + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
inline constexpr unsigned char kAllBits = 0xff;  // instead of a number of decimals: eight bytes follow

inline void put_double(double value, std::string& out) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  for (int decimals = 0; decimals <= kMostDecimals; ++decimals) {
    const double scaled = std::nearbyint(value * kPowersOfTen[decimals]);
    if (!(std::fabs(scaled) < kExact)) break;
    // By bits: so that -0.0 stays what it is.
    if (std::bit_cast<std::uint64_t>(scaled / kPowersOfTen[decimals]) != std::bit_cast<std::uint64_t>(value))
      continue;
    if (scaled == 0 && std::signbit(value)) break;
    out += static_cast<char>(decimals);
    put_signed(static_cast<std::int64_t>(scaled), out);
    return;
  }
  out += static_cast<char>(kAllBits);
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(bits >> shift & 0xff);
}

inline bool get_double(std::string_view& in, double& value) {
  if (in.empty()) return false;
  const auto decimals = static_cast<unsigned char>(in.front());
  in.remove_prefix(1);
  if (decimals <= kMostDecimals) {
    std::int64_t scaled = 0;
    if (!get_signed(in, scaled)) return false;
    value = static_cast<double>(scaled) / kPowersOfTen[decimals];
    return true;
  }
  if (decimals != kAllBits || in.size() < 8) return false;
  std::uint64_t bits = 0;
  for (int i = 7; i >= 0; --i) bits = bits << 8 | static_cast<unsigned char>(in[static_cast<std::size_t>(i)]);
  in.remove_prefix(8);
  value = std::bit_cast<double>(bits);
  return true;
}

}  // namespace vigile
