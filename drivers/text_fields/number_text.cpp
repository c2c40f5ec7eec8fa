// SPDX-License-Identifier: Apache-2.0
#include "drivers/text_fields/number_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "drivers/line_text/line_text.h"

namespace vigile {

namespace {

using Decimal = NumberFormat::Decimal;
using Thousands = NumberFormat::Thousands;

constexpr std::string_view kMinusSign = "\xe2\x88\x92";  // U+2212
constexpr std::size_t kLongestUnit = 16;                 // bytes

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_beyond_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}

// The bytes of the blank that `text` begins with: also U+00A0, U+2009 (thin) and U+202F (narrow, no break).
std::size_t blank_at(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] == ' ' || text[0] == '\t' || text[0] == '\r' || text[0] == '\n' || text[0] == '\0') return 1;
  if (text.starts_with("\xc2\xa0")) return 2;
  return text.starts_with("\xe2\x80\x89") || text.starts_with("\xe2\x80\xaf") ? 3 : 0;
}

std::string_view without_blanks(std::string_view text) {
  while (const std::size_t blank = blank_at(text)) text.remove_prefix(blank);
  for (bool again = true; again && !text.empty();) {
    again = false;
    for (std::size_t size = 1; size <= std::min<std::size_t>(3, text.size()) && !again; ++size) {
      again = blank_at(text.substr(text.size() - size)) == size;
      if (again) text.remove_suffix(size);
    }
  }
  return text;
}

bool take_minus(std::string_view& text) {
  const std::size_t size = text.starts_with('-') ? 1 : text.starts_with(kMinusSign) ? kMinusSign.size() : 0;
  text.remove_prefix(size);
  return size > 0;
}

// The bytes of the separator of thousands at the beginning of `text`, when a digit follows it.
std::size_t separator_at(std::string_view text, Thousands thousands) {
  std::size_t size = 0;
  if (thousands == Thousands::comma) size = text.starts_with(',');
  if (thousands == Thousands::point) size = text.starts_with('.');
  if (thousands == Thousands::space) size = blank_at(text);
  if (thousands == Thousands::apostrophe)
    size = text.starts_with('\'') ? 1 : text.starts_with("\xe2\x80\x99") ? 3 : 0;
  return size > 0 && size < text.size() && is_digit(text[size]) ? size : 0;
}

