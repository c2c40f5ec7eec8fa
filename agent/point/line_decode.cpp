// SPDX-License-Identifier: Apache-2.0
#include "point/line_decode.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "point/line_fault.h"
#include "point/line_scan.h"

namespace vigile {
namespace {

std::size_t count_newlines(const char* begin, const char* end) {
  return static_cast<std::size_t>(std::count(begin, end, '\n'));
}

const char* find_newline(const char* begin, const char* end) {
  if (begin == end) return end;
  const void* const found = std::memchr(begin, '\n', static_cast<std::size_t>(end - begin));
  return found == nullptr ? end : static_cast<const char*>(found);
}

// `text` with each backslash before one of `escapable` left out.
std::string without_escapes(std::string_view text, std::string_view escapable) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escapes =
        text[i] == '\\' && i + 1 < text.size() && escapable.find(text[i + 1]) != std::string_view::npos;
    plain.push_back(text[escapes ? ++i : i]);
  }
  return plain;
}

Error bad_value(const FieldView& field, std::string_view expected) {
  return Error{ErrorKind::parse, "field " + std::string(field.key) + ": expected " + std::string(expected)};
}

template <class Integer>
Result<FieldValue> integer_value(const FieldView& field, char suffix, std::string_view expected) {
  Integer value = 0;
  const char* const end = field.text.data() + field.text.size();
  const auto result = std::from_chars(field.text.data(), end, value);
  if (result.ec != std::errc() || result.ptr + 1 != end || *result.ptr != suffix)
    return bad_value(field, expected);
  return FieldValue(value);
}

}  // namespace

Result<Precision> parse_precision(std::string_view text) {
  if (text == "ns") return Precision::ns;
  if (text == "us") return Precision::us;
  if (text == "ms") return Precision::ms;
  if (text == "s") return Precision::s;
  return Error{ErrorKind::parse, "precision \"" + std::string(text) + "\": expected ns, us, ms or s"};
}

LineDecoder::LineDecoder(std::string_view text, Precision precision, bool more_follows, Rules rules)
    : text_(text), precision_(precision), more_follows_(more_follows), rules_(rules) {}

LineDecoder::Step LineDecoder::next() {
  const char* const end = text_.data() + text_.size();
  while (position_ < text_.size()) {
    const char* const begin = text_.data() + position_;
    const char* first = begin;
    while (first < end && *first == ' ') ++first;
    if (is_line_end(first, end) || *first == '#') {
      const char* const newline = find_newline(first, end);
      if (newline == end && more_follows_) return Step::end;
      pass(newline, 1);
      continue;
    }
    const LineScan scan = scan_line(first, end, precision_, view_);
    if (scan.expected == nullptr) {
      const char* const newline = find_newline(scan.at, end);
      if (newline == end && more_follows_) return Step::end;
      view_.line = {begin, static_cast<std::size_t>(scan.at - begin)};
      if (rules_ == Rules::recordable) {
        if (const auto fault = find_fault(view_)) {
          LineScan bad = scan;
          bad.at = fault->at;
          bad.expected = fault->expected;
          report(begin, newline, bad);
          return Step::error;
        }
      }
      pass(newline, 1 + (scan.has_newlines ? count_newlines(begin, scan.at) : 0));
      return Step::line;
    }
    const char* const newline = find_newline(scan.resume_from, end);
    // What is bad may become good by what follows, unless it ends before.
    if (more_follows_ && (newline == end || scan.open_string)) return Step::end;
    report(begin, newline, scan);
    return Step::error;
  }
  return Step::end;
}

void LineDecoder::report(const char* begin, const char* newline, const LineScan& scan) {
  const std::size_t lines_before = count_newlines(begin, scan.at);
  const char* line_begin = scan.at;
  while (line_begin > begin && line_begin[-1] != '\n') --line_begin;
  error_.line = line_number_ + lines_before + 1;
  error_.column = static_cast<std::size_t>(scan.at - line_begin) + 1;
  error_.expected = scan.expected;
  const bool has_return = newline > begin && newline[-1] == '\r';
  error_.text = {begin, static_cast<std::size_t>(newline - begin) - (has_return ? 1 : 0)};
  pass(newline, count_newlines(begin, newline) + 1);
}

void LineDecoder::pass(const char* newline, std::size_t lines) {
  const auto offset = static_cast<std::size_t>(newline - text_.data());
  position_ = std::min(offset + 1, text_.size());
  line_number_ += lines;
}

std::string unescape(std::string_view text) {
  return without_escapes(text, ",= ");
}

std::string unescape_measurement(std::string_view text) {
  return without_escapes(text, ", ");
}

Result<FieldValue> field_value(const FieldView& field) {
  switch (field.type) {
    case FieldView::Type::float64: {
      const std::optional<double> value = float_value(field.text);
      if (!value) return bad_value(field, "a number");
      return FieldValue(*value);
    }
    case FieldView::Type::int64:
      return integer_value<std::int64_t>(field, 'i', "an integer and i, as in 5i");
    case FieldView::Type::uint64:
      return integer_value<std::uint64_t>(field, 'u', "an unsigned integer and u, as in 5u");
    case FieldView::Type::boolean:
      if (field.text.empty()) return bad_value(field, "true or false");
      return FieldValue(field.text.front() == 't' || field.text.front() == 'T');
    case FieldView::Type::string:
      return FieldValue(without_escapes(field.text, "\"\\"));
  }
  return bad_value(field, "one of the five field types");
}

Result<Point> to_point(const LineView& view) {
  Point point;
  point.measurement = unescape_measurement(view.measurement);
  point.tags.reserve(view.tags.size());
  for (const auto& [key, value] : view.tags) point.tags.emplace_back(unescape(key), unescape(value));
  point.fields.reserve(view.fields.size());
  for (const FieldView& field : view.fields) {
    Result<FieldValue> value = field_value(field);
    if (!value) return value.error();
    point.fields.emplace_back(unescape(field.key), std::move(*value));
  }
  point.time_ns = view.time_ns;
  return point;
}

}  // namespace vigile
