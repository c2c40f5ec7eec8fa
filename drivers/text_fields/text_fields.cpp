// SPDX-License-Identifier: Apache-2.0
#include "drivers/text_fields/text_fields.h"

#include "drivers/line_text/line_text.h"
#include "drivers/scale/scale.h"

namespace vigile {

namespace {

constexpr std::size_t kLongestValue = 1024;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<bool> parse_bool(std::string_view text) {
  std::string lower(text.substr(0, 8));
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const std::string_view yes : {"1", "true", "on", "yes", "y"}) {
    if (lower == yes) return true;
  }
  for (const std::string_view no : {"0", "false", "off", "no", "n"}) {
    if (lower == no) return false;
  }
  return std::nullopt;
}

// A - outside of brackets right before the group: who wrote it takes it for no sign.
bool has_own_dash(const TextField& field) {
  return field.match && field.match->text().find("-(") != std::string::npos;
}

}  // namespace

Result<TextField> read_text_field(const Options& row, std::string_view option) {
  TextField field;
  field.name = row.text("name");
  const auto bad = [&](const std::string& what) {
    return Error{ErrorKind::config, std::string(option) + ": \"" + field.name.substr(0, 100) + "\": " + what};
  };
  if (field.name.empty() || field.name.size() > 100) return bad("a name has 1 to 100 bytes");
  const std::string& type = row.text("type");
  field.type = type == "bool"   ? TextField::Type::boolean
               : type == "text" ? TextField::Type::text
                                : TextField::Type::number;
  field.scale = row.number("scale");
  field.offset = row.number("offset");
  if (field.type != TextField::Type::number && (field.scale != 1 || field.offset != 0))
    return bad("only numbers have scale and offset");
  if (field.scale == 0) return bad("a scale of 0 leaves nothing");
  auto format = read_number_format(row);
  if (!format) return bad(format.error().message);
  field.format = *format;
  auto codes = read_not_available(row, {.kind = RawForm::Kind::text});
  if (!codes) return bad(codes.error().message);
  field.not_available = std::move(*codes);
  if (row.text("match").empty()) return field;
  auto expression = Expression::compile(row.text("match"));
  if (!expression) return bad("match: " + expression.error().message);
  field.match = std::move(*expression);
  return field;
}

Result<TextReading> value_of(const TextField& field, std::string_view text) {
  Expression::Found found{0, text.size()};
  if (field.match) {
    const auto place = field.match->find(text);
    if (!place) return TextReading{};
    found = *place;
  }
  const std::string_view value = trimmed(text.substr(found.begin, found.end - found.begin));
  const auto wrong = [&](const std::string& what) {
    return Error{ErrorKind::parse, field.name + ": " + what};
  };
  TextReading reading{true, std::nullopt};
  if (field.not_available.has_text(value)) return reading;
  switch (field.type) {
    case TextField::Type::number: {
      const auto number = parse_number_text(value, field.format);
      if (!number) return wrong(number.error().message);
      const OuterSign sign = has_own_dash(field) ? OuterSign::none : outer_sign(text, found.begin, found.end);
      if (sign == OuterSign::unclear)
        return wrong("the - beside " + shown_text(value) +
                     " may be its sign; take it into the group, as in " +
                     "([-+]? *[0-9.]+), or write it before the group, as in -([0-9.]+), if it is none");
      const double raw = sign == OuterSign::minus ? -*number : *number;
      if (!field.not_available.has_number(raw)) reading.number = scaled(raw, field.scale, field.offset);
      return reading;
    }
    case TextField::Type::boolean: {
      const auto is = parse_bool(value);
      if (!is) return wrong(shown_text(value) + " is not true or false");
      reading.number = *is;
      return reading;
    }
    case TextField::Type::text:
      reading.number = value.substr(0, kLongestValue);
      return reading;
  }
  return reading;
}

}  // namespace vigile
