// SPDX-License-Identifier: Apache-2.0
// Points of every kind from a seed, and what DESIGN §8's rules make of them, written down a second time and
// in another way than the encoder.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "point/line_encode.h"
#include "point/point.h"

namespace vigile {

class PointSource {
 public:
  explicit PointSource(std::uint32_t seed) : random_(seed) {}

  Point next() {
    Point point;
    point.measurement = text();
    for (std::size_t i = below(6); i > 0; --i) point.tags.emplace_back(key(), text());
    if (below(40) == 0) {
      for (int i = 0; i < 50; ++i) point.tags.emplace_back(key(), text());  // more than usual
    }
    for (std::size_t i = below(5); i > 0; --i) point.fields.emplace_back(key(), value());
    if (below(4) != 0) point.time_ns = integer();
    return point;
  }

  double number() {
    switch (below(8)) {
      case 0:
        return static_cast<double>(below(2000)) - 1000;
      case 1:
        return static_cast<double>(static_cast<std::int64_t>(random_())) / 1000;
      case 2:
        return static_cast<double>(static_cast<std::int64_t>(random_())) / 1e6;
      case 3:
        return std::nextafter(static_cast<double>(below(100'000)) / 100, below(2) == 0 ? 1e300 : -1e300);
      case 4:
        return static_cast<double>(static_cast<std::int64_t>(random_() >> below(64)));
      case 5: {
        constexpr double kSpecial[] = {0.0,
                                       -0.0,
                                       1e15,
                                       -1e15,
                                       999999999999999.0,
                                       1e300,
                                       5e-324,
                                       1e-7,
                                       1e-6,
                                       0.1,
                                       1.7976931348623157e308,
                                       1e22,
                                       1e12,
                                       1e9,
                                       NAN,
                                       INFINITY,
                                       -INFINITY};
        return kSpecial[below(std::size(kSpecial))];
      }
      default: {
        const std::uint64_t bits = random_();
        double value = 0;
        std::memcpy(&value, &bits, sizeof value);
        return value;
      }
    }
  }

  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

 private:
  std::string text() {
    static constexpr std::string_view kPieces[] = {
        "a",    "b",    "cpu", "Lyon-Nord", " ",   ",",    "=", "\"",   "\\",   "\\\\",
        "\n",   "\r\n", "\t",  "#",         "é",   "日本", "😀", "\xff", "\xc3", "\xed\xa0\x80",
        "\x7f", "time", "1i",  "n",         "\\n", "\\ ",  "/"};
    std::string text;
    for (std::size_t i = below(5); i > 0; --i) text += kPieces[below(std::size(kPieces))];
    return text;
  }
  std::string key() { return below(10) == 0 ? "time" : text(); }
  std::int64_t integer() {
    switch (below(4)) {
      case 0:
        return std::numeric_limits<std::int64_t>::min();
      case 1:
        return std::numeric_limits<std::int64_t>::max();
      default:
        return static_cast<std::int64_t>(random_()) >> below(64);
    }
  }
  FieldValue value() {
    switch (below(5)) {
      case 0:
        return number();
      case 1:
        return integer();
      case 2:
        return random_() >> below(64);
      case 3:
        return below(2) == 0;
      default:
        return text();
    }
  }

  std::mt19937_64 random_;
};

// `text` with what is not UTF-8 replaced, by asking of each place which of the well-formed byte patterns of
// the Unicode standard (table 3-7) fits.
inline std::string utf8_only(const std::string& text) {
  struct Pattern {
    std::size_t size;
    unsigned char low[4];
    unsigned char high[4];
  };
  static constexpr Pattern kPatterns[] = {
      {1, {0x00}, {0x7f}},
      {2, {0xc2, 0x80}, {0xdf, 0xbf}},
      {3, {0xe0, 0xa0, 0x80}, {0xe0, 0xbf, 0xbf}},
      {3, {0xe1, 0x80, 0x80}, {0xec, 0xbf, 0xbf}},
      {3, {0xed, 0x80, 0x80}, {0xed, 0x9f, 0xbf}},
      {3, {0xee, 0x80, 0x80}, {0xef, 0xbf, 0xbf}},
      {4, {0xf0, 0x90, 0x80, 0x80}, {0xf0, 0xbf, 0xbf, 0xbf}},
      {4, {0xf1, 0x80, 0x80, 0x80}, {0xf3, 0xbf, 0xbf, 0xbf}},
      {4, {0xf4, 0x80, 0x80, 0x80}, {0xf4, 0x8f, 0xbf, 0xbf}},
  };
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 0;
    for (const Pattern& pattern : kPatterns) {
      if (i + pattern.size > text.size()) continue;
      bool fits = true;
      for (std::size_t k = 0; k < pattern.size; ++k) {
        const auto byte = static_cast<unsigned char>(text[i + k]);
        fits = fits && byte >= pattern.low[k] && byte <= pattern.high[k];
      }
      if (fits) length = pattern.size;
    }
    out += length == 0 ? "\xef\xbf\xbd" : text.substr(i, length);
    i += length == 0 ? 1 : length;
  }
  return out;
}

inline std::string name_as_written(const std::string& name) {
  std::string out = utf8_only(name);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  // The last backslash of a run that ends the text, or stands before what is written with an escape.
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] == '\\' && (i + 1 == out.size() || std::string(",= ").find(out[i + 1]) != std::string::npos))
      out[i] = '/';
  }
  return out;
}

inline std::string key_as_written(const std::string& key) {
  return key == "time" ? "time_" : name_as_written(key);
}

inline std::string string_as_written(const std::string& text) {
  std::string out;
  for (const char c : utf8_only(text)) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += c;
    }
  }
  return out;
}

// The point that a reader of its line sees; nothing when there is no line.
inline std::optional<Point> as_written(const Point& point, const EncodeOptions& options) {
  if (point.measurement.empty()) return std::nullopt;
  Point out;
  out.measurement = name_as_written(point.measurement);
  if (point.measurement[0] == '#') out.measurement[0] = '/';
  std::map<std::string, std::string> tags;
  for (const auto& [key, value] : point.tags) tags[key_as_written(key)] = name_as_written(value);
  for (const auto& [key, value] : tags) {
    if (!key.empty() && !value.empty()) out.tags.emplace_back(key, value);
  }
  for (const auto& [key, value] : point.fields) {
    FieldValue written = value;
    if (key.empty()) continue;
    if (const double* number = std::get_if<double>(&value); number != nullptr && !std::isfinite(*number))
      continue;
    if (const auto* size = std::get_if<std::uint64_t>(&value);
        size != nullptr && !options.unsigned_integers) {
      if (*size >> 63 != 0) continue;
      written = static_cast<std::int64_t>(*size);
    }
    if (const auto* text = std::get_if<std::string>(&value)) written = string_as_written(*text);
    out.fields.emplace_back(key_as_written(key), written);
  }
  if (out.fields.empty()) return std::nullopt;
  out.time_ns = point.time_ns;
  return out;
}

}  // namespace vigile
