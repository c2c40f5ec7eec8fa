// SPDX-License-Identifier: Apache-2.0
#include "point/line_encode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "point/line_decode.h"
#include "point/utf8.h"

namespace vigile {
namespace {

// What becomes of each byte in one kind of text.
enum Treatment : unsigned char { kPlain, kEscape, kBackslash, kSpace, kLetterN, kLetterR, kCheckUtf8 };
using Treatments = std::array<Treatment, 256>;

constexpr Treatments treatments(std::string_view escaped, bool is_string) {
  Treatments table{};
  for (std::size_t byte = 0x80; byte < 256; ++byte) table[byte] = kCheckUtf8;
  for (const char c : escaped) table[static_cast<unsigned char>(c)] = kEscape;
  if (is_string) {
    table['\n'] = kLetterN;
    table['\r'] = kLetterR;
  } else {
    // A newline ends the line on every server, a carriage return on some; tabs and NULs are blanks to
    // InfluxDB 1 and 2. None can be escaped there.
    for (std::size_t byte = 0; byte < 0x20; ++byte) table[byte] = kSpace;
    table[0x7f] = kSpace;
    table['\\'] = kBackslash;
  }
  return table;
}

constexpr Treatments kMeasurement = treatments(", ", false);
constexpr Treatments kKey = treatments(",= ", false);  // and tag values
constexpr Treatments kString = treatments("\"\\", true);

// A backslash that stands before `rest` would escape what comes next, or the separator behind the text.
bool would_escape(std::string_view rest) {
  return rest.empty() || kKey[static_cast<unsigned char>(rest.front())] == kEscape ||
         kKey[static_cast<unsigned char>(rest.front())] == kSpace;
}

void append_text(std::string_view text, const Treatments& table, std::string& out) {
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && table[static_cast<unsigned char>(text[plain])] == kPlain) ++plain;
    out.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    std::size_t taken = 1;
    switch (table[static_cast<unsigned char>(text.front())]) {
      case kPlain:
        break;
      case kEscape:
        out.push_back('\\');
        out.push_back(text.front());
        break;
      case kBackslash:
        out.push_back(would_escape(text.substr(1)) ? '/' : '\\');
        break;
      case kSpace:
        out.append("\\ ");
        break;
      case kLetterN:
        out.append("\\n");
        break;
      case kLetterR:
        out.append("\\r");
        break;
      case kCheckUtf8: {
        const std::size_t length = utf8_length(text);
        out.append(length == 0 ? kReplacementCharacter : text.substr(0, length));
        taken = std::max<std::size_t>(length, 1);
        break;
      }
    }
    text.remove_prefix(taken);
  }
}

template <class Integer>
void append_integer(Integer value, std::string& out) {
  std::array<char, 24> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  out.append(buffer.data(), end);
}

// Appends `value` when it is a number of at most 15 digits with at most `decimals` of them behind the point.
// `scaled` is then an integer that a double holds exactly, and IEEE division rounds correctly: so
// scaled / scale is the double nearest to the decimal number written, which is what a reader makes of it.
// No other decimal of up to 15 digits reads as the same double, so it is also the shortest form.
bool append_decimal(double value, double scale, int decimals, std::string& out) {
  const double scaled = std::nearbyint(value * scale);
  if (!(std::fabs(scaled) < 1e15) || scaled / scale != value) return false;
  auto digits = static_cast<std::int64_t>(scaled);
  std::array<char, 24> buffer;
  char* const end = buffer.data() + buffer.size();
  char* begin = end;
  const bool negative = digits < 0;
  if (negative) digits = -digits;
  while (decimals > 0 && digits % 10 == 0) {
    digits /= 10;
    --decimals;
  }
  if (decimals > 0) {
    for (; decimals > 0; --decimals, digits /= 10) *--begin = static_cast<char>('0' + digits % 10);
    *--begin = '.';
  }
  do {
    *--begin = static_cast<char>('0' + digits % 10);
    digits /= 10;
  } while (digits != 0);
  if (negative) *--begin = '-';
  out.append(begin, end);
  return true;
}

void append_float(double value, std::string& out) {
  // Readings are whole numbers, or come from scaled integers with few decimals: four times as fast.
  if (value != 0 && (append_decimal(value, 1e3, 3, out) || append_decimal(value, 1e6, 6, out))) return;
  std::array<char, 32> buffer;  // "-1.7976931348623157e+308" is the longest
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  out.append(buffer.data(), end);
}

bool append_field_key(std::string_view key, std::string& out) {
  if (key.empty()) return false;
  append_text(key == kTimeKey ? kTimeKeyWritten : key, kKey, out);
  out.push_back('=');
  return true;
}

bool append_value(const std::string& key, const FieldValue& value, const EncodeOptions& options,
                  std::string& out) {
  switch (value.index()) {
    case 0:
      return append_field(key, *std::get_if<0>(&value), out);
    case 1:
      return append_field(key, *std::get_if<1>(&value), out);
    case 2:
      return append_field(key, *std::get_if<2>(&value), options, out);
    case 3:
      return append_field(key, *std::get_if<3>(&value), out);
    default:
      return append_field(key, std::string_view(*std::get_if<4>(&value)), out);
  }
}

using Tag = std::pair<std::string, std::string>;

