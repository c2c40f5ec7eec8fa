// SPDX-License-Identifier: Apache-2.0
#include "drivers/serial/nmea.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <string>

#include "drivers/line_text/line_text.h"

namespace vigile::serial {

namespace {

constexpr std::size_t kMostFields = 24;
constexpr std::string_view kStarts = "$!";
constexpr double kKnot = 1852.0 / 3600;  // m/s

struct Fields {
  std::array<std::string_view, kMostFields> all;
  std::size_t count = 0;
  std::string_view operator[](std::size_t i) const { return i < count ? all[i] : std::string_view(); }
};

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto parsed =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value < 0 || value > 1000)
    return std::nullopt;
  return value;
}

// The two letters that a side of the equator or of Greenwich has, the negative one last.
constexpr std::string_view kLatitude = "NS";
constexpr std::string_view kLongitude = "EW";

// "4916.45", "N": degrees and minutes.
std::optional<double> degrees(std::string_view text, std::string_view side, std::string_view sides) {
  const auto value = number(text);
  if (!value || *value < 0 || side.size() != 1 || sides.find(side) == std::string_view::npos)
    return std::nullopt;
  const double most = sides == kLatitude ? 90 : 180;
  const double whole_degrees = std::floor(*value / 100);
  const double minutes = *value - 100 * whole_degrees;
  // A tenth of a millimetre is 1e-9 degrees; what lies below 1e-11 is noise of the division.
  const double angle = std::round((whole_degrees + minutes / 60) * 1e11) / 1e11;
  if (minutes >= 60 || angle > most) return std::nullopt;
  return side[0] == sides[1] ? -angle : angle;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// An empty field says nothing; one that is not what it should be is told.
template <class T>
bool take(std::string_view text, std::optional<T> value, std::optional<T>& to) {
  if (text.empty()) return true;
  if (!value) return false;
  to = value;
  return true;
}

// Mode indicators: autonomous, differential, estimated, float and fixed RTK, precise. Not: N (none), M
// (entered by hand), S (simulated).
bool is_valid_mode(char mode) {
  return std::string_view("ADEFRP").find(mode) != std::string_view::npos;
}
bool is_valid_mode(std::string_view modes) {
  return std::any_of(modes.begin(), modes.end(), [](char mode) { return is_valid_mode(mode); });
}

void lose(Fix& fix) {
  fix.latitude = fix.longitude = fix.altitude_m = fix.hdop = fix.speed_m_per_s = fix.course_degrees = {};
  fix.source = Fix::Source::none;
  fix.status = Fix::Status::lost;
}

// 0° north, 0° east: what receivers say before they know. Who is really there has satellites.
bool is_nowhere(const Fields& f, std::size_t at, const Fix& fix) {
  return degrees(f[at], f[at + 1], kLatitude) == 0 && degrees(f[at + 2], f[at + 3], kLongitude) == 0 &&
         fix.satellites.value_or(0) == 0;
}

// False: a field is not what it should be.
bool take_position(const Fields& f, std::size_t at, Fix::Source source, Fix& fix) {
  if (f[at].empty() || f[at + 2].empty()) return true;
  const auto latitude = degrees(f[at], f[at + 1], kLatitude);
  const auto longitude = degrees(f[at + 2], f[at + 3], kLongitude);
  if (!latitude || !longitude) return false;
  if (source < fix.source) return true;
  fix.latitude = latitude;
  fix.longitude = longitude;
  fix.source = source;
  return true;
}

bool take_speed(std::string_view knots, std::string_view course, Fix& fix) {
  const auto speed = number(knots);
  const auto angle = number(course);
  const bool is_speed =
      take(knots, speed && *speed >= 0 ? std::optional(*speed * kKnot) : std::nullopt, fix.speed_m_per_s);
  return take(course, angle && *angle >= 0 && *angle <= 360 ? angle : std::nullopt, fix.course_degrees) &&
         is_speed;
}

// "123519.25" and day, month, year.
bool take_time(std::string_view clock, std::optional<std::int64_t> day, std::optional<std::int64_t> month,
               std::optional<std::int64_t> year, Fix& fix) {
  if (clock.size() < 6 || !day || !month || !year) return false;
  const auto hour = whole(clock.substr(0, 2));
  const auto minute = whole(clock.substr(2, 2));
  const auto second = number(clock.substr(4));
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!hour || *hour > 23 || !minute || *minute > 59 || !second || *second < 0 || *second >= 61 || !date.ok())
    return false;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  fix.time_s = static_cast<double>(days) * 86400 + static_cast<double>(*hour * 3600 + *minute * 60) + *second;
  return true;
}

