// SPDX-License-Identifier: Apache-2.0
// Numbers as devices write them for people: "-   29.182 g", "12,345 kg", "98%", "21,5", "1'234.50".
#pragma once

#include <optional>
#include <string_view>

#include "core/option.h"
#include "core/result.h"

namespace vigile {

struct NumberFormat {
  enum class Decimal { either, point, comma };
  enum class Thousands { none, comma, point, space, apostrophe };
  // either: a point, or a comma where it can be nothing else. "12,345" is then an error that names the
  // option.
  Decimal decimal = Decimal::either;
  Thousands thousands = Thousands::none;  // allowed between groups of three digits, never required
};

// The columns of a row that read_number_format() reads.
inline constexpr std::string_view kDecimalSigns[] = {"point", "comma"};  // as Decimal
inline constexpr std::string_view kThousandsSigns[] = {"none", "comma", "point", "space", "apostrophe"};
inline constexpr OptionSpec kDecimalOption{
    .name = "decimal",
    .type = OptionType::choice,
    .help = "Decimal sign of texts: point or comma; if absent, a comma only where it is clear (21,5).",
    .choices = kDecimalSigns};
inline constexpr OptionSpec kThousandsOption{
    .name = "thousands",
    .type = OptionType::choice,
    .help = "What texts have between groups of three digits: none, comma, point, space, apostrophe.",
    .fallback = "none",
    .choices = kThousandsSigns};
// Errors: config; they begin with the name of the column.
Result<NumberFormat> read_number_format(const Options& row);

// The number that `text` is. Blanks around it and between sign and digits, a unit or percent sign behind it,
// a minus directly behind the digits ("29.182-"), U+2212 for a minus, 0x1f and exponents are taken. The unit
// is not interpreted: "1.5 kB" is 1.5. Errors: parse; they begin with the text: "12:30", "5 of 10", "nan",
// "1e999", and what `format` does not tell.
Result<double> parse_number_text(std::string_view text, const NumberFormat& format = {});

// The number that `text` begins with; it is taken off, so that its unit is left. Unlike above, blanks and
// other signs than one '+' or '-' are not taken. Absent: there is none as `format` has it.
std::optional<double> take_number_text(std::string_view& text, const NumberFormat& format);

// The sign that belongs to the digits at [begin, end) of `text`, but stands outside of them.
enum class OuterSign {
  none,
  minus,    // "-29.182", "ST,NT,-  1.234kg": it can be nothing but a sign
  unclear,  // "A-12", "Inlet - 21.5", "12.5-": a sign, a hyphen or a dash
};
OuterSign outer_sign(std::string_view text, std::size_t begin, std::size_t end);

}  // namespace vigile
