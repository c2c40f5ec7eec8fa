// SPDX-License-Identifier: Apache-2.0
// Values out of text by regular expressions, as the settings say: for drivers of what people read.
// Expressions are POSIX extended ones, regex(7): their time is bounded by the text's length.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/option.h"
#include "drivers/driver.h"

namespace vigile {

struct CompiledPattern;

struct TextField {
  enum class Type { number, boolean, text };
  std::string name;
  std::string match;                         // empty: the whole text
  std::shared_ptr<CompiledPattern> pattern;  // shared by copies; null without `match`
  Type type = Type::number;
  double scale = 1;
  double offset = 0;
};

// The columns of a row that are read below, with those of drivers/scale; a driver adds its own.
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

// Absent: the text does not match. Errors: parse, when what matches is not of the type. A text is a view into
// `text`.
Result<std::optional<Number>> value_of(const TextField& field, std::string_view text);

}  // namespace vigile
