// SPDX-License-Identifier: Apache-2.0
// Reading line protocol by the published grammar (InfluxDB line protocol reference, v2), without copying:
// a LineView points into the text. Escapes are kept as written; unescape() resolves them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "point/point.h"

namespace vigile {

struct LineScan;

enum class Precision { ns, us, ms, s };

// "ns", "us", "ms", "s". Errors: parse.
Result<Precision> parse_precision(std::string_view text);

struct FieldView {
  enum class Type : std::uint8_t { float64, int64, uint64, boolean, string };
  std::string_view key;   // escaped as written
  std::string_view text;  // the value as written; a string's without its quotes
  Type type = Type::float64;
};

struct LineView {
  std::string_view line;  // the whole line, without its end
  std::string_view measurement;
  std::vector<std::pair<std::string_view, std::string_view>> tags;  // as written
  std::vector<FieldView> fields;
  std::optional<std::int64_t> time_ns;
};

struct LineError {
  std::size_t line = 0;    // from 1
  std::size_t column = 0;  // from 1, in bytes
  std::string expected;    // what was expected there
  std::string_view text;   // the whole bad line
};

// Walks a text line by line: blank lines and '#' comments are passed over, CRLF ends a line as LF does.
//
//   LineDecoder decoder(text, Precision::ns);
//   while (auto step = decoder.next()) { if (step == LineDecoder::Step::line) use(decoder.view()); else …
//   decoder.error() }
//
// A bad line is one error; decoding goes on at the next line. (A newline inside a quoted string belongs to
// the string, as the grammar says; when a string is never closed, or is followed by what cannot follow it,
// the error stands at its opening quote and decoding goes on at the line after that.) Takes time proportional
// to the text whatever it holds. `text` must outlive the decoder. One thread.
class LineDecoder {
 public:
  enum class Step { end, line, error };
  // What makes a line bad: what the grammar forbids; or also what it lets pass and a server stores in part or
  // refuses, which is for lines that others hand over: a tag key or a field key that stands twice, and text
  // that is not UTF-8.
  enum class Rules { grammar, recordable };
  // With `more_follows`, `text` is the beginning of something longer: a last line that has no newline yet, or
  // whose quoted string is still open, is not decided. next() then says `end` and position() is where it
  // starts.
  LineDecoder(std::string_view text, Precision precision, bool more_follows = false,
              Rules rules = Rules::grammar);
  Step next();
  const LineView& view() const { return view_; }             // after Step::line; reused by the next call
  const LineError& error() const { return error_; }          // after Step::error
  std::size_t position() const { return position_; }         // how much of `text` is behind us, in bytes
  std::size_t lines_passed() const { return line_number_; }  // and in lines

 private:
  void report(const char* begin, const char* newline, const LineScan& scan);
  void pass(const char* newline, std::size_t lines);

  std::string_view text_;
  Precision precision_;
  bool more_follows_;
  Rules rules_;
  std::size_t position_ = 0;
  std::size_t line_number_ = 0;
  LineView view_;
  LineError error_;
};

std::string unescape(std::string_view text);              // tag key, tag value, field key: \, \= and "\ "
std::string unescape_measurement(std::string_view text);  // \, and "\ "
Result<FieldValue> field_value(const FieldView& field);   // typed; strings unescaped
Result<Point> to_point(const LineView& view);

}  // namespace vigile
