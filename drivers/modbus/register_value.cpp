// SPDX-License-Identifier: Apache-2.0
#include "drivers/modbus/register_value.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "drivers/scale/scale.h"

namespace vigile::modbus {

namespace {

std::uint16_t swapped(std::uint16_t word) {
  return static_cast<std::uint16_t>(word << 8 | word >> 8);
}

// The whole value, the first word of the device's order first.
std::uint64_t joined(const Register& one, std::span<const std::uint16_t> words) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::uint16_t word = one.swap_words ? words[words.size() - 1 - i] : words[i];
    value = value << 16 | (one.swap_bytes ? swapped(word) : word);
  }
  return value;
}

std::string text_of(const Register& one, std::span<const std::uint16_t> words) {
  std::string text;
  for (const std::uint16_t raw : words) {
    const std::uint16_t word = one.swap_bytes ? swapped(raw) : raw;
    text += static_cast<char>(word >> 8);
    text += static_cast<char>(word & 0xff);
  }
  text.resize(std::min(text.size(), text.find('\0')));
  text.resize(text.find_last_not_of(' ') + 1);
  for (char& c : text) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text;
}

// The double that prints as short as the float does: 25.3, not 25.299999237060547.
double widened(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double wide = 0;
  std::from_chars(text, end, wide);
  return wide;
}

std::optional<Reading> real(const Register& one, double value) {
  value = scaled(value, one.scale, one.offset);
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

template <class T>
std::optional<Reading> whole(const Register& one, T value) {
  if (one.scale == 1 && one.offset == 0) return Reading(value);
  return real(one, static_cast<double>(value));
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::coil:
      return "coil";
    case Kind::discrete:
      return "discrete";
    case Kind::holding:
      return "holding";
    case Kind::input:
      return "input";
  }
  return "unknown";
}

int words_of(Type type) {
  switch (type) {
    case Type::boolean:
    case Type::int16:
    case Type::uint16:
      return 1;
    case Type::int32:
    case Type::uint32:
    case Type::float32:
      return 2;
    case Type::int64:
    case Type::uint64:
    case Type::float64:
      return 4;
    case Type::text:
      return 0;
  }
  return 0;
}

RawForm raw_form(Type type) {
  const int bits = 16 * words_of(type);
  switch (type) {
    case Type::text:
      return {.kind = RawForm::Kind::text};
    case Type::float32:
    case Type::float64:
      return {.kind = RawForm::Kind::real, .bits = bits};
    case Type::int16:
    case Type::int32:
    case Type::int64:
      return {.bits = bits, .is_signed = true};
    case Type::boolean:
    case Type::uint16:
    case Type::uint32:
    case Type::uint64:
      break;
  }
  return {.bits = bits};
}

std::optional<Reading> decode_words(const Register& one, std::span<const std::uint16_t> words) {
  if (one.type == Type::text) {
    std::string text = text_of(one, words);
    if (one.not_available.has_text(text)) return std::nullopt;
    return Reading(std::move(text));
  }
  const std::uint64_t raw = joined(one, words);
  if (one.not_available.has_raw(raw)) return std::nullopt;
  if (one.bit) {
    const std::uint64_t field = raw >> *one.bit & (~std::uint64_t{0} >> (64 - one.bits));
    if (one.type == Type::boolean || one.bits == 1) return Reading(field != 0);
    return whole(one, static_cast<std::int64_t>(field));
  }
  switch (one.type) {
    case Type::boolean:
      return Reading(raw != 0);
    case Type::int16:
      return whole(one, std::int64_t{static_cast<std::int16_t>(raw)});
    case Type::int32:
      return whole(one, std::int64_t{static_cast<std::int32_t>(raw)});
    case Type::int64:
      return whole(one, static_cast<std::int64_t>(raw));
    case Type::uint16:
    case Type::uint32:
      return whole(one, static_cast<std::int64_t>(raw));
    case Type::uint64:
      return whole(one, raw);
    case Type::float32:
      return real(one, widened(std::bit_cast<float>(static_cast<std::uint32_t>(raw))));
    case Type::float64:
      return real(one, std::bit_cast<double>(raw));
    case Type::text:
      break;
  }
  return std::nullopt;
}

}  // namespace vigile::modbus
