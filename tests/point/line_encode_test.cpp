// SPDX-License-Identifier: Apache-2.0
#include "point/line_encode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <clocale>

#include "point/line_decode.h"
#include "random_point.h"

namespace vigile {
namespace {

using namespace std::string_literals;

std::string encoded(const Point& point, const EncodeOptions& options = {}) {
  std::string out = "before|";
  const bool written = encode_line(point, options, out);
  EXPECT_TRUE(out.starts_with("before|"));
  out.erase(0, 7);
  EXPECT_EQ(written, !out.empty());
  return out;
}

std::string float_text(double value) {
  std::string out;
  EXPECT_TRUE(append_field("v", value, out));
  return out.substr(2);
}

TEST(LineEncode, WritesTheEquipmentLayout) {
  Point point{"equipment_metrics",
              {{"site_id", "12"}, {"equipment_id", "1"}, {"metric_name", "cpu_usage"}, {"ip_address", ""}},
              {{"value", 42.5}, {"cores", std::int64_t{4}}},
              1764000000000000000};
  EXPECT_EQ(encoded(point),
            "equipment_metrics,equipment_id=1,metric_name=cpu_usage,site_id=12 value=42.5,cores=4i "
            "1764000000000000000\n");
}

TEST(LineEncode, EscapesAndReplaces) {
  struct Case {
    Point point;
    std::string line;
  };
  const Case cases[] = {
      {{"a b,c=d", {{"k e,y=", "v a,l="}}, {{"f i,e=", 1.0}}, {}},
       R"(a\ b\,c=d,k\ e\,y\==v\ a\,l\= f\ i\,e\==1)"},
      {{"m", {}, {{"s", R"(say "hi" \ )"s}}, {}}, R"(m s="say \"hi\" \\ ")"},
      {{"m", {}, {{"s", "one\ntwo\r\n"s}}, {}}, R"(m s="one\ntwo\r\n")"},
      {{"m", {}, {{"s", "comma, equals= tab\t"s}}, {}}, "m s=\"comma, equals= tab\t\""},
      {{"C:\\m", {{"pa\\th", "D:\\"}}, {{"f\\", true}}, {}}, "C:\\m,pa\\th=D:/ f/=true"},
      {{R"(\\srv\share)", {{R"(\k)", R"(\\s\x\)"}}, {{R"(\f\g)", 1.0}}, {}},
       R"(\\srv\share,\k=\\s\x/ \f\g=1)"},
      {{R"(m\ n\,o\=p)", {{"k", R"(a\,b\ c\=d\\)"}}, {{"v", 1.0}}, {}},
       R"(m/\ n/\,o/=p,k=a/\,b/\ c/\=d\/ v=1)"},
      {{"m", {{"k", "a\\\nb"}}, {{"v", 1.0}}, {}}, "m,k=a/\\ b v=1"},
      {{"m\n", {{"a\r\n", "b\tc\x7f"}}, {{"f\n", false}}, {}}, R"(m\ ,a\ \ =b\ c\  f\ =false)"},
      {{"#m#", {}, {{"v", 1.0}}, {}}, "/m# v=1"},
      {{"m", {{"#", "#"}}, {{"#", 1.0}}, {}}, "m,#=# #=1"},
      {{"mé", {{"日本", "\xff"}}, {{"x\xc3", "\xed\xa0\x80"s}}, {}},
       "mé,日本=\xef\xbf\xbd x\xef\xbf\xbd=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {{"m", {}, {{"t", true}, {"f", false}}, -1}, "m t=true,f=false -1"},
      {{"m", {}, {{"s", ""s}}, 0}, "m s=\"\" 0"},
      {{"m", {}, {{"v", 1.0}, {"v", 2.0}}, {}}, "m v=1,v=2"},
  };
  for (const Case& c : cases) EXPECT_EQ(encoded(c.point), c.line + "\n");
}

TEST(LineEncode, SortsTagsAndLetsTheLastCount) {
  EXPECT_EQ(encoded({"m", {{"b", "1"}, {"a", "2"}, {"c", "3"}}, {{"v", 1.0}}, {}}), "m,a=2,b=1,c=3 v=1\n");
  EXPECT_EQ(encoded({"m", {{"a", "1"}, {"b", "2"}, {"a", "3"}}, {{"v", 1.0}}, {}}), "m,a=3,b=2 v=1\n");
  EXPECT_EQ(encoded({"m", {{"a", "1"}, {"b", "2"}, {"a", ""}}, {{"v", 1.0}}, {}}), "m,b=2 v=1\n");
  EXPECT_EQ(encoded({"m", {{"", "1"}, {"time", ""}, {"timer", "3"}}, {{"v", 1.0}}, {}}), "m,timer=3 v=1\n");
  // Written alike, and in the order of what is written.
  EXPECT_EQ(encoded({"m", {{"a\\", "1"}, {"a/", "2"}}, {{"v", 1.0}}, {}}), "m,a/=2 v=1\n");
  EXPECT_EQ(encoded({"m", {{"a\\b", "1"}, {"a/b", "2"}}, {{"v", 1.0}}, {}}), "m,a/b=2,a\\b=1 v=1\n");
  EXPECT_EQ(encoded({"m", {{"a0", "1"}, {"a\\", "2"}}, {{"v", 1.0}}, {}}), "m,a/=2,a0=1 v=1\n");
  Point many{"m", {}, {{"v", 1.0}}, {}};
  for (char c = 'z'; c >= 'a'; --c) {
    many.tags.emplace_back(std::string{c}, "1");
    many.tags.emplace_back(std::string{'k', c}, "1");
  }
  const std::string line = encoded(many);
  EXPECT_TRUE(line.starts_with("m,a=1,b=1,")) << line;
  EXPECT_TRUE(line.ends_with(",ky=1,kz=1,l=1,m=1,n=1,o=1,p=1,q=1,r=1,s=1,t=1,u=1,v=1,w=1,x=1,y=1,z=1 v=1\n"))
      << line;
}

TEST(LineEncode, LeavesOutWhatCannotBeWritten) {
  EXPECT_EQ(encoded({"", {}, {{"v", 1.0}}, 1}), "");
  EXPECT_EQ(encoded({"m", {{"a", "b"}}, {}, 1}), "");
  EXPECT_EQ(encoded({"m", {}, {{"v", NAN}, {"w", INFINITY}, {"x", -INFINITY}}, 1}), "");
  EXPECT_EQ(encoded({"m", {}, {{"", 2.0}}, 1}), "");
  EXPECT_EQ(encoded({"m", {}, {{"v", NAN}, {"time", true}, {"w", 2.0}, {"x", INFINITY}}, 1}),
            "m time_=true,w=2 1\n");
}

TEST(LineEncode, UnsignedNumbersPastInt64AreLeftOutUnlessAskedFor) {
  const Point point{
      "m",
      {},
      {{"a", std::uint64_t{5}}, {"b", UINT64_MAX}, {"c", std::uint64_t{1} << 63}, {"d", INT64_MIN}},
      {}};
  EXPECT_EQ(encoded(point), "m a=5i,d=-9223372036854775808i\n");
  EXPECT_EQ(*first_past_int64(point, {}), "b");
  EXPECT_EQ(first_past_int64(point, {.unsigned_integers = true}), nullptr);
  EXPECT_EQ(encoded({"m", {}, {{"b", UINT64_MAX}}, {}}), "");
  EXPECT_EQ(encoded(point, {.unsigned_floats = true}),
            "m a=5,b=18446744073709551616,c=9223372036854775808,d=-9223372036854775808i\n");
  EXPECT_EQ(encoded(point, {.unsigned_integers = true}),
            "m a=5u,b=18446744073709551615u,c=9223372036854775808u,d=-9223372036854775808i\n");
}

TEST(LineEncode, WhatIsCalledTimeIsWrittenAsTimeWithALine) {
  EXPECT_EQ(encoded({"m", {{"time", "b"}, {"a", "c"}}, {{"time", 1.5}, {"v", 2.0}}, 7}),
            "m,a=c,time_=b time_=1.5,v=2 7\n");
  EXPECT_EQ(encoded({"m", {}, {{"time", "noon"}}, {}}), "m time_=\"noon\"\n");
}

TEST(LineEncode, ALiteralIsAString) {
  std::string out;
  EXPECT_TRUE(append_field("s", "text", out));
  EXPECT_EQ(out, "s=\"text\"");
}

TEST(LineEncode, WritesFloatsShort) {
  const std::pair<double, const char*> cases[] = {
      {0.0, "0"},
      {-0.0, "-0"},
      {1.0, "1"},
      {-1.0, "-1"},
      {0.1, "0.1"},
      {-0.25, "-0.25"},
      {99.999, "99.999"},
      {0.001, "0.001"},
      {0.000001, "0.000001"},
      {0.0000001, "1e-07"},
      {1.000001, "1.000001"},
      {100000, "100000"},
      {123456789.125, "123456789.125"},
      {0.1 + 0.2, "0.30000000000000004"},
      {999999999999.0, "999999999999"},
      {1e22, "1e+22"},
      {5e-324, "5e-324"},
      {-1.7976931348623157e308, "-1.7976931348623157e+308"},
  };
  for (const auto& [value, text] : cases) EXPECT_EQ(float_text(value), text);
}

TEST(LineEncode, EveryFloatReadsBackToTheBit) {
  PointSource source(1);
  std::string out;
  for (int i = 0; i < 300'000; ++i) {
    const double value = source.number();
    out.clear();
    ASSERT_EQ(append_field("v", value, out), std::isfinite(value));
    if (!std::isfinite(value)) continue;
    double back = 0;
    const auto result = std::from_chars(out.data() + 2, out.data() + out.size(), back);
    ASSERT_TRUE(result.ec == std::errc() && result.ptr == out.data() + out.size()) << out;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value)) << out;
    if (std::fabs(value) >= 1e15) continue;  // to_chars writes all digits of some of these
    // The digits of the shortest form.
    std::array<char, 40> shortest;
    const char* const end = std::to_chars(shortest.data(), shortest.data() + shortest.size(), value,
                                          std::chars_format::scientific)
                                .ptr;
    const auto digits = [](std::string_view text) {
      text = text.substr(0, text.find('e'));
      std::string found;
      for (const char c : text) {
        if (c >= '0' && c <= '9') found.push_back(c);
      }
      found.erase(0, std::min(found.find_first_not_of('0'), found.size()));
      found.erase(found.find_last_not_of('0') + 1);
      return found;
    };
    ASSERT_EQ(digits(std::string_view(out).substr(2)), digits({shortest.data(), end})) << out;
  }
}

TEST(LineEncode, KeepsTheBufferItIsGiven) {
  const Point point{
      "m", {{"b", "x y"}, {"a", "z"}}, {{"v", 0.1 + 0.2}, {"s", std::string(300, '"')}}, INT64_MIN};
  std::string out;
  out.reserve(4096);
  const char* const before = out.data();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(encode_line(point, {}, out));
  EXPECT_EQ(out.data(), before);
  EXPECT_EQ(out.size() % 5, 0u);
}

TEST(LineEncode, RandomPointsReadBackByTheRules) {
  PointSource source(3);
  int lines = 0;
  for (int i = 0; i < 30'000; ++i) {
    const EncodeOptions options{.unsigned_integers = source.below(2) == 0};
    const Point point = source.next();
    std::string line;
    const bool written = encode_line(point, options, line);
    const std::optional<Point> expected = as_written(point, options);
    ASSERT_EQ(written, expected.has_value()) << line;
    if (!written) continue;
    ++lines;
    ASSERT_EQ(line.find('\n'), line.size() - 1) << line;
    LineDecoder decoder(line, Precision::ns);
    ASSERT_EQ(decoder.next(), LineDecoder::Step::line)
        << line << decoder.error().column << ": " << decoder.error().expected;
    const Result<Point> back = to_point(decoder.view());
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_TRUE(*back == *expected) << line;
    ASSERT_EQ(decoder.next(), LineDecoder::Step::end) << line;
  }
  EXPECT_GT(lines, 15'000);
}

}  // namespace
}  // namespace vigile
