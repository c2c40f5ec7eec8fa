// SPDX-License-Identifier: Apache-2.0
#include "point/line_scan.h"

#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>

namespace vigile {
namespace {

// Bytes that end a run of plain ones.
constexpr unsigned char kEndsMeasurement = 1;
constexpr unsigned char kEndsKey = 2;  // and tag values
constexpr unsigned char kControl = 4;

constexpr std::array<unsigned char, 256> kBytes = [] {
  std::array<unsigned char, 256> table{};
  for (std::size_t byte = 0; byte < 0x20; ++byte) table[byte] = kEndsMeasurement | kEndsKey | kControl;
  table[0x7f] = kEndsMeasurement | kEndsKey | kControl;
  for (const unsigned char c : {',', ' ', '\\'}) table[c] = kEndsMeasurement | kEndsKey;
  table['='] = kEndsKey;
  return table;
}();

unsigned char flags_of(char c) {
  return kBytes[static_cast<unsigned char>(c)];
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr const char* kExpectedPrintable =
    "a printable character (control characters can only stand in quoted strings)";
constexpr const char* kExpectedValue = "a field value: a number, true, false, or a quoted string";
constexpr const char* kExpectedClosing = "a closing '\"' for the string that starts here";
constexpr const char* kExpectedField = "a field, as in value=1";

constexpr std::array<const char*, 4> kExpectedTime = {
    "a time: a whole number of nanoseconds", "a time: a whole number of microseconds",
    "a time: a whole number of milliseconds", "a time: a whole number of seconds"};

constexpr std::array<std::int64_t, 4> kNanoseconds = {1, 1'000, 1'000'000, 1'000'000'000};

// The digits from `at` as a number; nothing when it does not fit. Moves `at` behind them.
std::optional<std::uint64_t> read_digits(const char*& at, const char* end) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  const char* const sure_end = end - at > 19 ? at + 19 : end;  // 19 digits always fit
  std::uint64_t number = 0;
  for (; at < sure_end && is_digit(*at); ++at) number = number * 10 + static_cast<unsigned>(*at - '0');
  bool fits = true;
  for (; at < end && is_digit(*at); ++at) {
    const auto digit = static_cast<unsigned>(*at - '0');
    if (number > (kMost - digit) / 10) fits = false;
    if (fits) number = number * 10 + digit;
  }
  if (!fits) return std::nullopt;
  return number;
}

// Puts sign and size together; nothing when it does not fit.
std::optional<std::int64_t> signed_number(bool negative, std::optional<std::uint64_t> size) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (!size || *size > kMost + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - *size : *size);
}

class Scanner {
 public:
  Scanner(const char* begin, const char* end, Precision precision, LineView& view)
      : at_(begin), end_(end), precision_(static_cast<std::size_t>(precision)), view_(view) {}

  LineScan run() {
    const bool good = measurement() && tags() && fields() && time();
    LineScan scan;
    scan.at = good ? at_ : bad_at_;
    scan.expected = good ? nullptr : expected_;
    scan.resume_from = resume_from_;
    scan.has_newlines = newlines_in_strings_;
    scan.open_string = open_string_;
    return scan;
  }

 private:
  bool fail(const char* at, const char* expected) {
    bad_at_ = at;
    expected_ = expected;
    resume_from_ = at;
    return false;
  }

  // A name or tag value ended at at_, where something else should be.
  bool fail_after_text(const char* expected) {
    if (at_ < end_ && (flags_of(*at_) & kControl) != 0 && !is_line_end(at_, end_)) {
      return fail(at_, kExpectedPrintable);
    }
    return fail(at_, expected);
  }

  // Moves at_ behind the text that starts there. Backslashes escape the character that follows them, so that
  // it does not end the text.
  std::string_view text(unsigned char ends) {
    const char* const begin = at_;
    const char* at = at_;
    while (true) {
      while (at < end_ && (flags_of(*at) & ends) == 0) ++at;
      if (at == end_ || *at != '\\') break;
      while (at < end_ && *at == '\\') ++at;
      if (at < end_ && (flags_of(*at) & kControl) == 0) ++at;
    }
    at_ = at;
    return {begin, static_cast<std::size_t>(at - begin)};
  }

