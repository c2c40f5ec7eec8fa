// SPDX-License-Identifier: Apache-2.0
#include "point/point_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "random_point.h"

namespace vigile {
namespace {

using namespace std::string_literals;

TEST(PointJson, LooksAsDocumented) {
  const Point point{"m",
                    {{"b", "2"}, {"a", "1"}},
                    {{"k", 1.5}, {"n", std::int64_t{3}}, {"u", std::uint64_t{3}}, {"b", true}, {"s", "x"s}},
                    17};
  EXPECT_EQ(
      to_json(point),
      R"({"measurement": "m", "tags": {"b": "2", "a": "1"}, "fields": {"k": {"float": 1.5}, "n": {"int": 3}, )"
      R"("u": {"uint": 3}, "b": {"bool": true}, "s": {"string": "x"}}, "time": 17})");
  EXPECT_EQ(to_json({"m", {}, {{"v", 1.0}}, {}}),
            R"({"measurement": "m", "tags": {}, "fields": {"v": {"float": 1.0}}, "time": null})");
}

TEST(PointJson, NumbersAreExact) {
  const Point point{"m",
                    {},
                    {{"a", std::int64_t{9007199254740993}},
                     {"b", INT64_MIN},
                     {"c", UINT64_MAX},
                     {"d", 0.1 + 0.2},
                     {"e", -0.0},
                     {"f", 1e300},
                     {"g", 5e-324}},
                    INT64_MAX};
  const std::string text = to_json(point);
  EXPECT_NE(text.find(R"("a": {"int": 9007199254740993}, "b": {"int": -9223372036854775808}, )"
                      R"("c": {"uint": 18446744073709551615}, "d": {"float": 0.30000000000000004}, )"
                      R"("e": {"float": -0.0}, "f": {"float": 1e+300}, "g": {"float": 5e-324}}, )"
                      R"("time": 9223372036854775807})"),
            std::string::npos)
      << text;
  const Result<Point> back = point_from_json(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_TRUE(*back == point);
  EXPECT_TRUE(std::signbit(std::get<double>(back->fields[4].second)));
}

TEST(PointJson, EscapesText) {
  EXPECT_EQ(to_json({"\"\\\n\r\t\x01\x1f\x7f/é😀", {}, {}, {}}),
            "{\"measurement\": \"\\\"\\\\\\n\\r\\t\\u0001\\u001f\x7f/é😀\", \"tags\": {}, \"fields\": {}, "
            "\"time\": null}");
  EXPECT_EQ(to_json({"\xff\xc3(\xed\xa0\x80\xf4\x90\x80\x80\xc0\x80z\xe2\x82", {}, {}, {}}),
            "{\"measurement\": "
            "\"\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDz\uFFFD\uFFFD\", "
            "\"tags\": {}, \"fields\": {}, \"time\": null}");
}

TEST(PointJson, LeavesOutFieldsThatAreNotFinite) {
  EXPECT_EQ(to_json({"m", {}, {{"a", NAN}, {"b", 1.0}, {"c", -INFINITY}}, {}}),
            R"({"measurement": "m", "tags": {}, "fields": {"b": {"float": 1.0}}, "time": null})");
}

TEST(PointJson, ReadsWhatOthersWrite) {
  const Result<Point> point = point_from_json(
      "\t{\"time\":-5,\"fields\":{\"a\":{\"float\":3},\"b\":{\"uint\":0},\"c\":{\"float\":-2},\"\":{\"int\":-"
      "0}},"
      "\"measurement\":\"caf\\u00e9 \\ud83d\\ude00\\n\"}\r\n");
  ASSERT_TRUE(point) << point.error().message;
  const Point expected{
      "café 😀\n", {}, {{"a", 3.0}, {"b", std::uint64_t{0}}, {"c", -2.0}, {"", std::int64_t{0}}}, -5};
  EXPECT_TRUE(*point == expected);
}

TEST(PointJson, AKeyStandsOnceOnly) {
  const auto refused = [](const char* text) {
    const Result<Point> point = point_from_json(text);
    return point ? "" : point.error().message;
  };
  EXPECT_EQ(refused(R"({"measurement": "m", "fields": {"a": {"int": 1}, "b": {"int": 1}, "a": {"int": 1}}})"),
            "point, column 1: fields.a: expected once only");
  EXPECT_EQ(refused(R"({"measurement": "m", "tags": {"a": "1", "a": "1"}, "fields": {"a": {"int": 1}}})"),
            "point, column 1: tags.a: expected once only");
  EXPECT_EQ(refused(R"({"measurement": "m", "tags": {"a": "1"}, "fields": {"a": {"int": 1}}})"), "");
}

TEST(PointJson, SaysWhichKeyIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"fields": {"v": {"int": 1}}})", "measurement: missing"},
      {R"({"measurement": "m", "tags": {}})", "fields: missing"},
      {R"({})", "measurement: missing"},
      {R"({"measurement": ""})", "measurement: expected a text that is not empty"},
      {R"({"measurement": null})", "measurement: expected a text that is not empty"},
      {R"({"measurement": {"a": 1}})", "measurement: expected a text that is not empty"},
      {R"({"measurement": ["m"]})", "measurement: expected a text that is not empty"},
      {R"({"measurement": "m", "measurement": "n"})", "measurement: expected once only"},
      {R"({"measurement": "m", "Fields": {}})",
       "unknown key \"Fields\", expected measurement, tags, fields or time"},
      {R"({"tags": []})", "tags: expected an object"},
      {R"({"tags": null})", "tags: expected an object"},
      {R"({"tags": {"a": 1}})", "tags.a: expected a text"},
      {R"({"tags": {"a": {"b": "c"}}})", "tags.a: expected a text"},
      {R"({"fields": 5})", "fields: expected an object"},
      {R"({"fields": {"v": 5}})", "fields.v: expected an object that names the type, as in {\"float\": 1.5}"},
      {R"({"fields": {"v": {}}})",
       "fields.v: expected an object that names the type, as in {\"float\": 1.5}"},
      {R"({"fields": {"v": null}})",
       "fields.v: expected an object that names the type, as in {\"float\": 1.5}"},
      {R"({"fields": {"v": {"double": 1}}})",
       "fields.v: unknown type \"double\", expected float, int, uint, bool or string"},
      {R"({"fields": {"v": {"\n\u007f": 1}}})",
       "fields.v: unknown type \"??\", expected float, int, uint, bool or string"},
      {R"({"fields": {"v": {"int": 1, "float": 1}}})", "fields.v: expected one type only"},
      {R"({"fields": {"v": {"float": "1"}}})", "fields.v.float: expected a number"},
      {R"({"fields": {"v": {"float": null}}})", "fields.v.float: expected a number"},
      {R"({"fields": {"v": {"int": 1.5}}})",
       "fields.v.int: expected an integer from -9223372036854775808 to 9223372036854775807"},
      {R"({"fields": {"v": {"int": 9223372036854775808}}})",
       "fields.v.int: expected an integer from -9223372036854775808 to 9223372036854775807"},
      {R"({"fields": {"v": {"uint": -1}}})",
       "fields.v.uint: expected an integer from 0 to 18446744073709551615"},
      {R"({"fields": {"v": {"uint": 18446744073709551616}}})",
       "fields.v.uint: expected an integer from 0 to 18446744073709551615"},
      {R"({"fields": {"v": {"bool": 1}}})", "fields.v.bool: expected true or false"},
      {R"({"fields": {"v": {"string": true}}})", "fields.v.string: expected a text"},
      {R"({"time": "now"})", "time: expected a whole number of nanoseconds (64 bits), or null"},
      {R"({"time": 1.5})", "time: expected a whole number of nanoseconds (64 bits), or null"},
      {R"({"time": 9223372036854775808})", "time: expected a whole number of nanoseconds (64 bits), or null"},
      {R"([])", "expected one object with measurement, tags, fields and time"},
      {R"("m")", "expected one object with measurement, tags, fields and time"},
      {R"(5)", "expected one object with measurement, tags, fields and time"},
      {R"(null)", "expected one object with measurement, tags, fields and time"},
  };
  for (const auto& [text, expected] : cases) {
    Point point;
    const std::optional<JsonFault> fault = read_point_json(text, point);
    ASSERT_TRUE(fault) << text;
    EXPECT_EQ(fault->column, 1u) << text;
    EXPECT_EQ(fault->expected, expected) << text;
    const Result<Point> result = point_from_json(text);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::parse);
    EXPECT_EQ(result.error().message, "point, column 1: "s + expected);
  }
}

