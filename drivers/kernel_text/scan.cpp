// SPDX-License-Identifier: Apache-2.0
#include "drivers/kernel_text/scan.h"

#include <charconv>
#include <cmath>
#include <string>

namespace vigile {

namespace {

constexpr std::size_t kMaxQuoted = 80;

template <class T>
std::optional<T> to_number(std::string_view word) {
  T number{};
  const char* const end = word.data() + word.size();
  const auto parsed = std::from_chars(word.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

bool Lines::next() {
  if (rest_.empty()) return false;
  ++number_;
  const std::size_t end = rest_.find('\n');
  whole_ = end != std::string_view::npos;
  line_ = rest_.substr(0, end);
  rest_.remove_prefix(whole_ ? end + 1 : rest_.size());
  return true;
}

std::string_view take_word(std::string_view& text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) {
    text = {};
    return {};
  }
  text.remove_prefix(begin);
  const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
  text.remove_prefix(word.size());
  return word;
}

std::optional<std::uint64_t> to_unsigned(std::string_view word) {
  return to_number<std::uint64_t>(word);
}

std::optional<std::int64_t> to_signed(std::string_view word) {
  return to_number<std::int64_t>(word);
}

std::optional<double> to_double(std::string_view word) {
  double number{};
  const char* const end = word.data() + word.size();
  const auto parsed = std::from_chars(word.data(), end, number, std::chars_format::fixed);
  if (parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

Error parse_error(std::string_view file, int line, std::string_view expected, std::string_view text) {
  std::string message(file);
  if (line > 0) message += ":" + std::to_string(line);
  message += ": expected ";
  message += expected;
  message += ", found \"";
  for (const char c : text.substr(0, kMaxQuoted)) message += c >= 0x20 && c < 0x7f ? c : '?';
  message += text.size() > kMaxQuoted ? "…\"" : "\"";
  return Error{ErrorKind::parse, std::move(message)};
}

double two_decimals(double value) {
  return std::round(value * 100) / 100;
}

}  // namespace vigile