  bool next_is(char c) const { return at_ < end_ && *at_ == c; }

  void spaces() {
    while (next_is(' ')) ++at_;
  }

  bool measurement() {
    view_.measurement = text(kEndsMeasurement);
    if (view_.measurement.empty()) return fail_after_text("a measurement");
    return true;
  }

  bool tags() {
    view_.tags.clear();
    while (next_is(',')) {
      ++at_;
      const std::string_view key = text(kEndsKey);
      if (key.empty()) return fail_after_text("a tag key");
      if (!next_is('=')) return fail_after_text("'=' after the tag key");
      ++at_;
      const std::string_view value = text(kEndsKey);
      if (value.empty()) return fail_after_text("a tag value");
      if (next_is('='))
        return fail(at_, "a comma or a space after the tag value ('=' inside of it is written \\=)");
      view_.tags.emplace_back(key, value);
    }
    return true;
  }

  bool fields() {
    view_.fields.clear();
    if (!next_is(' ')) return fail_after_text("a space and a field, as in value=1");
    spaces();
    if (is_line_end(at_, end_)) return fail(at_, kExpectedField);
    while (true) {
      FieldView field;
      field.key = text(kEndsKey);
      if (field.key.empty()) return fail_after_text("a field key");
      if (!next_is('=')) return fail_after_text("'=' after the field key");
      ++at_;
      if (!value(field)) return false;
      view_.fields.push_back(field);
      if (!next_is(',')) return true;
      ++at_;
    }
  }

  // No value but a string goes on past a comma, a space or the line's end.
  bool at_value_end() const { return next_is(',') || next_is(' ') || is_line_end(at_, end_); }

  bool value(FieldView& field) {
    if (at_ == end_) return fail(at_, kExpectedValue);
    if (*at_ == '"') return string(field);
    const char* const begin = at_;
    const bool good = is_digit(*at_) || *at_ == '-' || *at_ == '.' ? number(field) : boolean(field);
    if (!good) return expected_ != nullptr ? false : fail(begin, kExpectedValue);
    if (!at_value_end()) return fail(begin, kExpectedValue);
    field.text = {begin, static_cast<std::size_t>(at_ - begin)};
    return true;
  }

  bool boolean(FieldView& field) {
    field.type = FieldView::Type::boolean;
    const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    for (const std::string_view word :
         {"true", "false", "True", "False", "TRUE", "FALSE", "t", "f", "T", "F"}) {
      if (rest.starts_with(word)) {
        at_ += word.size();
        return true;
      }
    }
    return false;
  }

  bool number(FieldView& field) {
    const char* const begin = at_;
    const bool negative = *at_ == '-';
    if (negative) ++at_;
    const char* const digits = at_;
    const std::optional<std::uint64_t> whole = read_digits(at_, end_);
    const auto whole_digits = at_ - digits;
    if (whole_digits > 0 && next_is('i')) {
      ++at_;
      field.type = FieldView::Type::int64;
      if (!at_value_end() || signed_number(negative, whole)) return true;
      return fail(begin, "an integer from -9223372036854775808 to 9223372036854775807");
    }
    if (whole_digits > 0 && !negative && next_is('u')) {
      ++at_;
      field.type = FieldView::Type::uint64;
      if (!at_value_end() || whole) return true;
      return fail(begin, "an unsigned integer up to 18446744073709551615");
    }
    field.type = FieldView::Type::float64;
    bool has_digits = whole_digits > 0;
    if (next_is('.')) {
      ++at_;
      const char* const decimals = at_;
      while (at_ < end_ && is_digit(*at_)) ++at_;
      has_digits = has_digits || at_ > decimals;
    }
    if (!has_digits) return false;
    bool may_be_large = whole_digits > std::numeric_limits<double>::max_exponent10;
    if (next_is('e') || next_is('E')) {
      ++at_;
      if (next_is('+') || next_is('-')) ++at_;
      const char* const exponent = at_;
      while (at_ < end_ && is_digit(*at_)) ++at_;
      if (at_ == exponent) return false;
      may_be_large = true;
    }
    if (may_be_large && at_value_end() && !float_value({begin, static_cast<std::size_t>(at_ - begin)})) {
      return fail(begin, "a number within the range of a 64-bit float, up to 1.7976931348623157e308");
    }
    return true;
  }

