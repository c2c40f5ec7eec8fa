// SPDX-License-Identifier: Apache-2.0
#include "core/iso_time.h"

#include <optional>
#include <string>

namespace vigile {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes exactly `digits` digits off the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int number = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// May be a day that there is not.
std::optional<std::chrono::year_month_day> take_date(std::string_view& text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  return std::chrono::year_month_day{std::chrono::year(*year), std::chrono::month(unsigned(*month)),
                                     std::chrono::day(unsigned(*day))};
}

// "07:53:47.123" or "07:53"
std::optional<std::chrono::nanoseconds> take_time_of_day(std::string_view& text) {
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  std::chrono::nanoseconds time = std::chrono::hours(*hour) + std::chrono::minutes(*minute);
  if (!take(text, ":")) return time;
  const auto second = take_number(text, 2);
  if (!second || *second > 60) return std::nullopt;
  time += std::chrono::seconds(*second);
  if (!take(text, ".,")) return time;
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  for (std::int64_t unit = 100'000'000; !text.empty() && is_digit(text.front()); unit /= 10) {
    time += std::chrono::nanoseconds(unit * (text.front() - '0'));
    text.remove_prefix(1);
  }
  return time;
}

// "Z", "+02:00", "-0530", "+02"
std::optional<std::chrono::minutes> take_offset(std::string_view& text) {
  if (take(text, "Zz")) return std::chrono::minutes(0);
  const bool west = text.starts_with('-');
  if (!take(text, "+-")) return std::nullopt;
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23) return std::nullopt;
  int minutes = 0;
  if (!text.empty()) {
    take(text, ":");
    const auto given = take_number(text, 2);
    if (!given || *given > 59) return std::nullopt;
    minutes = *given;
  }
  const std::chrono::minutes offset(*hours * 60 + minutes);
  return west ? -offset : offset;
}

}  // namespace

Result<IsoTime> parse_iso8601(std::string_view text) {
  const Error bad{ErrorKind::parse, "\"" + std::string(text.substr(0, 60)) +
                                        "\" is not a time like 2026-11-24T07:53:47Z, "
                                        "2026-11-24T08:53:47+01:00 or 2026-11-24"};
  const std::string_view whole = text;
  const auto date = take_date(text);
  if (!date) return bad;
  const auto no_such = [&](const char* what) {
    return Error{ErrorKind::parse, "\"" + std::string(whole.substr(0, 60)) + "\": " + what};
  };
  const int year(date->year());
  if (year < 1970 || year > 2261) return no_such("expected a year from 1970 to 2261");
  if (!date->ok()) return no_such("there is no such day");
  IsoTime result;
  result.time = WallTime(std::chrono::sys_days(*date));
  result.is_date = text.empty();
  if (result.is_date) return result;
  if (!take(text, "Tt ")) return bad;
  const auto time_of_day = take_time_of_day(text);
  if (!time_of_day) return bad;
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) return bad;
  result.time += *time_of_day - *offset;
  return result;
}

}  // namespace vigile
