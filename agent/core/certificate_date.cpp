// SPDX-License-Identifier: Apache-2.0
#include "core/certificate_date.h"

#include <charconv>

namespace vigile {

namespace {

// Takes a number off the front of `text`, and blanks before it.
std::optional<int> take_number(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  int number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
  return number;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

// Not curl_getdate(3): its time_t is 32 bits wide in a library built so, and ours is not.
std::optional<std::chrono::sys_seconds> parse_certificate_date(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::size_t month = text.size() < 3 ? std::string_view::npos : kMonths.find(text.substr(0, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  text.remove_prefix(3);
  const auto day = take_number(text);
  const auto hour = take_number(text);
  if (!day || !hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_number(text);
  if (!second || (take(text, '.') && !take_number(text))) return std::nullopt;
  const auto year = take_number(text);
  if (!year || *year > 9999 || text != " GMT" || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

double days_between(WallTime from, std::chrono::sys_seconds to) {
  const std::chrono::nanoseconds since = from.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const std::chrono::duration<double> fraction = since - seconds;
  const std::chrono::duration<double> whole = to.time_since_epoch() - seconds;
  return std::chrono::duration<double, std::chrono::days::period>(whole - fraction).count();
}

}  // namespace vigile