TEST(PointJson, SaysWhereItIsNotJson) {
  const std::tuple<const char*, std::size_t, const char*> cases[] = {
      {"", 1, "unexpected end of input"},
      {"{", 2, "unexpected end of input"},
      {"{\"measurement\" \"m\"}", 17, "expected ':'"},
      {"{\"measurement\": \"m\",}", 21, "expected string literal"},
      {"{\"measurement\": \"m\" ", 21, "expected '}'"},
      {"{\"measurement\": \"m\", \"fields\": {\"v\": {\"int\": 1}}} x", 53, "expected end of input"},
      {"{\"measurement\": \"\xff\"}", 18, "UTF-8"},
      {"{\"measurement\": 'm'}", 17, "invalid literal"},
      {"{\"fields\": {\"v\": {\"float\": 1e999}}}", 28, "overflow"},
      {"{\"fields\": {\"v\": {\"float\": NaN}}}", 28, "invalid literal"},
  };
  for (const auto& [text, column, part] : cases) {
    Point point;
    const std::optional<JsonFault> fault = read_point_json(text, point);
    ASSERT_TRUE(fault) << text;
    EXPECT_NEAR(static_cast<double>(fault->column), static_cast<double>(column), 6) << text;
    EXPECT_NE(fault->expected.find(part), std::string::npos) << text << ": " << fault->expected;
  }
}

