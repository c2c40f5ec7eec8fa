// SPDX-License-Identifier: Apache-2.0
#include "point/point_json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include "point/utf8.h"

namespace vigile {
namespace {

bool is_plain(unsigned char byte) {
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

void append_string(std::string_view text, std::string& out) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(static_cast<unsigned char>(text[plain]))) ++plain;
    out.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto byte = static_cast<unsigned char>(text.front());
    std::size_t taken = 1;
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(text.front());
    } else if (byte == '\n') {
      out.append("\\n");
    } else if (byte == '\r') {
      out.append("\\r");
    } else if (byte == '\t') {
      out.append("\\t");
    } else if (byte < 0x20) {
      out.append("\\u00");
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      const std::size_t length = utf8_length(text);
      out.append(length == 0 ? kReplacementCharacter : text.substr(0, length));
      taken = length == 0 ? 1 : length;
    }
    text.remove_prefix(taken);
  }
  out.push_back('"');
}

template <class Number>
void append_number(Number value, std::string& out) {
  std::array<char, 32> buffer;
  char* const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  out.append(buffer.data(), end);
}

void append_float(double value, std::string& out) {
  const std::size_t start = out.size();
  append_number(value, out);
  // So that readers that tell 1 from 1.0 get a float.
  if (out.find_first_of(".e", start) == std::string::npos) out.append(".0");
}

void append_value(const FieldValue& value, std::string& out) {
  switch (value.index()) {
    case 0:
      out.append("{\"float\": ");
      append_float(*std::get_if<0>(&value), out);
      break;
    case 1:
      out.append("{\"int\": ");
      append_number(*std::get_if<1>(&value), out);
      break;
    case 2:
      out.append("{\"uint\": ");
      append_number(*std::get_if<2>(&value), out);
      break;
    case 3:
      out.append("{\"bool\": ");
      out.append(*std::get_if<3>(&value) ? "true" : "false");
      break;
    default:
      out.append("{\"string\": ");
      append_string(*std::get_if<4>(&value), out);
      break;
  }
  out.push_back('}');
}

bool is_finite(const FieldValue& value) {
  const double* const number = std::get_if<double>(&value);
  return number == nullptr || std::isfinite(*number);
}

constexpr std::size_t kLongestMessage = 300;

