// SPDX-License-Identifier: Apache-2.0
#include "ctl/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

namespace vigile {

namespace {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// The UTF-8 character at the front of `text` (RFC 3629: no overlong forms, no surrogates).
Character front(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  std::size_t more = 0;
  char32_t code = 0;
  char32_t least = 0;
  if ((first & 0xe0) == 0xc0) {
    more = 1;
    code = first & 0x1fU;
    least = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    more = 2;
    code = first & 0x0fU;
    least = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    more = 3;
    code = first & 0x07U;
    least = 0x10000;
  } else {
    return {};
  }
  for (std::size_t i = 1; i <= more; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, more + 1, true};
}

bool within(char32_t code, std::initializer_list<std::pair<char32_t, char32_t>> ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [code](const auto& range) { return code >= range.first && code <= range.second; });
}

bool is_harmful(char32_t code) {
  return within(code, {{0x00, 0x1f},
                       {0x7f, 0x9f},
                       {0x61c, 0x61c},  // direction marks and overrides
                       {0x200b, 0x200f},
                       {0x2028, 0x202e},
                       {0x2060, 0x206f},
                       {0xfeff, 0xfeff},
                       {0xfff9, 0xfffb},
                       {0xe0000, 0xe0fff}});
}

std::size_t columns_of(char32_t code) {
  if (within(code, {{0x300, 0x36f}, {0x1ab0, 0x1aff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}})) return 0;
  const bool wide = within(code, {{0x1100, 0x115f},
                                  {0x2e80, 0x303e},
                                  {0x3041, 0xa4cf},
                                  {0xac00, 0xd7a3},
                                  {0xf900, 0xfaff},
                                  {0xfe30, 0xfe6f},
                                  {0xff00, 0xff60},
                                  {0xffe0, 0xffe6},
                                  {0x1f300, 0x1faff},
                                  {0x20000, 0x3fffd}});
  return wide ? 2 : 1;
}

// Bytes of the longest beginning that takes at most `width` columns.
std::size_t fitting(std::string_view text, std::size_t width) {
  std::size_t used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const Character c = front(text.substr(at));
    used += columns_of(c.code);
    if (used > width) break;
    at += c.bytes;
  }
  return at;
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = front(text);
    if (c.code == '\t' || c.code == '\n') {
      out += ' ';
    } else if (!c.valid || is_harmful(c.code)) {
      out += '?';
    } else {
      out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    const Character c = front(text);
    count += columns_of(c.code);
    text.remove_prefix(c.bytes);
  }
  return count;
}

std::string cut(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  if (width == 0) return "";
  return std::string(text.substr(0, fitting(text, width - 1))) + "…";
}

std::string padded(std::string_view text, std::size_t width, bool right) {
  const std::size_t used = columns(text);
  const std::string space(used < width ? width - used : 0, ' ');
  return right ? space + std::string(text) : std::string(text) + space;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  width = std::max<std::size_t>(width, 2);  // a wide character fits
  while (columns(text) > width) {
    std::size_t end = fitting(text, width);
    if (text[end] != ' ') {
      const std::size_t space = text.rfind(' ', end);
      if (space != std::string_view::npos && space > 0) end = space;
    }
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  lines.emplace_back(text);
  return lines;
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string decimal(double number, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, std::clamp(number, -1e15, 1e15));
  return text.data();
}

std::string age(double seconds) {
  if (!(seconds >= 0)) seconds = 0;
  const auto whole = static_cast<std::uint64_t>(std::min(seconds, 1e12));
  const auto two = [](std::uint64_t high, const char* high_unit, std::uint64_t low, const char* low_unit) {
    std::string text = std::to_string(high) + " " + high_unit;
    if (low > 0) text += " " + std::to_string(low) + " " + low_unit;
    return text;
  };
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min";
  if (whole < 86400) return two(whole / 3600, "h", whole / 60 % 60, "min");
  return two(whole / 86400, "d", whole / 3600 % 24, "h");
}

std::string span(double seconds) {
  if (!(seconds >= 0)) seconds = 0;
  if (seconds > 0 && seconds < 1) {
    const double ms = seconds * 1000;
    return decimal(ms, ms < 10 && ms != std::floor(ms) ? 1 : 0) + " ms";
  }
  if (seconds < 60) return decimal(seconds, seconds == std::floor(seconds) ? 0 : 1) + " s";
  return age(seconds);
}

}  // namespace vigile
