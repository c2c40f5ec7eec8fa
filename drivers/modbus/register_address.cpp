// SPDX-License-Identifier: Apache-2.0
#include "drivers/modbus/register_address.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace vigile::modbus {

namespace {

constexpr int kMostAddresses = 65'536;

std::optional<int> whole(std::string_view text, int base = 10) {
  int value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || text.front() == '-' || parsed.ec != std::errc() ||
      parsed.ptr != text.data() + text.size())
    return std::nullopt;
  return value;
}

std::optional<Kind> table(char digit) {
  switch (digit) {
    case '0':
      return Kind::coil;
    case '1':
      return Kind::discrete;
    case '3':
      return Kind::input;
    case '4':
      return Kind::holding;
    default:
      return std::nullopt;
  }
}

// The number of a reference counts from 1.
Result<RegisterAddress> referenced(std::string_view text, char digit, std::string_view number) {
  const auto kind = table(digit);
  const auto value = whole(number);
  if (!kind || !value || *value < 1 || *value > kMostAddresses) {
    return Error{ErrorKind::config,
                 "\"" + std::string(text) +
                     "\" is no reference: a table (0, 1, 3 or 4) and a number from 1, as 40001"};
  }
  return RegisterAddress{*value - 1, kind};
}

// Of IEC 61131-3, as some PLCs map their memory: %MW100 is holding register 100.
std::optional<RegisterAddress> memory_word(std::string_view text) {
  if (!text.starts_with("%MW") && !text.starts_with("%mw")) return std::nullopt;
  const auto value = whole(text.substr(3));
  if (!value || *value >= kMostAddresses) return std::nullopt;
  return RegisterAddress{*value, Kind::holding};
}

std::optional<int> hexadecimal(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) return whole(text.substr(2), 16);
  if (text.starts_with("16#")) return whole(text.substr(3), 16);
  if (text.ends_with('h') || text.ends_with('H')) return whole(text.substr(0, text.size() - 1), 16);
  return std::nullopt;
}

}  // namespace

Result<RegisterAddress> parse_register_address(std::string_view text, Numbering numbering) {
  const Error wrong{
      ErrorKind::config,
      "\"" + std::string(text.substr(0, 40)) +
          "\" is no address: 0 to 65535 as in the protocol (100, 0x64, 64h), or a reference that names "
          "its table (400101, 4x0101)"};
  if (const auto word = memory_word(text)) return *word;
  if (text.size() > 2 && (text[1] == 'x' || text[1] == 'X') && text[0] != '0')
    return referenced(text, text[0], text.substr(2));
  if (const auto value = hexadecimal(text)) {
    if (*value >= kMostAddresses) return wrong;
    return RegisterAddress{*value};
  }
  const auto value = whole(text);
  if (!value) return wrong;
  // Six digits are past every address of the protocol, or begin with a 0 that no number needs.
  if (text.size() == 6 || (numbering == Numbering::reference && text.size() == 5))
    return referenced(text, text[0], text.substr(1));
  if (numbering == Numbering::reference) {
    return Error{ErrorKind::config,
                 "\"" + std::string(text) +
                     "\" is no reference of five or six digits, as 40001; an address of the "
                     "protocol is written 0x… here"};
  }
  if (*value >= kMostAddresses) return wrong;
  return RegisterAddress{*value};
}

}  // namespace vigile::modbus
