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
  double number;
  std::string_view unit;
};

// Takes "<number><letters>" off the front of `text`.
bool take_quantity(std::string_view& text, Quantity& out) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  if (text.empty() || text.front() < '0' || text.front() > '9') return false;
  const auto parsed = std::from_chars(begin, end, out.number, std::chars_format::fixed);
  if (parsed.ec != std::errc()) return false;
  const char* unit_end = parsed.ptr;
  while (unit_end != end &&
         ((*unit_end >= 'a' && *unit_end <= 'z') || (*unit_end >= 'A' && *unit_end <= 'Z'))) {
    ++unit_end;
  }
  out.unit = std::string_view(parsed.ptr, static_cast<std::size_t>(unit_end - parsed.ptr));
  text.remove_prefix(static_cast<std::size_t>(unit_end - begin));
  return true;
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const Error bad{ErrorKind::parse,
                  "\"" + std::string(text) + "\" is not a duration like 500ms, 10s, 5m or 7d"};
  if (text == "0") return std::chrono::nanoseconds(0);
  double total = 0;
  std::string_view rest = text;
  do {
    Quantity quantity{};
    if (!take_quantity(rest, quantity)) return bad;
    const Unit* const unit = find_unit(kTimeUnits, quantity.unit);
    if (unit == nullptr) return bad;
    total += quantity.number * static_cast<double>(unit->factor);
  } while (!rest.empty());
  if (total >= 9.2e18)
    return Error{ErrorKind::parse, "\"" + std::string(text) + "\" is longer than 292 years"};
  return std::chrono::nanoseconds(std::llround(total));
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const Error bad{ErrorKind::parse, "\"" + std::string(text) + "\" is not a size like 512, 64KiB or 256MiB"};
  std::string_view rest = text;
  Quantity quantity{};
  if (!take_quantity(rest, quantity) || !rest.empty()) return bad;
  const Unit* const unit = quantity.unit.empty() ? kSizeUnits.data() : find_unit(kSizeUnits, quantity.unit);
  if (unit == nullptr) return bad;
  const double bytes = quantity.number * static_cast<double>(unit->factor);
  if (bytes >= 9.2e18) return Error{ErrorKind::parse, "\"" + std::string(text) + "\" is more than 8 EiB"};
  return static_cast<std::uint64_t>(std::llround(bytes));
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