  bool string(FieldView& field) {
    const char* const open = at_;
    const char* close = open + 1;
    while (true) {
      const auto left = static_cast<std::size_t>(end_ - close);
      close = left == 0 ? nullptr : static_cast<const char*>(std::memchr(close, '"', left));
      if (close == nullptr) {
        open_string_ = true;
        return fail(open, kExpectedClosing);
      }
      const char* backslash = close;
      while (backslash > open + 1 && backslash[-1] == '\\') --backslash;
      if ((close - backslash) % 2 == 0) break;
      ++close;
    }
    field.type = FieldView::Type::string;
    field.text = {open + 1, static_cast<std::size_t>(close - open - 1)};
    const bool has_newline = field.text.find('\n') != std::string_view::npos;
    newlines_in_strings_ = newlines_in_strings_ || has_newline;
    at_ = close + 1;
    if (at_value_end()) return true;
    // A string that runs over lines and is followed by something odd has most likely ended at the next
    // string's opening quote: its own closing one is missing, and the lines between are good.
    if (has_newline) return fail(open, kExpectedClosing);
    return fail(at_, "a comma, a space or the end of the line after the string");
  }

  bool time() {
    view_.time_ns.reset();
    spaces();
    if (is_line_end(at_, end_)) return true;
    const char* const begin = at_;
    const bool negative = next_is('-');
    if (negative) ++at_;
    const char* const digits = at_;
    const std::optional<std::int64_t> number = signed_number(negative, read_digits(at_, end_));
    if (at_ == digits || !(next_is(' ') || is_line_end(at_, end_)))
      return fail(begin, kExpectedTime[precision_]);
    std::int64_t time_ns = 0;
    if (!number || __builtin_mul_overflow(*number, kNanoseconds[precision_], &time_ns)) {
      return fail(begin, "a time between the years 1677 and 2262 (64-bit nanoseconds)");
    }
    view_.time_ns = time_ns;
    spaces();
    if (!is_line_end(at_, end_)) return fail(at_, "the end of the line after the time");
    return true;
  }

  const char* at_;
  const char* const end_;
  const std::size_t precision_;
  LineView& view_;
  bool newlines_in_strings_ = false;
  bool open_string_ = false;
  const char* bad_at_ = nullptr;
  const char* expected_ = nullptr;
  const char* resume_from_ = nullptr;
};

// The power of ten of the first digit that is not zero is above that of 0.1.
bool is_large(std::string_view text) {
  std::int64_t power = 0;  // of the number's first digit, for 0.ddd × 10^power
  bool seen_nonzero = false;
  bool seen_point = false;
  std::size_t i = 0;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.') seen_point = true;
    if (!is_digit(text[i])) continue;
    seen_nonzero = seen_nonzero || text[i] != '0';
    if (seen_nonzero && !seen_point) ++power;
    if (!seen_nonzero && seen_point) --power;
  }
  if (!seen_nonzero) return false;
  constexpr std::int64_t kFar = std::int64_t{1} << 40;
  std::int64_t exponent = 0;
  const bool negative = i + 1 < text.size() && text[i + 1] == '-';
  for (; i < text.size(); ++i) {
    if (is_digit(text[i]) && exponent < kFar) exponent = exponent * 10 + (text[i] - '0');
  }
  return power + (negative ? -exponent : exponent) > 0;
}

}  // namespace

LineScan scan_line(const char* begin, const char* end, Precision precision, LineView& view) {
  return Scanner(begin, end, precision, view).run();
}

std::optional<double> float_value(std::string_view text) {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec == std::errc::result_out_of_range) {
    if (is_large(text)) return std::nullopt;
    return text.starts_with('-') ? -0.0 : 0.0;
  }
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace vigile
