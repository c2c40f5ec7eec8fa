// SPDX-License-Identifier: Apache-2.0
#include "core/time_zone.h"

#include <algorithm>
#include <charconv>

#include "core/file.h"

namespace vigile {

namespace {

constexpr std::size_t kHeader = 44;
constexpr std::int32_t kHour = 3600;
constexpr std::int64_t kDay = 86'400;

std::int64_t big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = static_cast<std::uint8_t>(bytes[at]) & 0x80 ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return static_cast<std::int64_t>(value);
}

// Takes what a rule holds off the front of `text`; once something is wrong, is_good stays false.
struct RuleText {
  std::string_view text;
  bool is_good = true;

  bool take(char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
  }
  int number() {
    int value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    is_good = is_good && parsed.ec == std::errc() && value >= 0 && value <= 400;
    text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
    return is_good ? value : 0;
  }
  void name() {
    const bool is_quoted = take('<');
    const auto end = std::find_if(text.begin(), text.end(), [&](char c) {
      return is_quoted ? c == '>' : !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
    });
    is_good = is_good && end != text.begin();
    text.remove_prefix(static_cast<std::size_t>(end - text.begin()));
    if (is_quoted) is_good = is_good && take('>');
  }
  // "5", "-5:30", "+167:59:59"
  std::int32_t time() {
    const bool is_negative = take('-');
    if (!is_negative) take('+');
    std::int32_t seconds = number() * kHour;
    if (take(':')) seconds += number() * 60;
    if (take(':')) seconds += number();
    return is_negative ? -seconds : seconds;
  }
};

// "Z", "+01:00", "-0530", "+1". Absent: it is no offset.
std::optional<std::int32_t> parse_offset(std::string_view text) {
  if (text == "Z" || text == "z" || text == "UTC") return 0;
  if (!text.starts_with('+') && !text.starts_with('-')) return std::nullopt;
  const std::int32_t sign = text.front() == '-' ? -1 : 1;
  std::string digits;
  for (const char c : text.substr(1)) {
    if (c == ':' && digits.size() == 2) continue;
    if (c < '0' || c > '9') return std::nullopt;
    digits += c;
  }
  if (digits.size() != 1 && digits.size() != 2 && digits.size() != 4) return std::nullopt;
  const int hours = std::stoi(digits.substr(0, 2));
  const int minutes = digits.size() == 4 ? std::stoi(digits.substr(2)) : 0;
  if (hours > 14 || minutes > 59) return std::nullopt;
  return sign * (hours * kHour + minutes * 60);
}

}  // namespace

Result<TimeZone> TimeZone::find(const std::string& name, const std::filesystem::path& root) {
  TimeZone zone;
  if (const auto offset = parse_offset(name)) {
    zone.first_ = *offset;
    return zone;
  }
  const auto wrong = [&](const std::string& what) {
    return Error{ErrorKind::config, "\"" + name.substr(0, 60) + "\": " + what};
  };
  const bool is_name = !name.empty() && name.find("..") == std::string::npos && name.front() != '/' &&
                       std::all_of(name.begin(), name.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                c == '/' || c == '_' || c == '-' || c == '+';
                       });
  if (!is_name) return wrong("is neither a name like Europe/Paris nor an offset like +01:00");
  const auto file = read_file(root / name);
  if (!file) return wrong("is not in " + root.string() + " (package tzdata); or give an offset like +01:00");
  auto parsed = parse(*file);
  if (!parsed) return wrong((root / name).string() + " is no file of the tz database");
  return std::move(*parsed);
}

