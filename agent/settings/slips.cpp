// SPDX-License-Identifier: Apache-2.0
#include "settings/slips.h"

#include <algorithm>

#include "core/nearest.h"

namespace vigile {

namespace {

constexpr std::string_view kNoBreakSpace = "\xc2\xa0";
constexpr const char* kNoBreakSpaceSlip =
    "; it holds a no-break space, which looks like a blank: type a plain one";

bool has_no_break_space(std::string_view text) {
  return text.find(kNoBreakSpace) != std::string_view::npos;
}

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Where the colon of "key:value" stands; npos when the text is something else, as an address or a URL.
std::size_t unspaced_colon(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon + 1 == text.size())
    return std::string_view::npos;
  const char next = text[colon + 1];
  const bool is_key =
      std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), is_key_character);
  const bool is_url = text.substr(colon + 1, 2) == "//";
  return is_key && !is_url && next != ' ' && next != ':' ? colon : std::string_view::npos;
}

std::string missing_blank(std::string_view text, std::size_t colon) {
  return "; a blank is missing after the colon: " + std::string(text.substr(0, colon)) + ": …";
}

std::string_view trimmed(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t-{[");
  return first == std::string_view::npos ? std::string_view() : line.substr(first);
}

// A brace after a dollar, a letter or a digit, where YAML begins no map, without quotes: "${SITE}",
// "disk_usage{mount=/}".
bool has_bare_brace(std::string_view line) {
  char quote = 0;
  for (std::size_t i = 0; i + 1 < line.size(); ++i) {
    if (quote == 0 && (line[i] == '"' || line[i] == '\'')) {
      quote = line[i];
    } else if (line[i] == quote) {
      quote = 0;
    } else if (quote == 0 && (line[i] == '$' || is_key_character(line[i])) && line[i + 1] == '{') {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string slip_in_value(std::string_view text) {
  if (has_no_break_space(text)) return kNoBreakSpaceSlip;
  const auto is_digit_at = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos || comma != text.rfind(',') || comma == 0) return {};
  if (!is_digit_at(comma - 1) || !is_digit_at(comma + 1)) return {};
  std::string with_point(text);
  with_point[comma] = '.';
  return "; decimals have a point: " + with_point;
}

std::string slip_in_key(std::string_view key, std::span<const std::string_view> valid) {
  if (has_no_break_space(key)) return kNoBreakSpaceSlip;
  const std::size_t colon = unspaced_colon(key);
  if (colon == std::string_view::npos) return {};
  const std::string_view name = key.substr(0, colon);
  return std::find(valid.begin(), valid.end(), name) != valid.end() ? missing_blank(key, colon)
                                                                    : std::string();
}

std::string slip_in_text(std::string_view text) {
  if (has_no_break_space(text)) return kNoBreakSpaceSlip;
  const std::size_t colon = unspaced_colon(text);
  return colon == std::string_view::npos ? std::string() : missing_blank(text, colon);
}

std::string slip_in_line(std::string_view line, bool is_bracketed) {
  if (is_bracketed && has_bare_brace(line))
    return "; a text that holds { or ${…} needs quotes within braces or brackets";
  return slip_in_text(trimmed(line));
}

}  // namespace vigile