// Takes the reader's events in the order of the text, so that fields keep theirs.
class PointReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit PointReader(Point& point) : point_(point) {}

  const std::string& expected() const { return expected_; }
  std::size_t column() const { return column_; }

  bool null() override {
    if (place_ == Place::point && key_ == "time") return true;
    return refuse();
  }
  bool boolean(bool value) override {
    if (place_ == Place::value && key_ == "bool") return put(value);
    return refuse();
  }
  bool number_integer(number_integer_t value) override {
    if (place_ == Place::point && key_ == "time") return put_time(value);
    if (place_ == Place::value && key_ == "int") return put(std::int64_t{value});
    if (place_ == Place::value && key_ == "float") return put(static_cast<double>(value));
    return refuse();
  }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr std::uint64_t kLargestSigned = std::numeric_limits<std::int64_t>::max();
    if (place_ == Place::value && key_ == "uint") return put(std::uint64_t{value});
    if (place_ == Place::value && key_ == "float") return put(static_cast<double>(value));
    if (value > kLargestSigned) return refuse();
    return number_integer(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    if (place_ == Place::value && key_ == "float") return put(value);
    return refuse();  // integers that do not fit come this way too
  }
  bool string(string_t& value) override {
    if (place_ == Place::value && key_ == "string") return put(std::move(value));
    if (place_ == Place::tags) {
      if (!keys_.insert(key_).second) return fail("tags." + key_ + ": expected once only");
      point_.tags.emplace_back(std::move(key_), std::move(value));
      return true;
    }
    if (place_ != Place::point || key_ != "measurement" || value.empty()) return refuse();
    point_.measurement = std::move(value);
    return true;
  }
  bool binary(binary_t& /*value*/) override { return refuse(); }  // JSON has none

  bool start_object(std::size_t /*size*/) override {
    if (place_ == Place::outside) {
      place_ = Place::point;
    } else if (place_ == Place::point && key_ == "tags") {
      place_ = Place::tags;
      keys_.clear();
    } else if (place_ == Place::point && key_ == "fields") {
      place_ = Place::fields;
      keys_.clear();
    } else if (place_ == Place::fields) {
      field_ = std::move(key_);
      if (!keys_.insert(field_).second) return fail("fields." + field_ + ": expected once only");
      has_value_ = false;
      place_ = Place::value;
    } else {
      return refuse();
    }
    return true;
  }
  bool key(string_t& name) override {
    key_ = std::move(name);
    if (place_ == Place::point) return top_key();
    if (place_ != Place::value) return true;
    if (has_value_) return fail("fields." + field_ + ": expected one type only");
    for (const std::string_view type : {"float", "int", "uint", "bool", "string"}) {
      if (key_ == type) return true;
    }
    return fail("fields." + field_ + ": unknown type \"" + key_ +
                "\", expected float, int, uint, bool or string");
  }
  bool end_object() override {
    switch (place_) {
      case Place::value:
        if (!has_value_) return refuse_field();
        place_ = Place::fields;
        return true;
      case Place::tags:
      case Place::fields:
        place_ = Place::point;
        return true;
      default:
        place_ = Place::outside;
        return seen_[0] ? seen_[2] || fail("fields: missing") : fail("measurement: missing");
    }
  }
  bool start_array(std::size_t /*size*/) override { return refuse(); }
  bool end_array() override { return refuse(); }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    column_ = position == 0 ? 1 : position;
    // "[json.exception.parse_error.101] parse error at line 1, column 2: <what is wrong>"
    const std::string_view text = error.what();
    const std::size_t colon = text.find(": ");
    expected_ = colon == std::string_view::npos ? text.substr(text.find(']') + 1) : text.substr(colon + 2);
    return false;
  }

 private:
  enum class Place { outside, point, tags, fields, value };
  static constexpr std::array<std::string_view, 4> kKeys = {"measurement", "tags", "fields", "time"};

  bool fail(std::string expected) {
    // Names in it are the sender's: on one line, and not without end.
    if (expected.size() > kLongestMessage) expected.resize(kLongestMessage);
    for (char& c : expected) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    expected_ = std::move(expected);
    return false;
  }

  bool top_key() {
    for (std::size_t i = 0; i < kKeys.size(); ++i) {
      if (key_ != kKeys[i]) continue;
      if (seen_[i]) return fail(key_ + ": expected once only");
      seen_[i] = true;
      return true;
    }
    return fail("unknown key \"" + key_ + "\", expected measurement, tags, fields or time");
  }

  template <class Value>
  bool put(Value value) {
    has_value_ = true;
    point_.fields.emplace_back(field_, std::move(value));
    return true;
  }

  bool put_time(std::int64_t time_ns) {
    point_.time_ns = time_ns;
    return true;
  }

  bool refuse_field() {
    return fail("fields." + field_ + ": expected an object that names the type, as in {\"float\": 1.5}");
  }

  // What stands here is not what the key wants.
  bool refuse() {
    switch (place_) {
      case Place::outside:
        return fail("expected one object with measurement, tags, fields and time");
      case Place::tags:
        return fail("tags." + key_ + ": expected a text");
      case Place::fields:
        field_ = key_;
        return refuse_field();
      case Place::value:
        return fail("fields." + field_ + "." + key_ + ": expected " + std::string(wanted_value()));
      case Place::point:
        break;
    }
    if (key_ == "measurement") return fail("measurement: expected a text that is not empty");
    if (key_ == "time") return fail("time: expected a whole number of nanoseconds (64 bits), or null");
    return fail(key_ + ": expected an object");
  }

  std::string_view wanted_value() const {
    if (key_ == "float") return "a number";
    if (key_ == "int") return "an integer from -9223372036854775808 to 9223372036854775807";
    if (key_ == "uint") return "an integer from 0 to 18446744073709551615";
    if (key_ == "bool") return "true or false";
    return "a text";
  }

  Point& point_;
  Place place_ = Place::outside;
  std::array<bool, 4> seen_{};
  std::string key_;             // the last one read
  std::set<std::string> keys_;  // of the tags, or of the fields
  std::string field_;           // whose value is being read
  bool has_value_ = false;
  std::string expected_;
  std::size_t column_ = 1;
};

}  // namespace

void append_json(const Point& point, std::string& out) {
  out.append("{\"measurement\": ");
  append_string(point.measurement, out);
  out.append(", \"tags\": {");
  std::string_view separator;
  for (const auto& [key, value] : point.tags) {
    out.append(separator);
    append_string(key, out);
    out.append(": ");
    append_string(value, out);
    separator = ", ";
  }
  out.append("}, \"fields\": {");
  separator = {};
  for (const auto& [key, value] : point.fields) {
    if (!is_finite(value)) continue;  // JSON has no word for it
    out.append(separator);
    append_string(key, out);
    out.append(": ");
    append_value(value, out);
    separator = ", ";
  }
  out.append("}, \"time\": ");
  if (point.time_ns) {
    append_number(*point.time_ns, out);
  } else {
    out.append("null");
  }
  out.push_back('}');
}

std::string to_json(const Point& point) {
  std::string out;
  append_json(point, out);
  return out;
}

std::optional<JsonFault> read_point_json(std::string_view text, Point& point) {
  point = Point{};
  PointReader reader(point);
  if (nlohmann::json::sax_parse(text, &reader)) return std::nullopt;
  return JsonFault{reader.column(), reader.expected()};
}

Result<Point> point_from_json(std::string_view text) {
  Point point;
  const std::optional<JsonFault> fault = read_point_json(text, point);
  if (!fault) return point;
  return Error{ErrorKind::parse, "point, column " + std::to_string(fault->column) + ": " + fault->expected};
}

}  // namespace vigile
