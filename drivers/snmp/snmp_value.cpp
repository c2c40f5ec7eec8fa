// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/snmp_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

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
  const std::string_view text = trimmed(bytes).substr(0, kLongestText);
  const auto is_text = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  std::string out;
  // UTF-8 passes as it is; anything that only looks like it is shown in hexadecimal.
  bool plain = std::all_of(text.begin(), text.end(), is_text);
  for (std::size_t i = 0; plain && i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t more = lead < 0x80                   ? 0
                             : lead >= 0xf0 && lead < 0xf5 ? 3
                             : lead >= 0xe0 && lead < 0xf0 ? 2
                             : lead >= 0xc2 && lead < 0xe0 ? 1
                                                           : 9;
    plain = more < 9 && i + more < text.size();
    for (std::size_t k = 1; plain && k <= more; ++k)
      plain = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
    i += more + 1;
  }
  if (plain) return std::string(text);
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : bytes.substr(0, kLongestText / 3)) {
    const auto byte = static_cast<unsigned char>(c);
    if (!out.empty()) out += ':';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

Result<Reading> to_reading(const SnmpValue& value, As as, double scale, double offset) {
  using Type = SnmpValue::Type;
  if (as == As::text) return Reading(as_text(value));
  const bool as_it_is = scale == 1 && offset == 0;
  switch (value.type) {
    case Type::integer:
      if (as_it_is) return Reading(value.number);
      return Reading(scaled(static_cast<double>(value.number), scale, offset));
    case Type::counter64:
      if (as_it_is) return Reading(value.count);
      return Reading(scaled(static_cast<double>(value.count), scale, offset));
    case Type::gauge32:
    case Type::counter32:
    case Type::timeticks:
      if (as_it_is) return Reading(static_cast<std::int64_t>(value.count));
      return Reading(scaled(static_cast<double>(value.count), scale, offset));
    case Type::real:
      if (!std::isfinite(value.real)) break;
      return Reading(scaled(value.real, scale, offset));
    case Type::bytes: {
      const std::string_view text = trimmed(value.text);
      double number = 0;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
      if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
          !std::isfinite(number)) {
        break;
      }
      return Reading(scaled(number, scale, offset));
    }
    default:
      break;
  }
  return Error{ErrorKind::parse, "\"" + as_text(value).substr(0, kLongestQuoted) + "\" is not a number"};
}

}  // namespace vigile::snmp
