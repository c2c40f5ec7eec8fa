// SPDX-License-Identifier: Apache-2.0
#include "core/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <span>

namespace vigile {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

// Largest first, as format_duration writes them.
constexpr std::array kTimeUnits = {
    Unit{"w", 604'800'000'000'000},
    Unit{"d", 86'400'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},
    Unit{"us", 1'000},
    Unit{"ns", 1},
};

constexpr std::array kSizeUnits = {
    Unit{"B", 1},           Unit{"KiB", 1LL << 10},    Unit{"MiB", 1LL << 20},
    Unit{"GiB", 1LL << 30}, Unit{"TiB", 1LL << 40},    Unit{"kB", 1'000},
    Unit{"MB", 1'000'000},  Unit{"GB", 1'000'000'000}, Unit{"TB", 1'000'000'000'000},
};

const Unit* find_unit(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

struct Quantity {
  std::uint64_t whole;
  double fraction;  // in [0, 1)
  std::string_view unit;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes "<number><letters>" off the front of `text`.
bool take_quantity(std::string_view& text, Quantity& out) {
  if (text.empty() || !is_digit(text.front())) return false;
  const char* const end = text.data() + text.size();
  const auto whole = std::from_chars(text.data(), end, out.whole);
  if (whole.ec != std::errc()) out.whole = UINT64_MAX;
  text.remove_prefix(static_cast<std::size_t>(whole.ptr - text.data()));
  out.fraction = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    for (double unit = 0.1; !text.empty() && is_digit(text.front()); unit /= 10) {
      out.fraction += unit * (text.front() - '0');
      text.remove_prefix(1);
    }
  }
  std::size_t letters = 0;
  while (letters < text.size() &&
         ((text[letters] >= 'a' && text[letters] <= 'z') || (text[letters] >= 'A' && text[letters] <= 'Z'))) {
    ++letters;
  }
  out.unit = text.substr(0, letters);
  text.remove_prefix(letters);
  return true;
}

// Whole numbers stay exact past what a double holds. False: the total would be past kMost.
bool add_quantity(const Quantity& quantity, const Unit& unit, std::uint64_t& total) {
  constexpr std::uint64_t kMost = 9'200'000'000'000'000'000;
  const auto factor = static_cast<std::uint64_t>(unit.factor);
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(quantity.whole, factor, &product)) return false;
  product += static_cast<std::uint64_t>(std::llround(quantity.fraction * static_cast<double>(factor)));
  return !__builtin_add_overflow(total, product, &total) && total < kMost;
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const Error bad{ErrorKind::parse,
                  "\"" + std::string(text) + "\" is not a duration like 500ms, 10s, 5m or 7d"};
  if (text == "0") return std::chrono::nanoseconds(0);
  std::uint64_t total = 0;
  std::string_view rest = text;
  do {
    Quantity quantity{};
    if (!take_quantity(rest, quantity)) return bad;
    const Unit* const unit = find_unit(kTimeUnits, quantity.unit);
    if (unit == nullptr) return bad;
    if (!add_quantity(quantity, *unit, total))
      return Error{ErrorKind::parse, "\"" + std::string(text) + "\" is longer than 292 years"};
  } while (!rest.empty());
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const Error bad{ErrorKind::parse, "\"" + std::string(text) + "\" is not a size like 512, 64KiB or 256MiB"};
  std::string_view rest = text;
  Quantity quantity{};
  if (!take_quantity(rest, quantity) || !rest.empty()) return bad;
  const Unit* const unit = quantity.unit.empty() ? kSizeUnits.data() : find_unit(kSizeUnits, quantity.unit);
  if (unit == nullptr) return bad;
  std::uint64_t bytes = 0;
  if (!add_quantity(quantity, *unit, bytes))
    return Error{ErrorKind::parse, "\"" + std::string(text) + "\" is more than 8 EiB"};
  return bytes;
}

std::string format_duration(std::chrono::nanoseconds duration) {
  std::int64_t rest = duration.count();
  if (rest <= 0) return "0";
  std::string text;
  for (const Unit& unit : kTimeUnits) {
    if (rest < unit.factor) continue;
    text += std::to_string(rest / unit.factor);
    text += unit.name;
    rest %= unit.factor;
  }
  return text;
}

Result<std::uint64_t> parse_daily_size(std::string_view text) {
  constexpr std::string_view kADay = "/day";
  const Error bad{ErrorKind::parse, "\"" + std::string(text) + "\" is not a size a day like 50MiB/day"};
  if (!text.ends_with(kADay)) return bad;
  auto bytes = parse_size(text.substr(0, text.size() - kADay.size()));
  if (!bytes || *bytes == 0) return bad;
  return bytes;
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kNames = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t step = 0;
  while (value >= 1024 && step + 1 < kNames.size()) {
    value /= 1024;
    ++step;
  }
  char text[32];
  std::snprintf(text, sizeof text, step == 0 ? "%.0f %s" : "%.1f %s", value, kNames[step]);
  return text;
}

}  // namespace vigile