bool take_gga(const Fields& f, Fix& fix) {
  const auto quality = whole(f[6]);
  bool is_good = take(f[6], quality, fix.quality);
  is_good = take(f[7], whole(f[7]), fix.satellites) && is_good;
  // 7 was entered by hand, 8 is simulated.
  if (quality.value_or(0) == 0 || *quality == 7 || *quality == 8 || is_nowhere(f, 2, fix)) {
    lose(fix);
    return is_good;
  }
  fix.status = Fix::Status::valid;
  is_good = take_position(f, 2, Fix::Source::gga, fix) && is_good;
  is_good = take(f[8], number(f[8]), fix.hdop) && is_good;
  return take(f[9], number(f[9]), fix.altitude_m) && is_good;
}

bool take_gns(const Fields& f, Fix& fix) {
  bool is_good = take(f[7], whole(f[7]), fix.satellites);
  if (!is_valid_mode(f[6]) || is_nowhere(f, 2, fix)) {
    lose(fix);
    return is_good;
  }
  fix.status = Fix::Status::valid;
  is_good = take_position(f, 2, Fix::Source::gns, fix) && is_good;
  if (fix.source > Fix::Source::rmc) return is_good;  // a GGA has the rest, too
  is_good = take(f[8], number(f[8]), fix.hdop) && is_good;
  return take(f[9], number(f[9]), fix.altitude_m) && is_good;
}

bool take_rmc(const Fields& f, Fix& fix) {
  const bool has_mode = !f[12].empty();
  const bool is_valid = f[2] == "A" || f[2] == "D";  // D: differential, of receivers without a mode
  if (!is_valid || (has_mode && !is_valid_mode(f[12])) || is_nowhere(f, 3, fix)) {
    lose(fix);
    return true;
  }
  fix.status = Fix::Status::valid;
  bool is_good = take_position(f, 3, Fix::Source::rmc, fix);
  is_good = take_speed(f[7], f[8], fix) && is_good;
  if (f[1].empty() || f[9].empty()) return is_good;
  if (f[9].size() != 6) return false;
  const auto year = whole(f[9].substr(4, 2));
  return take_time(f[1], whole(f[9].substr(0, 2)), whole(f[9].substr(2, 2)),
                   year ? std::optional(*year + (*year < 80 ? 2000 : 1900)) : std::nullopt, fix) &&
         is_good;
}

bool take_gll(const Fields& f, Fix& fix) {
  // Before NMEA 2.0 it had no status.
  if (f[6].empty() && fix.status != Fix::Status::valid) return true;
  if ((!f[6].empty() && f[6] != "A") || (!f[7].empty() && !is_valid_mode(f[7])) || is_nowhere(f, 1, fix)) {
    lose(fix);
    return true;
  }
  fix.status = Fix::Status::valid;
  return take_position(f, 1, Fix::Source::gll, fix);
}

bool take_vtg(const Fields& f, Fix& fix) {
  // Before NMEA 2.0 it was course, magnetic course, knots and km/h alone.
  const bool is_short = f.count == 5 && f[2] != "T";
  if (!is_short && f.count < 8) return false;
  // Before NMEA 2.3 it had no mode.
  const bool is_valid = f[9].empty() ? fix.status == Fix::Status::valid : is_valid_mode(f[9]);
  if (is_valid && fix.status != Fix::Status::lost) return take_speed(f[is_short ? 3 : 5], f[1], fix);
  fix.speed_m_per_s = fix.course_degrees = {};
  return true;
}