std::optional<TimeZone> TimeZone::parse(const std::string& file) {
  // The second block has times of 64 bits; every file since 2005 has it.
  const std::string_view bytes = file;
  std::size_t at = 0;
  std::int64_t counts[6] = {};  // isut, isstd, leap, time, type, char
  for (const std::size_t width : {4, 8}) {
    if (bytes.size() < at + kHeader || bytes.substr(at, 4) != "TZif" || bytes[at + 4] < '2')
      return std::nullopt;
    for (std::size_t i = 0; i < 6; ++i) counts[i] = big_endian(bytes, at + 20 + 4 * i, 4);
    for (const std::int64_t count : counts) {
      if (count < 0 || count > 100'000) return std::nullopt;
    }
    at += kHeader;
    if (width == 8) break;
    at += static_cast<std::size_t>(counts[3] * 5 + counts[4] * 6 + counts[5] + counts[2] * 8 + counts[1] +
                                   counts[0]);
  }
  const auto times = static_cast<std::size_t>(counts[3]);
  const auto types = static_cast<std::size_t>(counts[4]);
  const std::size_t kinds_at = at + times * 8;
  const std::size_t types_at = kinds_at + times;
  const std::size_t end =
      types_at + types * 6 + static_cast<std::size_t>(counts[5] + counts[2] * 12 + counts[1] + counts[0]);
  if (types == 0 || end > bytes.size()) return std::nullopt;
  const auto offset = [&](std::size_t type) {
    return static_cast<std::int32_t>(big_endian(bytes, types_at + 6 * type, 4));
  };
  TimeZone zone;
  zone.first_ = offset(0);
  for (std::size_t i = 0; i < times; ++i) {
    const auto type = static_cast<std::uint8_t>(bytes[kinds_at + i]);
    if (type >= types) return std::nullopt;
    zone.changes_.push_back({big_endian(bytes, at + 8 * i, 8), offset(type)});
  }
  std::string_view footer = bytes.substr(end);
  if (footer.size() > 2) {
    footer = footer.substr(1, footer.rfind('\n') - 1);
    zone.rule_ = parse_rule(footer);
    if (!zone.rule_) return std::nullopt;
  }
  return zone;
}

// "CET-1CEST,M3.5.0,M10.5.0/3"; its offsets are west of UTC.
std::optional<TimeZone::Rule> TimeZone::parse_rule(std::string_view text) {
  RuleText in{text};
  Rule rule;
  in.name();
  rule.offset = -in.time();
  if (in.text.empty()) return in.is_good ? std::optional(rule) : std::nullopt;
  in.name();
  rule.summer_offset = in.text.starts_with(',') ? rule.offset + kHour : -in.time();
  for (Day* const day : {&rule.begin, &rule.end}) {
    if (!in.take(',')) return std::nullopt;
    if (in.take('M')) {
      day->month = in.number();
      in.is_good = in.take('.') && in.is_good;
      day->week = in.number();
      in.is_good = in.take('.') && in.is_good;
      in.is_good = in.is_good && day->month >= 1 && day->month <= 12 && day->week >= 1 && day->week <= 5;
    } else {
      day->kind = in.take('J') ? Day::Kind::julian : Day::Kind::zero_based;
    }
    day->day = in.number();
    if (day->kind == Day::Kind::month) in.is_good = in.is_good && day->day <= 6;
    if (in.take('/')) day->time = in.time();
  }
  return in.is_good && in.text.empty() ? std::optional(rule) : std::nullopt;
}

// Of its beginning, in local time.
std::int64_t TimeZone::seconds_of(const Day& day, int year) {
  using namespace std::chrono;
  const auto new_year = sys_days(std::chrono::year(year) / January / 1);
  sys_days date = new_year + days(day.day);
  if (day.kind == Day::Kind::julian) {  // 29 February is never counted
    const bool is_past = day.day >= 60 && std::chrono::year(year).is_leap();
    date = new_year + days(day.day - (is_past ? 0 : 1));
  } else if (day.kind == Day::Kind::month) {
    const auto month = std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(day.month));
    const weekday wanted(static_cast<unsigned>(day.day));
    date = day.week == 5 ? sys_days(month / wanted[last])
                         : sys_days(month / wanted[static_cast<unsigned>(day.week)]);
  }
  return date.time_since_epoch().count() * kDay + day.time;
}

std::chrono::seconds TimeZone::offset_at(WallTime utc) const {
  const std::int64_t now = std::chrono::floor<std::chrono::seconds>(utc).time_since_epoch().count();
  const auto next =
      std::upper_bound(changes_.begin(), changes_.end(), now,
                       [](std::int64_t time, const Change& change) { return time < change.from; });
  if (next != changes_.end() || !rule_)
    return std::chrono::seconds(next == changes_.begin() ? first_ : std::prev(next)->offset);
  if (!rule_->summer_offset) return std::chrono::seconds(rule_->offset);
  const std::chrono::sys_days day =
      std::chrono::floor<std::chrono::days>(utc + std::chrono::seconds(rule_->offset));
  const int year(std::chrono::year_month_day(day).year());
  const std::int64_t begin = seconds_of(rule_->begin, year) - rule_->offset;
  const std::int64_t end = seconds_of(rule_->end, year) - *rule_->summer_offset;
  const bool is_summer = begin < end ? begin <= now && now < end : now < end || begin <= now;
  return std::chrono::seconds(is_summer ? *rule_->summer_offset : rule_->offset);
}

WallTime TimeZone::to_utc(WallTime local) const {
  const auto before = offset_at(local - std::chrono::days(1));
  const auto after = offset_at(local + std::chrono::days(1));
  const WallTime first = local - before;
  if (before == after || offset_at(first) == before) return first;
  const WallTime second = local - after;
  return offset_at(second) == after ? second : first;
}

}  // namespace vigile