TEST(PointJson, HostileTextIsRefusedAtOnce) {
  Point point;
  EXPECT_TRUE(read_point_json(std::string(1'000'000, '['), point));
  std::string many = R"({"measurement": "m", "fields": {)";
  for (int i = 0; i < 200'000; ++i) many += R"("v)" + std::to_string(i) + R"(": {"int": 1}, )";
  many += R"("v": {"int": 1}}})";
  EXPECT_FALSE(read_point_json(many, point));
  EXPECT_EQ(point.fields.size(), 200'001u);
}

// A point as JSON can hold it.
Point as_json_holds(Point point) {
  point.measurement = utf8_only(point.measurement);
  for (auto& [key, value] : point.tags) {
    key = utf8_only(key);
    value = utf8_only(value);
  }
  std::erase_if(point.fields, [](const auto& field) {
    const double* const number = std::get_if<double>(&field.second);
    return number != nullptr && !std::isfinite(*number);
  });
  for (auto& [key, value] : point.fields) {
    key = utf8_only(key);
    if (auto* const text = std::get_if<std::string>(&value)) *text = utf8_only(*text);
  }
  return point;
}

// Of keys that are the same in JSON, which holds UTF-8 alone, the first stays.
Point with_keys_once(Point point) {
  std::set<std::string> keys;
  const auto is_repeated = [&](const auto& entry) { return !keys.insert(utf8_only(entry.first)).second; };
  std::erase_if(point.tags, is_repeated);
  keys.clear();
  std::erase_if(point.fields, is_repeated);
  return point;
}

TEST(PointJson, RandomPointsComeBack) {
  PointSource source(4);
  for (int i = 0; i < 10'000; ++i) {
    const Point point = with_keys_once(source.next());
    const std::string text = to_json(point);
    ASSERT_TRUE(nlohmann::json::accept(text)) << text;
    ASSERT_EQ(text.find('\n'), std::string::npos);
    if (point.measurement.empty()) continue;
    const Result<Point> back = point_from_json(text);
    ASSERT_TRUE(back) << text << back.error().message;
    ASSERT_TRUE(*back == as_json_holds(point)) << text;
  }
}

}  // namespace
}  // namespace vigile