bool take_zda(const Fields& f, Fix& fix) {
  if (fix.status != Fix::Status::valid || f[1].empty() || f[4].empty()) return true;
  const auto century = whole(f[4].substr(0, 2));
  const auto year = whole(f[4].substr(std::min<std::size_t>(2, f[4].size())));
  return take_time(f[1], whole(f[2]), whole(f[3]),
                   century && year ? std::optional(*century * 100 + *year) : std::nullopt, fix);
}

struct Kind {
  std::string_view name;
  std::size_t least_fields;  // with the name; fewer: it is cut
  bool (*take)(const Fields&, Fix&);
};
constexpr Kind kKinds[] = {
    {"GGA", 10, take_gga},
    {"RMC", 10, take_rmc},
    {"VTG", 5, take_vtg},
    {"GLL", 5, take_gll},
    {"GNS", 10, take_gns},
    {"ZDA", 5, take_zda},
    {"GSA", 3, [](const Fields& f, Fix& fix) { return take(f[2], whole(f[2]), fix.mode); }}};

// What stands between the start and the checksum. Empty: nothing is wrong.
std::string take_sentence(std::string_view content, Fix& fix) {
  ++fix.sentences;
  Fields f;
  for (std::string_view rest = content;;) {
    const std::size_t comma = rest.find(',');
    if (f.count == kMostFields) break;
    f.all[f.count++] = rest.substr(0, comma);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (f[0].size() != 5 || f[0][0] == 'P') return "";  // a maker's own, as PUBX and PGRMC
  for (const Kind& kind : kKinds) {
    if (f[0].substr(2) != kind.name) continue;
    if (f.count < kind.least_fields) return "is cut";
    return kind.take(f, fix) ? "" : "has a field that is no number of its kind";
  }
  return "";
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

// "$GPGGA," or "!AIVDM,": no byte of a binary frame that happens to be a $.
bool looks_like_a_sentence(std::string_view text) {
  const std::size_t comma = text.find(',');
  return comma != std::string_view::npos && comma >= 4 && comma <= 12 &&
         std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(comma),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

// The bytes from the start to the end of a right checksum; 0: there is none.
std::size_t checked_size(std::string_view text) {
  const std::size_t star = text.find('*');
  if (star == std::string_view::npos || star + 3 > text.size()) return 0;
  std::uint8_t sum = 0;
  for (const char c : text.substr(1, star - 1)) sum ^= static_cast<std::uint8_t>(c);
  const int high = hex(text[star + 1]), low = hex(text[star + 2]);
  return high >= 0 && low >= 0 && high * 16 + low == sum ? star + 3 : 0;
}

}  // namespace

Result<void> parse_nmea(std::string_view line, Fix& fix, Checksum checksum) {
  while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
  std::string wrong;
  std::string_view wrong_text;
  for (std::size_t at = line.find_first_of(kStarts); at != std::string_view::npos;) {
    const std::string_view text = line.substr(at);
    std::size_t next = line.find_first_of(kStarts, at + 1);
    if (const std::size_t size = checked_size(text); size > 0 && is_printable(text.substr(0, size))) {
      wrong = take_sentence(text.substr(1, size - 4), fix);
      wrong_text = text.substr(0, size);
      next = line.find_first_of(kStarts, at + size);
    } else if (next == std::string_view::npos && looks_like_a_sentence(text) && is_printable(text)) {
      // Before another start it is one that was cut, and costs nothing.
      const bool has_sum = text.find('*') != std::string_view::npos;
      wrong_text = text;
      wrong = has_sum                          ? "has a wrong checksum"
              : checksum == Checksum::required ? "has no checksum, as *47 (option checksum)"
                                               : take_sentence(text.substr(1), fix);
    }
    at = next;
  }
  if (wrong.empty()) return {};
  return Error{ErrorKind::parse, shown_text(wrong_text) + " " + wrong};
}

}  // namespace vigile::serial
