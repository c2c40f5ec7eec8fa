// SPDX-License-Identifier: Apache-2.0
#include "drivers/text_fields/text_fields.h"

#include <regex.h>

#include <charconv>
#include <cmath>

#include "drivers/line_text/line_text.h"
#include "drivers/scale/scale.h"

namespace vigile {

struct CompiledPattern {
  regex_t regex{};
  bool is_good = false;

  CompiledPattern() = default;
  CompiledPattern(const CompiledPattern&) = delete;
  CompiledPattern& operator=(const CompiledPattern&) = delete;
  ~CompiledPattern() {
    if (is_good) ::regfree(&regex);
  }
};

namespace {

constexpr std::size_t kLongestPattern = 500;
constexpr std::size_t kLongestValue = 1024;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  if (text.starts_with("0x") || text.starts_with("0X")) {
    std::uint64_t whole = 0;
    const auto parsed = std::from_chars(text.data() + 2, end, whole, 16);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return static_cast<double>(whole);
  }
  double number = 0;
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(number)) return std::nullopt;
  return number;
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
  field.match = row.text("match");
  if (field.match.empty()) return field;
  if (field.match.size() > kLongestPattern) return bad("match: an expression has at most 500 bytes");
  field.pattern = std::make_shared<CompiledPattern>();
  if (const int code = ::regcomp(&field.pattern->regex, field.match.c_str(), REG_EXTENDED | REG_NEWLINE);
      code != 0) {
    char why[128];
    ::regerror(code, &field.pattern->regex, why, sizeof why);
    return bad("match: " + shown_text(field.match) + " is not an extended regular expression: " + why);
  }
  field.pattern->is_good = true;
  return field;
}

Result<std::optional<Number>> value_of(const TextField& field, std::string_view text) {
  if (field.pattern) {
    regmatch_t groups[2]{};
    // From here to there: no copy, and no end that text would have to have (REG_STARTEND of glibc).
    groups[0].rm_so = 0;
    groups[0].rm_eo = static_cast<regoff_t>(text.size());
    if (::regexec(&field.pattern->regex, text.data(), 2, groups, REG_STARTEND) != 0)
      return std::optional<Number>();
    const regmatch_t& group = groups[1].rm_so >= 0 ? groups[1] : groups[0];
    text = text.substr(static_cast<std::size_t>(group.rm_so),
                       static_cast<std::size_t>(group.rm_eo - group.rm_so));
  }
  text = trimmed(text);
  const auto wrong = [&](const char* what) {
    return Error{ErrorKind::parse, field.name + ": " + shown_text(text) + " is not " + what};
  };
  switch (field.type) {
    case TextField::Type::number: {
      const auto number = parse_number(text);
      if (!number) return wrong("a number");
      return std::optional<Number>(scaled(*number, field.scale, field.offset));
    }
    case TextField::Type::boolean: {
      const auto is = parse_bool(text);
      if (!is) return wrong("true or false");
      return std::optional<Number>(*is);
    }
    case TextField::Type::text:
      return std::optional<Number>(text.substr(0, kLongestValue));
  }
  return std::optional<Number>();
}

}  // namespace vigile
