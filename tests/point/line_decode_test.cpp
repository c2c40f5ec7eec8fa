// SPDX-License-Identifier: Apache-2.0
#include "point/line_decode.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace vigile {
namespace {

using namespace std::string_literals;

Point decoded(std::string_view line, Precision precision = Precision::ns) {
  LineDecoder decoder(line, precision);
  const LineDecoder::Step step = decoder.next();
  EXPECT_EQ(step, LineDecoder::Step::line) << line;
  if (step != LineDecoder::Step::line) {
    ADD_FAILURE() << decoder.error().column << ": " << decoder.error().expected;
    return {};
  }
  Result<Point> point = to_point(decoder.view());
  EXPECT_TRUE(point) << line;
  EXPECT_EQ(decoder.next(), LineDecoder::Step::end) << line;
  return point.value_or(Point{});
}

FieldValue value_of(std::string_view text) {
  const Point point = decoded("m v=" + std::string(text));
  return point.fields.empty() ? FieldValue() : point.fields[0].second;
}

// What a text comes to, in few words: "m" for a good line (its measurement), "line:column" for a bad one.
std::vector<std::string> steps(std::string_view text) {
  std::vector<std::string> found;
  LineDecoder decoder(text, Precision::ns);
  for (auto step = decoder.next(); step != LineDecoder::Step::end; step = decoder.next()) {
    if (step == LineDecoder::Step::line) {
      found.emplace_back(decoder.view().measurement);
    } else {
      found.push_back(std::to_string(decoder.error().line) + ":" + std::to_string(decoder.error().column));
    }
  }
  return found;
}

using Steps = std::vector<std::string>;

TEST(LineDecode, ReadsNamesTagsAndTime) {
  struct Case {
    std::string line;
    Point point;
  };
  const FieldValue one = 1.0;
  const Case cases[] = {
      {"m v=1", {"m", {}, {{"v", one}}, {}}},
      {"m v=1 17", {"m", {}, {{"v", one}}, 17}},
      {"m v=1 -17", {"m", {}, {{"v", one}}, -17}},
      {"m v=1 -0", {"m", {}, {{"v", one}}, 0}},
      {"m v=1 9223372036854775807", {"m", {}, {{"v", one}}, INT64_MAX}},
      {"m v=1 -9223372036854775808", {"m", {}, {{"v", one}}, INT64_MIN}},
      {"m v=1 00000000000000000000000000000017", {"m", {}, {{"v", one}}, 17}},
      {"m,a=b v=1", {"m", {{"a", "b"}}, {{"v", one}}, {}}},
      {"m,b=2,a=1 v=1,w=1", {"m", {{"b", "2"}, {"a", "1"}}, {{"v", one}, {"w", one}}, {}}},
      {"m,a=1,a=2 v=1,v=1", {"m", {{"a", "1"}, {"a", "2"}}, {{"v", one}, {"v", one}}, {}}},
      {R"(a\ b\,c,d\ \,\=e=\ \,\=f g\ \,\=h=1)", {"a b,c", {{"d ,=e", " ,=f"}}, {{"g ,=h", one}}, {}}},
      {R"(a=b\=c v=1)", {R"(a=b\=c)", {}, {{"v", one}}, {}}},  // '=' is not special in a measurement
      {R"(m\x,a\b=\c v\d=1)", {R"(m\x)", {{R"(a\b)", R"(\c)"}}, {{R"(v\d)", one}}, {}}},
      {R"(m,a=\\x v=1)", {"m", {{"a", R"(\\x)"}}, {{"v", one}}, {}}},
      {R"(m\#,a=" v=1)", {R"(m\#)", {{"a", "\""}}, {{"v", one}}, {}}},
      {R"("m",a="b" "v"=1)", {"\"m\"", {{"a", "\"b\""}}, {{"\"v\"", one}}, {}}},
      {"mé,日本=😀 ü=1", {"mé", {{"日本", "😀"}}, {{"ü", one}}, {}}},
      {"\xff,\xfe=\xfd \xfc=1", {"\xff", {{"\xfe", "\xfd"}}, {{"\xfc", one}}, {}}},
      {"  m v=1", {"m", {}, {{"v", one}}, {}}},
      {"m   v=1   17   ", {"m", {}, {{"v", one}}, 17}},
      {"m v=1 ", {"m", {}, {{"v", one}}, {}}},
      {"m v=1\r\n", {"m", {}, {{"v", one}}, {}}},
      {"m v=1 17\r\n", {"m", {}, {{"v", one}}, 17}},
      {"m v=1 17 \r\n", {"m", {}, {{"v", one}}, 17}},
      {"m v=1\r", {"m", {}, {{"v", one}}, {}}},
      {"m time=1", {"m", {}, {{"time", one}}, {}}},
  };
  for (const Case& c : cases) {
    EXPECT_TRUE(decoded(c.line) == c.point) << c.line;
  }
}

TEST(LineDecode, ACommaAfterBackslashesIsEscapedHoweverManyTheyAre) {
  EXPECT_TRUE(decoded(R"(m,a=b\\\,c v=1)") == (Point{"m", {{"a", R"(b\\,c)"}}, {{"v", 1.0}}, {}}));
  EXPECT_EQ(steps(R"(m,a=b\\,c=d v=1)"), Steps{"1:10"});
}

TEST(LineDecode, ReadsAllFieldTypes) {
  for (const char* text : {"t", "T", "true", "True", "TRUE"})
    EXPECT_EQ(value_of(text), FieldValue(true)) << text;
  for (const char* text : {"f", "F", "false", "False", "FALSE"})
    EXPECT_EQ(value_of(text), FieldValue(false)) << text;
  const std::pair<const char*, double> floats[] = {
      {"1", 1},
      {"-1", -1},
      {"1.", 1},
      {".5", 0.5},
      {"-.5", -0.5},
      {"007.250", 7.25},
      {"1e3", 1000},
      {"1E3", 1000},
      {"1.e3", 1000},
      {"-1.234456e+78", -1.234456e+78},
      {"1e-3", 0.001},
      {"1.7976931348623157e308", 1.7976931348623157e308},
      {"5e-324", 5e-324},
      {"1e-400", 0},
      {"0.000000000000000000001e22", 10},
      {"0e999999999999999999999", 0},
      {"123456789012345678901234567890", 123456789012345678901234567890.0},
  };
  for (const auto& [text, value] : floats) EXPECT_EQ(value_of(text), FieldValue(value)) << text;
  EXPECT_TRUE(std::signbit(std::get<double>(value_of("-0"))));
  EXPECT_TRUE(std::signbit(std::get<double>(value_of("-1e-400"))));
  EXPECT_EQ(value_of(std::string(308, '9')), FieldValue(1e308));
  EXPECT_EQ(value_of("0." + std::string(1000, '0') + "1e1001"), FieldValue(1.0));
  EXPECT_EQ(value_of("1" + std::string(1000, '0') + "e-1000"), FieldValue(1.0));
  EXPECT_EQ(value_of("1i"), FieldValue(std::int64_t{1}));
  EXPECT_EQ(value_of("-0i"), FieldValue(std::int64_t{0}));
  EXPECT_EQ(value_of("0000000000000000000000000012i"), FieldValue(std::int64_t{12}));
  EXPECT_EQ(value_of("9223372036854775807i"), FieldValue(INT64_MAX));
  EXPECT_EQ(value_of("-9223372036854775808i"), FieldValue(INT64_MIN));
  EXPECT_EQ(value_of("0u"), FieldValue(std::uint64_t{0}));
  EXPECT_EQ(value_of("18446744073709551615u"), FieldValue(UINT64_MAX));
  EXPECT_EQ(value_of(R"("")"), FieldValue(""s));
  EXPECT_EQ(value_of(R"("a, b=c \"d\" \\ \x \n")"), FieldValue(R"(a, b=c "d" \ \x \n)"s));
  EXPECT_EQ(value_of(R"("\\\\")"), FieldValue(R"(\\)"s));
  EXPECT_EQ(value_of("\"one\ntwo\r\n\tthree\""), FieldValue("one\ntwo\r\n\tthree"s));
}

TEST(LineDecode, SaysWhereAndWhatWasExpected) {
  const char* const kValue = "a field value: a number, true, false, or a quoted string";
  const char* const kTime = "a time: a whole number of nanoseconds";
  struct Case {
    std::string line;
    std::size_t column;
    std::string expected;
  };
  const Case cases[] = {
      {",a=b v=1", 1, "a measurement"},
      {"  ,a=b v=1", 3, "a measurement"},
      {"m", 2, "a space and a field, as in value=1"},
      {"m\r", 2, "a space and a field, as in value=1"},
      {"m ", 3, "a field, as in value=1"},
      {"m\\", 3, "a space and a field, as in value=1"},
      {"m,", 3, "a tag key"},
      {"m, v=1", 3, "a tag key"},
      {"m,=b v=1", 3, "a tag key"},
      {"m,,a=b v=1", 3, "a tag key"},
      {"m,a v=1", 4, "'=' after the tag key"},
      {"m,a,b=c v=1", 4, "'=' after the tag key"},
      {"m,a= v=1", 5, "a tag value"},
      {"m,a=,b=c v=1", 5, "a tag value"},
      {"m,a==b v=1", 5, "a tag value"},
      {"m,a=b=c v=1", 6, "a comma or a space after the tag value ('=' inside of it is written \\=)"},
      {"m,a=b", 6, "a space and a field, as in value=1"},
      {"m,a=b,", 7, "a tag key"},
      {"m =1", 3, "a field key"},
      {"m v", 4, "'=' after the field key"},
      {"m v 17", 4, "'=' after the field key"},
      {"m 17", 5, "'=' after the field key"},
      {"m v=1,", 7, "a field key"},
      {"m v=1, w=2", 7, "a field key"},
      {"m v=1,,w=2", 7, "a field key"},
      {"m v=1,w", 8, "'=' after the field key"},
      {"m v=", 5, kValue},
      {"m v= 17", 5, kValue},
      {"m v=,w=1", 5, kValue},
      {"m v==1", 5, kValue},
      {"m v=abc", 5, kValue},
      {"m v=tRUE", 5, kValue},
      {"m v=truee", 5, kValue},
      {"m v=+1", 5, kValue},
      {"m v=-", 5, kValue},
      {"m v=.", 5, kValue},
      {"m v=-.", 5, kValue},
      {"m v=1.2.3", 5, kValue},
      {"m v=1e", 5, kValue},
      {"m v=1e+", 5, kValue},
      {"m v=e5", 5, kValue},
      {"m v=.e5", 5, kValue},
      {"m v=0x10", 5, kValue},
      {"m v=1_000", 5, kValue},
      {"m v=NaN", 5, kValue},
      {"m v=inf", 5, kValue},
      {"m v=-inf", 5, kValue},
      {"m v=i", 5, kValue},
      {"m v=-i", 5, kValue},
      {"m v=1ii", 5, kValue},
      {"m v=1.0i", 5, kValue},
      {"m v=1e3i", 5, kValue},
      {"m v=-1u", 5, kValue},
      {"m v=1.u", 5, kValue},
      {"m v=1\t17", 5, kValue},
      {"m v=1\r17", 5, kValue},
      {"m a=1,v=9223372036854775808i", 9, "an integer from -9223372036854775808 to 9223372036854775807"},
      {"m v=-9223372036854775809i", 5, "an integer from -9223372036854775808 to 9223372036854775807"},
      {"m v=99999999999999999999i", 5, "an integer from -9223372036854775808 to 9223372036854775807"},
      {"m v=184467440737095516150i", 5, "an integer from -9223372036854775808 to 9223372036854775807"},
      {"m v=18446744073709551616u", 5, "an unsigned integer up to 18446744073709551615"},
      {"m v=1e309", 5, "a number within the range of a 64-bit float, up to 1.7976931348623157e308"},
      {"m v=-1e999999999999999999999", 5,
       "a number within the range of a 64-bit float, up to 1.7976931348623157e308"},
      {"m v=" + std::string(310, '9'), 5,
       "a number within the range of a 64-bit float, up to 1.7976931348623157e308"},
      {R"(m v="abc)", 5, "a closing '\"' for the string that starts here"},
      {R"(m v=")", 5, "a closing '\"' for the string that starts here"},
      {R"(m v="abc\")", 5, "a closing '\"' for the string that starts here"},
      {R"(m v="abc\\\" 17)", 5, "a closing '\"' for the string that starts here"},
      {R"(m v="a"b")", 8, "a comma, a space or the end of the line after the string"},
      {R"(m v=""")", 7, "a comma, a space or the end of the line after the string"},
      {R"(m v="a""b")", 8, "a comma, a space or the end of the line after the string"},
      {"m v=1 x", 7, kTime},
      {"m v=1 -", 7, kTime},
      {"m v=1 1.5", 7, kTime},
      {"m v=1 17i", 7, kTime},
      {"m v=1  +17", 8, kTime},
      {"m v=1 w=2", 7, kTime},
      {"m v=1 17,w=2", 7, kTime},
      {"m v=1 17 x", 10, "the end of the line after the time"},
      {"m v=1 17 18", 10, "the end of the line after the time"},
      {"m v=1 9223372036854775808", 7, "a time between the years 1677 and 2262 (64-bit nanoseconds)"},
      {"m v=1 -9223372036854775809", 7, "a time between the years 1677 and 2262 (64-bit nanoseconds)"},
      {"m v=1 99999999999999999999999", 7, "a time between the years 1677 and 2262 (64-bit nanoseconds)"},
  };
  for (const Case& c : cases) {
    // The same within a text, after other lines and before others.
    for (const std::string& text : {c.line, "good v=1\n\n" + c.line + "\r\ngood v=2"}) {
      const bool within = text != c.line;
      // Strings run on over lines, and "\r" ends a line only where the text ends.
      if (within && (c.expected.starts_with("a closing") || c.line.ends_with('\r'))) continue;
      LineDecoder decoder(text, Precision::ns);
      if (within) {
        EXPECT_TRUE(decoder.next() == LineDecoder::Step::line);
      }
      ASSERT_EQ(decoder.next(), LineDecoder::Step::error) << c.line;
      EXPECT_EQ(decoder.error().line, within ? 3u : 1u) << c.line;
      EXPECT_EQ(decoder.error().column, c.column) << c.line;
      EXPECT_EQ(decoder.error().expected, c.expected) << c.line;
      EXPECT_EQ(decoder.error().text, c.line.ends_with('\r') ? c.line.substr(0, c.line.size() - 1) : c.line);
      if (within) {
        EXPECT_TRUE(decoder.next() == LineDecoder::Step::line);
      }
      EXPECT_EQ(decoder.next(), LineDecoder::Step::end);
    }
  }
}

TEST(LineDecode, ControlCharactersStandOnlyInStrings) {
  for (const std::string& control : {"\t"s, "\x01"s, "\x7f"s, "\r"s, "\x1b"s, "\0"s}) {
    EXPECT_EQ(steps("a" + control + "b v=1"), Steps{"1:2"});
    EXPECT_EQ(steps("m,a" + control + "=b v=1"), Steps{"1:4"});
    EXPECT_EQ(steps("m,a=" + control + "b v=1"), Steps{"1:5"});
    EXPECT_EQ(steps("m,a=\\" + control + "b v=1"), Steps{"1:6"});
    EXPECT_EQ(steps("m v" + control + "=1"), Steps{"1:4"});
    EXPECT_EQ(steps(control + "m v=1"), Steps{"1:1"});
    EXPECT_EQ(value_of("\"" + control + "\""), FieldValue(control));
  }
  LineDecoder decoder("a\tb v=1", Precision::ns);
  ASSERT_EQ(decoder.next(), LineDecoder::Step::error);
  EXPECT_TRUE(decoder.error().expected.starts_with("a printable character")) << decoder.error().expected;
}

TEST(LineDecode, PassesOverCommentsAndBlankLines) {
  EXPECT_EQ(steps(""), Steps{});
  EXPECT_EQ(steps("\n\r\n   \n# a v=1\n  # b v=1\r\n#\n#"), Steps{});
  EXPECT_EQ(steps("\n# c\nm v=1\n\n# \"open\nn v=1\n"), (Steps{"m", "n"}));
  EXPECT_EQ(steps("\n# c\r\n\r\nm v\nn v=1\nx"), (Steps{"4:4", "n", "6:2"}));
  EXPECT_EQ(steps("m v=1 # c"), Steps{"1:7"});
}

TEST(LineDecode, LinesOfOthersHaveEachKeyOnceAndAreUtf8) {
  const auto recordable = [](std::string_view text) {
    LineDecoder decoder(text, Precision::ns, false, LineDecoder::Rules::recordable);
    Steps found;
    for (auto step = decoder.next(); step != LineDecoder::Step::end; step = decoder.next()) {
      const LineError& error = decoder.error();
      found.push_back(step == LineDecoder::Step::line
                          ? std::string(decoder.view().measurement)
                          : std::to_string(error.line) + ":" + std::to_string(error.column) + " " +
                                error.expected);
    }
    return found;
  };
  EXPECT_EQ(recordable("a,x=1,y=2 v=1,w=2\nb v=1"), (Steps{"a", "b"}));
  EXPECT_EQ(recordable("a,x=1,y=2,x=3 v=1\nb v=1"), (Steps{"1:11 each tag key once", "b"}));
  EXPECT_EQ(recordable("# c\na v=\"\n\",w=2,v=3,w=4\nb v=1"), (Steps{"3:7 each field key once", "b"}));
  EXPECT_EQ(recordable("a,x=\xc3 v=1\nb v=1"), (Steps{"1:5 text in UTF-8", "b"}));
  EXPECT_EQ(recordable("a v=\"\xed\xa0\x80\"\nb\xff v=1\nc v=1"),
            (Steps{"1:6 text in UTF-8", "2:2 text in UTF-8", "c"}));
  // However many there are, in time proportional to them.
  std::string many = "m ";
  for (int i = 0; i < 100'000; ++i) many += "f" + std::to_string(i) + "=1,";
  EXPECT_EQ(recordable(many + "last=1"), Steps{"m"});
  EXPECT_EQ(recordable(many + "f0=1").size(), 1u);
}

TEST(LineDecode, CountsTheLinesOfStrings) {
  EXPECT_EQ(steps("m v=\"a\nb\n\nc\",w=1 17\nbad\nn v=1\n"), (Steps{"m", "5:4", "n"}));
  EXPECT_EQ(steps("m v=\"a\nb\",w=x 17\nn v=1\nbad"), (Steps{"2:6", "n", "4:4"}));
  EXPECT_EQ(steps("m v=\"a\nb\" 1x7\nn v=1\nbad"), (Steps{"2:4", "n", "4:4"}));
  LineDecoder decoder("  m v=\"a\nb\" 17 \r\n", Precision::ns);
  ASSERT_EQ(decoder.next(), LineDecoder::Step::line);
  EXPECT_EQ(decoder.view().line, "  m v=\"a\nb\" 17 ");
}

TEST(LineDecode, AStringNeverClosedCostsOneLine) {
  EXPECT_EQ(steps("a v=1\nb s=\"open 1\nc v=1\nd v=1\n"), (Steps{"a", "2:5", "c", "d"}));
  // Its end is taken for the beginning of the next string.
  EXPECT_EQ(steps("a s=\"open 1\nb v=1\nc s=\"x\" 3\nd v=1\n"), (Steps{"1:5", "b", "c", "d"}));
  EXPECT_EQ(steps("a r=\"x\",s=\"open 1\nb v=1\nc s=\"x\",t=\"y\" 3\nd v=1\n"),
            (Steps{"1:11", "b", "c", "d"}));
  EXPECT_EQ(steps("a s=\"open\nb s=\"open\nc v=1"), (Steps{"1:5", "2:5", "c"}));
  LineDecoder decoder("b s=\"open 1\r\nc v=1", Precision::ns);
  ASSERT_EQ(decoder.next(), LineDecoder::Step::error);
  EXPECT_EQ(decoder.error().text, "b s=\"open 1");
}

TEST(LineDecode, ReadsTimeInItsPrecision) {
  EXPECT_EQ(decoded("m v=1 -17", Precision::ns).time_ns, -17);
  EXPECT_EQ(decoded("m v=1 -17", Precision::us).time_ns, -17'000);
  EXPECT_EQ(decoded("m v=1 -17", Precision::ms).time_ns, -17'000'000);
  EXPECT_EQ(decoded("m v=1 -17", Precision::s).time_ns, -17'000'000'000);
  EXPECT_EQ(decoded("m v=1", Precision::s).time_ns, std::nullopt);
  EXPECT_EQ(decoded("m v=1 9223372036854775", Precision::us).time_ns, 9223372036854775000);
  EXPECT_EQ(decoded("m v=1 9223372036854", Precision::ms).time_ns, 9223372036854000000);
  EXPECT_EQ(decoded("m v=1 -9223372036", Precision::s).time_ns, -9223372036000000000);
  const std::tuple<const char*, Precision, const char*> bad[] = {
      {"m v=1 9223372036854776", Precision::us,
       "a time between the years 1677 and 2262 (64-bit nanoseconds)"},
      {"m v=1 -9223372036855", Precision::ms, "a time between the years 1677 and 2262 (64-bit nanoseconds)"},
      {"m v=1 9223372037", Precision::s, "a time between the years 1677 and 2262 (64-bit nanoseconds)"},
      {"m v=1 1.5", Precision::us, "a time: a whole number of microseconds"},
      {"m v=1 1.5", Precision::ms, "a time: a whole number of milliseconds"},
      {"m v=1 1.5", Precision::s, "a time: a whole number of seconds"},
  };
  for (const auto& [line, precision, expected] : bad) {
    LineDecoder decoder(line, precision);
    ASSERT_EQ(decoder.next(), LineDecoder::Step::error) << line;
    EXPECT_EQ(decoder.error().column, 7u);
    EXPECT_EQ(decoder.error().expected, expected);
  }
}

TEST(LineDecode, KnowsFourPrecisions) {
  EXPECT_EQ(*parse_precision("ns"), Precision::ns);
  EXPECT_EQ(*parse_precision("us"), Precision::us);
  EXPECT_EQ(*parse_precision("ms"), Precision::ms);
  EXPECT_EQ(*parse_precision("s"), Precision::s);
  for (const char* bad : {"", "n", "h", "NS", "s ", "auto"}) {
    const Result<Precision> precision = parse_precision(bad);
    ASSERT_FALSE(precision) << bad;
    EXPECT_EQ(precision.error().kind, ErrorKind::parse);
    EXPECT_NE(precision.error().message.find("expected ns, us, ms or s"), std::string::npos);
  }
}

TEST(LineDecode, AFieldMadeByHandIsCheckedToo) {
  using Type = FieldView::Type;
  const FieldView bad[] = {{"k", "x", Type::float64},  {"k", "1", Type::int64},      {"k", "1u", Type::int64},
                           {"k", "-1u", Type::uint64}, {"k", "", Type::boolean},     {"k", "", Type::float64},
                           {"k", "1.5i", Type::int64}, {"k", "1e999", Type::float64}};
  for (const FieldView& field : bad) {
    const Result<FieldValue> value = field_value(field);
    ASSERT_FALSE(value) << field.text;
    EXPECT_EQ(value.error().kind, ErrorKind::parse);
    EXPECT_TRUE(value.error().message.starts_with("field k: expected ")) << value.error().message;
  }
}

TEST(LineDecode, WhatIsNotDecidedWaitsForMore) {
  const std::string text =
      "m v=1 1\n# c\nm s=\"a\nb\",t=\"c\" 2\nbad\nm s=\"open\nn v=1\nm s=\"x\"y\r\nm v=3\r\n  \nm v=4 4\nm "
      "v=5";
  const Steps whole = steps(text);
  EXPECT_EQ(whole, (Steps{"m", "m", "5:4", "6:5", "n", "8:8", "m", "m", "m"}));
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Steps found;
    LineDecoder first(std::string_view(text).substr(0, cut), Precision::ns, true);
    const auto collect = [&](LineDecoder& decoder, std::size_t lines_before) {
      for (auto step = decoder.next(); step != LineDecoder::Step::end; step = decoder.next()) {
        found.push_back(step == LineDecoder::Step::line
                            ? std::string(decoder.view().measurement)
                            : std::to_string(lines_before + decoder.error().line) + ":" +
                                  std::to_string(decoder.error().column));
      }
    };
    collect(first, 0);
    ASSERT_LE(first.position(), cut);
    LineDecoder second(std::string_view(text).substr(first.position()), Precision::ns);
    collect(second, first.lines_passed());
    EXPECT_EQ(found, whole) << cut;
    EXPECT_EQ(first.lines_passed() + second.lines_passed(), 12u) << cut;
  }
}

// Each would take minutes if the work grew with the square of the text; the test program has a time limit.
TEST(LineDecode, HostileTextTakesItsTimeOnly) {
  const auto repeat = [](std::string_view piece, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += piece;
    return text;
  };
  constexpr std::size_t kBytes = 4'000'000;
  const std::string texts[] = {
      repeat("m s=\"\n", kBytes),
      repeat("m s=\"a\" \"\n", kBytes),
      "m s=\"" + repeat("\\\"", kBytes),
      "m s=\"" + repeat("\\", kBytes),
      repeat("\",c=\"\n", kBytes),
      "a b=\"" + repeat("\",c=\"\n", kBytes),
      repeat("a\",k=\"v f=\"\n", kBytes),
      repeat("a c\"\\,d=\"\n", kBytes),
      "m v=1" + repeat("0", kBytes),
      "m v=1e" + repeat("9", kBytes),
      "m v=0." + repeat("0", kBytes),
      "m v=1 " + repeat("1", kBytes),
      repeat("\n", kBytes),
      repeat("#\n", kBytes),
      "m" + repeat(",a=b", kBytes),
      "m " + repeat("a=1,", kBytes),
      repeat("\\", kBytes),
      repeat(" ", kBytes),
      "m s=\"" + repeat("\n", kBytes),
      repeat("m s=\"\\\\\\\"\n", kBytes),
      "m,a=" + repeat("\\,", kBytes),
      repeat("m s=\"a\nb\" x\n", kBytes),
  };
  for (const std::string& text : texts) {
    LineDecoder decoder(text, Precision::ns);
    std::size_t count = 0;
    while (decoder.next() != LineDecoder::Step::end) ++count;
    EXPECT_LE(count, kBytes);
    EXPECT_EQ(decoder.position(), text.size());
  }
}

}  // namespace
}  // namespace vigile
