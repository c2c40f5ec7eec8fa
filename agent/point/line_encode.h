// SPDX-License-Identifier: Apache-2.0
// Writing line protocol by DESIGN §8's rules: tags sorted by key, empty tags left out; NaN and infinite
// fields left out, and the line with them when none remains; newlines in strings written "\n" (two
// characters); unsigned integers past int64 left out unless asked. Source: InfluxDB line protocol
// reference, v2.
// A backslash in a measurement, key or tag value is written as it is, but for one at the end of the text or
// before a comma, a blank, '=' or a control character: servers take that for an escape, each in its way, so
// it becomes '/'. (InfluxDB 1.6 and VictoriaMetrics, asked for every text of up to four characters of "a\,
// =": a backslash at the end joins the text to what follows in both; before the others InfluxDB refuses field
// keys and changes measurements, and VictoriaMetrics drops the line. Two backslashes are stored by InfluxDB
// as two, by VictoriaMetrics as one.) And so that one line stays one line on InfluxDB 1, 2 and 3, which know
// no escape for these:
// - a control character in a measurement, key or tag value is written as an (escaped) space;
// - a carriage return in a string is written "\r" (two characters);
// - '#' at the start of a measurement is written '/': the line would be a comment;
// - a byte that is not UTF-8 is written as U+FFFD: InfluxDB 3 refuses the whole body for it;
// - a tag or field named "time", which servers refuse or drop, is written as "time_";
// - of several tags with one key the last counts, if it is empty there is
// none. Fields keep their order, also those that share a key. No function here keeps state; all append to the
// caller's text so that buffers are reused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "point/point.h"

namespace vigile {

struct EncodeOptions {
  bool unsigned_integers = false;  // write uint64 as 5u; otherwise as 5i, and what is past int64 not at all
  bool unsigned_floats = false;    // write uint64 as a float, all of them, so that a field has one type
};

// What is written for a tag or field that is named "time".
inline constexpr std::string_view kTimeKey = "time";
inline constexpr std::string_view kTimeKeyWritten = "time_";
// Whether the encoder writes another key in place of this tag or field key: two keys that differ may then be
// written alike ("time" and "time_", "a\\" and "a/").
bool is_key_replaced(std::string_view key);
// The key as it is written, escapes included.
std::string written_key(std::string_view key);

inline bool can_be_written(std::uint64_t value, const EncodeOptions& options) {
  return options.unsigned_integers || options.unsigned_floats || value <= INT64_MAX;
}
// The key of the first field that is left out because it is past int64; null when there is none.
const std::string* first_past_int64(const Point& point, const EncodeOptions& options);

// Appends the line and '\n'. False, and nothing appended, when no field can be written, or the measurement is
// empty.
bool encode_line(const Point& point, const EncodeOptions& options, std::string& out);

// The parts, for callers that prepare the head of a line once and reuse it.
void append_measurement(std::string_view measurement, std::string& out);
// Appends ",key=value"; nothing when key or value is empty. The caller keeps keys sorted.
void append_tag(std::string_view key, std::string_view value, std::string& out);
// Appends "key=value" without a separator; false (nothing appended) for NaN, infinity, an empty key, what
// can_be_written() denies.
bool append_field(std::string_view key, double value, std::string& out);
bool append_field(std::string_view key, std::int64_t value, std::string& out);
bool append_field(std::string_view key, std::uint64_t value, const EncodeOptions& options, std::string& out);
bool append_field(std::string_view key, bool value, std::string& out);
bool append_field(std::string_view key, std::string_view value, std::string& out);
// A literal would otherwise be taken for a bool.
inline bool append_field(std::string_view key, const char* value, std::string& out) {
  return append_field(key, std::string_view(value), out);
}
// Appends " <ns>\n".
void append_time(std::int64_t time_ns, std::string& out);

}  // namespace vigile
