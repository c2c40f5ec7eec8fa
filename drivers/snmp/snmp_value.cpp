// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/snmp_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "drivers/scale/scale.h"

namespace vigile::snmp {

namespace {

constexpr std::size_t kLongestText = 1024;
constexpr std::size_t kLongestQuoted = 40;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() &&
         (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\0'))
    text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t more = lead < 0x80                   ? 0
                             : lead >= 0xf0 && lead < 0xf5 ? 3
                             : lead >= 0xe0 && lead < 0xf0 ? 2
                             : lead >= 0xc2 && lead < 0xe0 ? 1
                                                           : 9;
    if (more == 9 || i + more >= text.size()) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    i += more + 1;
  }
  return true;
}

// Some agents write ISO 8859-1: mostly ASCII, with some characters from 0xa0 on. Other octets could be
// anything.
bool is_latin1(std::string_view text) {
  constexpr std::size_t kMostShare = 3;  // one in so many
  std::size_t high = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 && byte < 0xa0) return false;
    high += byte >= 0xa0 ? 1 : 0;
  }
  return high * kMostShare <= text.size();
}

std::string utf8_of_latin1(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) out += static_cast<char>(0xc0 | byte >> 6);
    out += static_cast<char>(byte < 0x80 ? byte : 0x80 | (byte & 0x3f));
  }
  return out;
}

// In UTF-8, without blanks around it. Absent: these octets are no text.
std::optional<std::string> text_of(std::string_view bytes) {
  const std::string_view text = trimmed(bytes).substr(0, kLongestText);
  const auto is_character = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  if (!std::all_of(text.begin(), text.end(), is_character)) return std::nullopt;
  if (is_utf8(text)) return std::string(text);
  if (is_latin1(text)) return utf8_of_latin1(text);
  return std::nullopt;
}

std::string as_text(const SnmpValue& value) {
  using Type = SnmpValue::Type;
  switch (value.type) {
    case Type::integer:
      return std::to_string(value.number);
    case Type::gauge32:
    case Type::counter32:
    case Type::counter64:
    case Type::timeticks:
      return std::to_string(value.count);
    case Type::real: {
      char text[40];
      return {text, std::to_chars(text, text + sizeof text, value.real).ptr};
    }
    case Type::bytes:
      return printable(value.text);
    default:
      return value.text;
  }
}

}  // namespace

std::string_view absence(SnmpValue::Type type) {
  switch (type) {
    case SnmpValue::Type::no_such_object:
      return "the agent has no such object (noSuchObject)";
    case SnmpValue::Type::no_such_instance:
      return "the agent has no such instance (noSuchInstance)";
    default:
      return "the agent has nothing there (endOfMibView)";
  }
}

std::string printable(std::string_view bytes) {
  auto text = text_of(bytes);
  return text ? std::move(*text) : hexadecimal(bytes);
}

std::string hexadecimal(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes.substr(0, kLongestText / 3)) {
    const auto byte = static_cast<unsigned char>(c);
    if (!out.empty()) out += ':';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string mac_address(std::string_view bytes) {
  constexpr std::size_t kDigitsOfOne = 12;
  std::string digits;
  for (const char c : trimmed(bytes)) {
    const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (is_digit) digits += static_cast<char>(c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c);
    if (!is_digit && c != ':' && c != '-' && c != '.') return hexadecimal(bytes);
  }
  if (digits.size() != kDigitsOfOne || bytes.size() < kDigitsOfOne) return hexadecimal(bytes);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); i += 2) out += (i > 0 ? ":" : "") + digits.substr(i, 2);
  return out;
}