// Will be written as it is, escapes apart.
bool keeps_its_text(const Tag& tag) {
  return std::all_of(tag.first.begin(), tag.first.end(),
                     [](char c) {
                       const Treatment treatment = kKey[static_cast<unsigned char>(c)];
                       return treatment == kPlain || treatment == kEscape;
                     }) &&
         tag.first != kTimeKey;
}

void append_sorted_tags(const Tag** tags, std::size_t count, std::string& out) {
  // Addresses follow the order of the point, so they make the sort stable without its buffer.
  std::sort(tags, tags + count, [](const Tag* a, const Tag* b) {
    const int difference = a->first.compare(b->first);
    return difference != 0 ? difference < 0 : a < b;
  });
  for (std::size_t i = 0; i < count; ++i) {
    if (i + 1 < count && tags[i]->first == tags[i + 1]->first) continue;
    append_tag(tags[i]->first, tags[i]->second, out);
  }
}

void append_in_order(const std::vector<Tag>& tags, std::string& out) {
  const auto not_before = [](const Tag& a, const Tag& b) { return a.first >= b.first; };
  if (std::adjacent_find(tags.begin(), tags.end(), not_before) == tags.end()) {
    for (const Tag& tag : tags) append_tag(tag.first, tag.second, out);
    return;
  }
  std::array<const Tag*, 32> few;
  std::vector<const Tag*> many;
  if (tags.size() > few.size()) many.resize(tags.size());
  const Tag** const order = many.empty() ? few.data() : many.data();
  for (std::size_t i = 0; i < tags.size(); ++i) order[i] = &tags[i];
  append_sorted_tags(order, tags.size(), out);
}

void append_tags(const std::vector<Tag>& tags, std::string& out) {
  if (std::all_of(tags.begin(), tags.end(), keeps_its_text)) {
    append_in_order(tags, out);
    return;
  }
  // Keys that differ here may be written alike: order and uniqueness are those of what is written.
  std::vector<Tag> written(tags);
  for (Tag& tag : written) {
    std::string escaped;
    append_text(tag.first == kTimeKey ? kTimeKeyWritten : tag.first, kKey, escaped);
    tag.first = unescape(escaped);
  }
  append_in_order(written, out);
}

}  // namespace

const std::string* first_past_int64(const Point& point, const EncodeOptions& options) {
  for (const auto& [key, value] : point.fields) {
    const auto* const number = std::get_if<std::uint64_t>(&value);
    if (number != nullptr && !can_be_written(*number, options)) return &key;
  }
  return nullptr;
}

bool is_key_replaced(std::string_view key) {
  return key == kTimeKey || std::any_of(key.begin(), key.end(), [](char c) {
           const Treatment treatment = kKey[static_cast<unsigned char>(c)];
           return treatment == kBackslash || treatment == kSpace;
         });
}

std::string written_key(std::string_view key) {
  std::string written;
  append_text(key == kTimeKey ? kTimeKeyWritten : key, kKey, written);
  return written;
}

bool encode_line(const Point& point, const EncodeOptions& options, std::string& out) {
  if (point.measurement.empty()) return false;
  const std::size_t start = out.size();
  append_measurement(point.measurement, out);
  append_tags(point.tags, out);
  char separator = ' ';
  for (const auto& [key, value] : point.fields) {
    out.push_back(separator);
    if (append_value(key, value, options, out)) {
      separator = ',';
    } else {
      out.pop_back();
    }
  }
  if (separator == ' ') {
    out.resize(start);
    return false;
  }
  if (point.time_ns) {
    append_time(*point.time_ns, out);
  } else {
    out.push_back('\n');
  }
  return true;
}

void append_measurement(std::string_view measurement, std::string& out) {
  if (measurement.starts_with('#')) {  // would make the line a comment, and servers know no escape for it
    out.push_back('/');
    measurement.remove_prefix(1);
  }
  append_text(measurement, kMeasurement, out);
}

void append_tag(std::string_view key, std::string_view value, std::string& out) {
  if (key.empty() || value.empty()) return;
  out.push_back(',');
  append_text(key == kTimeKey ? kTimeKeyWritten : key, kKey, out);
  out.push_back('=');
  append_text(value, kKey, out);
}

bool append_field(std::string_view key, double value, std::string& out) {
  if (!std::isfinite(value) || !append_field_key(key, out)) return false;
  append_float(value, out);
  return true;
}

bool append_field(std::string_view key, std::int64_t value, std::string& out) {
  if (!append_field_key(key, out)) return false;
  append_integer(value, out);
  out.push_back('i');
  return true;
}

bool append_field(std::string_view key, std::uint64_t value, const EncodeOptions& options, std::string& out) {
  if (options.unsigned_floats) return append_field(key, static_cast<double>(value), out);
  if (!can_be_written(value, options) || !append_field_key(key, out)) return false;
  append_integer(value, out);
  out.push_back(options.unsigned_integers ? 'u' : 'i');
  return true;
}

bool append_field(std::string_view key, bool value, std::string& out) {
  if (!append_field_key(key, out)) return false;
  out.append(value ? "true" : "false");
  return true;
}

bool append_field(std::string_view key, std::string_view value, std::string& out) {
  if (!append_field_key(key, out)) return false;
  out.push_back('"');
  append_text(value, kString, out);
  out.push_back('"');
  return true;
}

void append_time(std::int64_t time_ns, std::string& out) {
  out.push_back(' ');
  append_integer(time_ns, out);
  out.push_back('\n');
}

}  // namespace vigile
