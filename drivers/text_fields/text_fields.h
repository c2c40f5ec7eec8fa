// SPDX-License-Identifier: Apache-2.0
// Values out of text by regular expressions, as the settings say: for drivers of what people read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/option.h"
#include "drivers/driver.h"
#include "drivers/scale/not_available.h"
#include "drivers/text_fields/expression.h"
#include "drivers/text_fields/number_text.h"

namespace vigile {

struct TextField {
  enum class Type { number, boolean, text };
  std::string name;
  std::optional<Expression> match;  // absent: the whole text
  Type type = Type::number;
  double scale = 1;
  double offset = 0;
  NumberFormat format;
  NotAvailable not_available;
};

// The columns of a row that are read below, with those of number_text.h, drivers/scale
// (scale, offset, unit) and kNotAvailableTextOption; a driver adds its own.
inline constexpr std::string_view kTextFieldTypes[] = {"number", "bool", "text"};
inline constexpr OptionSpec kTextFieldName{.name = "name", .help = "Name of the metric.", .required = true};
inline constexpr OptionSpec kTextFieldMatch{
    .name = "match",
    .help = "Extended regular expression; its first group is the value, or all that it matches."};
inline constexpr OptionSpec kTextFieldType{.name = "type",
                                           .type = OptionType::choice,
                                           .help = "number (also 0x1f), bool (1, true, on, yes, 0, …), text.",
                                           .fallback = "number",
                                           .choices = kTextFieldTypes};
// Errors: config; they begin with `option`.
Result<TextField> read_text_field(const Options& row, std::string_view option);

// What a text says of a field. A text is a view into the text that was read.
struct TextReading {
  bool matches = false;
  std::optional<Number> number;  // absent although it matches: a code for "not available"
};

// Errors: parse, when what matches is not of the type, or when it is not clear whether a minus that stands
// outside of what matches ("A-12", "Inlet - 21.5") is the sign of the number. Where it can be nothing else it
// is taken ("-   29.182 g"), so that no sign is lost. A dash that the expression itself has right before its
// group, "sensor-([0-9]+)", is none.
Result<TextReading> value_of(const TextField& field, std::string_view text);

}  // namespace vigile