bool is_mac_address(const Oid& oid) {
  static const std::array columns = {Oid{1, 3, 6, 1, 2, 1, 2, 2, 1, 6},      // ifPhysAddress
                                     Oid{1, 3, 6, 1, 2, 1, 3, 1, 1, 2},      // atPhysAddress
                                     Oid{1, 3, 6, 1, 2, 1, 4, 22, 1, 2},     // ipNetToMediaPhysAddress
                                     Oid{1, 3, 6, 1, 2, 1, 4, 35, 1, 4},     // ipNetToPhysicalPhysAddress
                                     Oid{1, 3, 6, 1, 2, 1, 17, 1, 1},        // dot1dBaseBridgeAddress
                                     Oid{1, 3, 6, 1, 2, 1, 17, 4, 3, 1, 1},  // dot1dTpFdbAddress
                                     Oid{1, 3, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1, 1}};  // dot1qTpFdbAddress
  return std::any_of(columns.begin(), columns.end(),
                     [&](const Oid& column) { return oid == column || is_below(oid, column); });
}

std::optional<double> combined(double number, const Factors& factors) {
  // SnmpPrefix of RFC 3433, from yocto(1) to yotta(17). Exa(14) stands before peta(15) there.
  constexpr std::array kExponents = {-24, -21, -18, -15, -12, -9, -6, -3, 0, 3, 6, 9, 12, 18, 15, 21, 24};
  if (factors.times) number *= *factors.times;
  if (factors.over) {
    if (*factors.over == 0) return std::nullopt;
    number /= *factors.over;
  }
  int exponent = 0;
  if (factors.prefix) {
    if (!(*factors.prefix >= 1 && *factors.prefix <= kExponents.size())) return std::nullopt;
    exponent = kExponents.at(static_cast<std::size_t>(*factors.prefix) - 1);
  }
  if (factors.precision && *factors.precision > 0) {
    constexpr double kMostDigits = 9;
    if (*factors.precision > kMostDigits) return std::nullopt;
    exponent -= static_cast<int>(*factors.precision);
  }
  // Powers below 1 are not exact: 215 / 10 is 21.5, and 215 * 0.1 is not.
  number = exponent < 0 ? number / std::pow(10.0, -exponent) : number * std::pow(10.0, exponent);
  if (!std::isfinite(number)) return std::nullopt;
  return number;
}

namespace {

Error no_number(const SnmpValue& value) {
  return Error{ErrorKind::parse, "\"" + as_text(value).substr(0, kLongestQuoted) + "\" is not a number"};
}

}  // namespace

Result<double> to_number(const SnmpValue& value, const NumberFormat& format) {
  using Type = SnmpValue::Type;
  switch (value.type) {
    case Type::integer:
      return static_cast<double>(value.number);
    case Type::gauge32:
    case Type::counter32:
    case Type::counter64:
    case Type::timeticks:
      return static_cast<double>(value.count);
    case Type::real:
      if (!std::isfinite(value.real)) return no_number(value);
      return value.real;
    case Type::bytes: {
      const auto text = text_of(value.text);
      if (!text) return no_number(value);
      return parse_number_text(*text, format);
    }
    default:
      return no_number(value);
  }
}

bool is_code(const NotAvailable& codes, const SnmpValue& value, const NumberFormat& format) {
  if (codes.empty()) return false;
  if (codes.has_text(as_text(value))) return true;
  const auto number = to_number(value, format);
  return number && codes.has_number(*number);
}

Result<Reading> to_reading(const SnmpValue& value, const Form& form) {
  using Type = SnmpValue::Type;
  const bool has_bytes = value.type == Type::bytes;
  if (form.as == As::hex && has_bytes) return Reading(hexadecimal(value.text));
  if (form.as == As::mac && has_bytes) return Reading(mac_address(value.text));
  if (is_text(form.as)) return Reading(as_text(value));
  if (form.scale == 1 && form.offset == 0) {  // as it is, with all its digits
    if (value.type == Type::integer) return Reading(value.number);
    if (value.type == Type::counter64) return Reading(value.count);
    if (value.type == Type::gauge32 || value.type == Type::counter32 || value.type == Type::timeticks) {
      if (value.count > static_cast<std::uint64_t>(INT64_MAX)) return Reading(value.count);
      return Reading(static_cast<std::int64_t>(value.count));
    }
  }
  const auto number = to_number(value, form.number);
  if (!number) return number.error();
  return Reading(scaled(*number, form.scale, form.offset));
}

}  // namespace vigile::snmp