// A word or two: °C, kg/m3, V DC, %. No number, for then it is no unit: "12:30", "5 of 10".
bool is_unit(std::string_view text) {
  if (text.empty()) return true;
  if (text.size() > kLongestUnit) return false;
  if (!is_letter(text[0]) && !is_beyond_ascii(text[0]) && text[0] != '%' && text[0] != '(' && text[0] != '[')
    return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    // m3, CO2, m^2, s-1
    const bool is_power = is_digit(c) && c != '0' && i > 0 &&
                          std::string_view("mO^-").find(text[i - 1]) != std::string_view::npos &&
                          (i + 1 == text.size() || (!is_digit(text[i + 1]) && !is_letter(text[i + 1])));
    if (!is_letter(c) && !is_beyond_ascii(c) && !is_power &&
        std::string_view(" %/^*.-_()[]").find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

struct Parts {
  std::string whole;     // digits, without separators
  std::string fraction;  // of them
  std::string exponent;  // "e-3"
};

// The decimal sign of what is written, '\0' when that is not clear.
char decimal_sign(std::string_view digits, const NumberFormat& format) {
  if (format.decimal == Decimal::comma || format.thousands == Thousands::point) return ',';
  if (format.decimal == Decimal::point || format.thousands == Thousands::comma) return '.';
  const auto commas = std::count(digits.begin(), digits.end(), ',');
  if (commas == 0) return '.';
  if (commas > 1 || digits.find('.') != std::string_view::npos) return '\0';
  const std::size_t at = digits.find(',');
  const bool could_group = at >= 1 && at <= 3 && digits.size() - at - 1 == 3;
  return could_group && format.thousands == Thousands::none ? '\0' : ',';
}

// Takes the digits with their separators from the beginning of `rest`.
std::optional<Parts> take_number(std::string_view& rest, const NumberFormat& format) {
  std::size_t size = 0;
  while (size < rest.size()) {
    const std::size_t separator = separator_at(rest.substr(size), format.thousands);
    const bool is_part = is_digit(rest[size]) || rest[size] == '.' || rest[size] == ',';
    if (!is_part && separator == 0) break;
    size += std::max<std::size_t>(separator, 1);
  }
  const std::string_view digits = rest.substr(0, size);
  const char sign = decimal_sign(digits, format);
  if (sign == '\0') return std::nullopt;
  rest.remove_prefix(size);
  const std::size_t point = digits.find(sign);
  std::string_view left = digits.substr(0, point);
  Parts parts;
  if (point != std::string_view::npos) parts.fraction = digits.substr(point + 1);
  std::size_t group = 0;  // digits since the last separator
  bool is_grouped = false;
  while (!left.empty()) {
    if (const std::size_t separator = separator_at(left, format.thousands)) {
      if (group == 0 || group > 3 || (is_grouped && group != 3)) return std::nullopt;
      is_grouped = true;
      group = 0;
      left.remove_prefix(separator);
    }
    if (!is_digit(left[0])) return std::nullopt;
    parts.whole += left[0];
    ++group;
    left.remove_prefix(1);
  }
  if (is_grouped && group != 3) return std::nullopt;
  if (!rest.empty() && (rest[0] == 'e' || rest[0] == 'E')) {
    std::size_t end = 1;
    if (end < rest.size() && (rest[end] == '+' || rest[end] == '-')) ++end;
    const std::size_t first = end;
    while (end < rest.size() && is_digit(rest[end])) ++end;
    if (end > first) {
      parts.exponent = rest.substr(0, end);
      std::erase(parts.exponent, '+');
      rest.remove_prefix(end);
    }
  }
  return parts;
}

std::optional<double> number_of(const Parts& parts) {
  const std::string text =
      parts.whole + (parts.fraction.empty() ? "" : "." + parts.fraction) + parts.exponent;
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

Error no_number(std::string_view text, const NumberFormat& format) {
  const bool has_signs = std::count(text.begin(), text.end(), '.') +
                             std::count(text.begin(), text.end(), ',') +
                             std::count(text.begin(), text.end(), '\'') >
                         0;
  std::string what = shown_text(text) + " is not a number";
  if (has_signs || format.thousands != Thousands::none)
    what += " as the options decimal and thousands have it";
  return Error{ErrorKind::parse, what};
}

}  // namespace

Result<NumberFormat> read_number_format(const Options& row) {
  NumberFormat format;
  if (row.has("decimal")) format.decimal = row.text("decimal") == "comma" ? Decimal::comma : Decimal::point;
  const auto* const sign =
      std::find(std::begin(kThousandsSigns), std::end(kThousandsSigns), row.text("thousands"));
  if (sign != std::end(kThousandsSigns))
    format.thousands = static_cast<Thousands>(sign - std::begin(kThousandsSigns));
  if ((format.decimal == Decimal::comma && format.thousands == Thousands::comma) ||
      (format.decimal == Decimal::point && format.thousands == Thousands::point))
    return Error{ErrorKind::config, "thousands: is the same sign as decimal"};
  return format;
}

Result<double> parse_number_text(std::string_view text, const NumberFormat& format) {
  std::string_view rest = without_blanks(text);
  bool is_negative = take_minus(rest);
  const bool has_sign = is_negative || rest.starts_with('+');
  if (has_sign && !is_negative) rest.remove_prefix(1);
  while (const std::size_t blank = blank_at(rest)) rest.remove_prefix(blank);
  if (rest.starts_with("0x") || rest.starts_with("0X")) {
    std::uint64_t whole = 0;
    const auto parsed = std::from_chars(rest.data() + 2, rest.data() + rest.size(), whole, 16);
    if (parsed.ec != std::errc() || parsed.ptr != rest.data() + rest.size()) return no_number(text, format);
    return is_negative ? -static_cast<double>(whole) : static_cast<double>(whole);
  }
  const std::string_view from_digits = rest;
  const auto parts = take_number(rest, format);
  if (!parts && format.decimal == Decimal::either && format.thousands == Thousands::none &&
      std::count(from_digits.begin(), from_digits.end(), ',') == 1 &&
      from_digits.find('.') == std::string_view::npos)
    return Error{ErrorKind::parse,
                 shown_text(text) +
                     " is one number with decimal: comma and another with thousands: comma; "
                     "say which"};
  if (!parts) return no_number(text, format);
  if (!has_sign && take_minus(rest)) {
    if (!rest.empty() && blank_at(rest) == 0) return no_number(text, format);  // "12-kg"
    is_negative = true;
  }
  const auto number = number_of(*parts);
  if (!number || !is_unit(without_blanks(rest))) return no_number(text, format);
  return is_negative ? -*number : *number;
}

std::optional<double> take_number_text(std::string_view& text, const NumberFormat& format) {
  std::string_view rest = text;
  const bool is_negative = rest.starts_with('-');
  if (is_negative || rest.starts_with('+')) rest.remove_prefix(1);
  const auto parts = take_number(rest, format);
  const auto number = parts ? number_of(*parts) : std::nullopt;
  if (!number) return std::nullopt;
  text = rest;
  return is_negative ? -*number : *number;
}

OuterSign outer_sign(std::string_view text, std::size_t begin, std::size_t end) {
  const std::string_view digits = without_blanks(text.substr(begin, end - begin));
  if (digits.empty() || (!is_digit(digits[0]) && digits[0] != '.' && digits[0] != ','))
    return OuterSign::none;
  const std::string_view behind = text.substr(end);
  if (is_digit(digits.back()) && (behind.starts_with('-') || behind.starts_with(kMinusSign))) {
    std::string_view rest = behind;
    take_minus(rest);
    if (rest.empty() || blank_at(rest) > 0 || rest[0] == ',' || rest[0] == ';') return OuterSign::unclear;
  }
  std::string_view before = text.substr(0, begin);
  const std::size_t end_of_dash = std::min(before.find_last_not_of(" \t") + 1, before.size());
  const bool is_apart = end_of_dash != before.size() || blank_at(text.substr(begin)) > 0;
  before = before.substr(0, end_of_dash);
  if (before.ends_with('-')) {
    before.remove_suffix(1);
  } else if (before.ends_with(kMinusSign)) {
    before.remove_suffix(kMinusSign.size());
  } else {
    return OuterSign::none;
  }
  if (before.empty() || before.back() == '\n' || before.back() == '\r') return OuterSign::minus;
  if (std::string_view(",;:=(|").find(before.back()) != std::string_view::npos) return OuterSign::minus;
  return !is_apart && blank_at(before.substr(before.size() - 1)) > 0 ? OuterSign::minus : OuterSign::unclear;
}

}  // namespace vigile
