// SPDX-License-Identifier: Apache-2.0
#include "drivers/serial/nmea.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "drivers/line_text/line_text.h"

namespace vigile::serial {

namespace {

constexpr std::size_t kMostFields = 24;
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

// "4916.45", "N": degrees and minutes.
std::optional<double> degrees(std::string_view text, std::string_view side, double most) {
  const auto value = number(text);
  if (!value || *value < 0 || side.size() != 1) return std::nullopt;
  const double whole_degrees = std::floor(*value / 100);
  const double minutes = *value - 100 * whole_degrees;
  // A centimetre is 1e-7 degrees.
  const double angle = std::round((whole_degrees + minutes / 60) * 1e7) / 1e7;
  if (minutes >= 60 || angle > most) return std::nullopt;
  return side == "S" || side == "W" ? -angle : angle;
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

void take_position(const Fields& f, std::size_t at, Fix& fix, bool& is_good) {
  if (f[at].empty() || f[at + 2].empty()) return;
  const auto latitude = degrees(f[at], f[at + 1], 90);
  const auto longitude = degrees(f[at + 2], f[at + 3], 180);
  is_good = is_good && latitude && longitude;
  if (!latitude || !longitude) return;
  fix.latitude = latitude;
  fix.longitude = longitude;
}

}  // namespace

Result<void> parse_nmea(std::string_view line, Fix& fix) {
  const auto bad = [&](const char* what) { return Error{ErrorKind::parse, shown_text(line) + " " + what}; };
  while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
  if (!line.starts_with('$')) return bad("does not begin with $");
  const std::size_t star = line.rfind('*');
  if (star == std::string_view::npos || star + 3 != line.size()) return bad("has no checksum, as *47");
  std::uint8_t sum = 0;
  for (const char c : line.substr(1, star - 1)) sum ^= static_cast<std::uint8_t>(c);
  if (hex(line[star + 1]) * 16 + hex(line[star + 2]) != sum || hex(line[star + 2]) < 0)
    return bad("has a wrong checksum");
  Fields f;
  for (std::string_view rest = line.substr(1, star - 1);;) {
    const std::size_t comma = rest.find(',');
    if (f.count == kMostFields) break;
    f.all[f.count++] = rest.substr(0, comma);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (f[0].size() != 5) return {};  // a maker's own
  const std::string_view kind = f[0].substr(2);
  bool is_good = true;
  if (kind == "GGA") {
    is_good = take(f[6], whole(f[6]), fix.quality) && is_good;
    is_good = take(f[7], whole(f[7]), fix.satellites) && is_good;
    // Without a fix the rest is what was known last.
    if (fix.quality.value_or(0) == 0) return is_good ? Result<void>() : bad("has a field that is no number");
    take_position(f, 2, fix, is_good);
    is_good = take(f[8], number(f[8]), fix.hdop) && is_good;
    is_good = take(f[9], number(f[9]), fix.altitude_m) && is_good;
  } else if (kind == "RMC") {
    if (f[2] != "A") return {};  // V: not valid
    take_position(f, 3, fix, is_good);
    const auto knots = number(f[7]);
    is_good = take(f[7], knots ? std::optional(*knots * kKnot) : std::nullopt, fix.speed_m_per_s) && is_good;
    is_good = take(f[8], number(f[8]), fix.course_degrees) && is_good;
  } else if (kind == "VTG") {
    const auto knots = number(f[5]);
    is_good = take(f[5], knots ? std::optional(*knots * kKnot) : std::nullopt, fix.speed_m_per_s) && is_good;
    is_good = take(f[1], number(f[1]), fix.course_degrees) && is_good;
  } else if (kind == "GSA") {
    is_good = take(f[2], whole(f[2]), fix.mode) && is_good;
  }
  if (!is_good) return bad("has a field that is no number of its kind");
  return {};
}

}  // namespace vigile::serial
