// SPDX-License-Identifier: Apache-2.0
// What StatsD's clients send, and what becomes of it.
#include "drivers/listen/statsd.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "drivers/listen/listen.h"
#include "drivers/testcase/testcase.h"

namespace vigile::listen {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view line) {
  const auto read = parse_statsd_line(line);
  return read ? "fine" : read.error().message;
}

// What is gathered of the lines: "name{tag=value}=1,name_mean=2 @time" each.
std::string gathered(std::initializer_list<std::string_view> lines,
                     StatsdDialect dialect = StatsdDialect::statsd) {
  Statsd statsd(dialect);
  std::ostringstream text;
  for (const std::string_view line : lines) {
    const auto read = parse_statsd_line(line);
    if (!read) {
      text << "refused ";
      continue;
    }
    if (const auto added = statsd.add(*read); !added) text << added.error().message << " ";
  }
  for (const StatsdSeries& series : statsd.take()) {
    text << series.name;
    for (const auto& [key, value] : series.tags) text << "{" << key << "=" << value << "}";
    for (const auto& figure : series.figures) text << " " << figure.suffix << "=" << figure.value;
    if (series.time_s) text << " @" << *series.time_s;
    text << "; ";
  }
  return text.str();
}

TEST(Statsd, SeveralValuesOfOneLineAreAllOfItsName) {
  EXPECT_EQ(gathered({"page.load:12:34:56|ms"}), "page.load _count=3 _mean=34 _min=12 _max=56 _p95=56; ");
  EXPECT_EQ(gathered({"jobs:1:2:3|c|#line:7"}), "jobs{line=7} =6; ");
  EXPECT_EQ(gathered({"jobs:1:2|c|@0.5|#line:7,host:a:b|c:ci-1|T1793491200"}),
            "jobs{host=a:b}{line=7} =6 @1793491200; ");
  EXPECT_EQ(gathered({"temp:20:21:22.5|g"}), "temp =22.5; ");
  EXPECT_EQ(gathered({"temp:20:-1:+3|g"}), "temp =22; ");
  EXPECT_EQ(gathered({"wait:1:2:3|h|@0.5", "wait:4|d"}),
            "wait _count=7 _mean=2.28571 _min=1 _max=4 _p95=4; ");
  // A member may hold anything.
  EXPECT_EQ(gathered({"user:a:b|s", "user:a|s", "user:a:b|s"}), "user =2; ");
  // StatsD's own way, with a type each, and a rate where one is given.
  EXPECT_EQ(gathered({"press.time:581|ms:593|ms:610|ms"}),
            "press.time _count=3 _mean=594.667 _min=581 _max=610 _p95=610; ");
  EXPECT_EQ(gathered({"a:1|c|@0.1:2|c:5|g|#x:y"}), "a{x=y} =12; a{x=y} =5; ");
}

TEST(Statsd, AWrongLineMakesNoMetric) {
  EXPECT_EQ(gathered({"name:with:colon:7|c", "a:1:x|c", "a:1::2|c", "a:1:|c", "a:1|c:x|c", "a:1:2|g|@7"}),
            "refused refused refused refused refused refused ");
  EXPECT_EQ(error_of("a:1|c|@0.1|#x:y,z|c:abc|T1793491200|e:it-false|card:low|"), "fine");
  EXPECT_EQ(error_of("a"), "is not like name:1|c, name:21.5|g, name:12|ms or name:x|s");
  EXPECT_THAT(error_of(""), HasSubstr("is not like name:1|c"));
  EXPECT_THAT(error_of(":1|c"), HasSubstr("is not like name:1|c"));
  EXPECT_THAT(error_of("a|c:1"), HasSubstr("is not like name:1|c"));
  EXPECT_EQ(error_of("a:1"), "has no type, as |c, |g, |ms or |s, after its value");
  EXPECT_EQ(error_of("a:1:2:3"), "has no type, as |c, |g, |ms or |s, after its value");
  for (const char* value : {"one", "inf", "nan", "", "1,5", "0x10", "1e999", "--1", "+", "1 ", "1s"})
    EXPECT_EQ(error_of("a:" + std::string(value) + "|g"), "has a value that is not a number") << value;
  EXPECT_EQ(error_of("a:1|x"), "has a type that is none of c, g, ms, h, d, s");
  EXPECT_EQ(error_of("a:1|"), "has a type that is none of c, g, ms, h, d, s");
  EXPECT_EQ(error_of("a:1|c|@2"), "has a rate that is not above 0 and at most 1, as @0.1");
  EXPECT_EQ(error_of("a:1|c|0.1"), "has a part that is not like @0.1, #key:value or T1793491200");
  EXPECT_EQ(error_of("a:1|c|#:x"), "has a tag that is not like key:value");
  EXPECT_EQ(error_of("a:1|c|#x:1,y:2,x:3"), "has the tag x twice, with different values");
  EXPECT_EQ(error_of("a,x=1:1|c|#x:3"), "has the tag x twice, with different values");
  EXPECT_EQ(error_of(std::string(300, 'a') + ":1|c"), "has a name of more than 200 bytes");
  EXPECT_EQ(error_of("a:|s"), "has a member that is not of 1 to 200 bytes");
  for (const char* time : {"T", "T-1", "T1.5", "Tsoon", "T99999999999999999999", "T1793491200000"})
    EXPECT_THAT(error_of("a:1|g|" + std::string(time)), HasSubstr("is not in seconds since 1970")) << time;
  EXPECT_EQ(error_of("a:1|ms|T1793491200"), "has a time, which only c and g can have");
}

TEST(Statsd, WhatASignMeansIsTheDialects) {
  const auto lines = {std::string_view("a:10|g"), std::string_view("a:-3|g"), std::string_view("b:-5|g"),
                      std::string_view("c:2|g"), std::string_view("c:+7|g")};
  EXPECT_EQ(gathered(lines), "a =7; b =-5; c =9; ");
  EXPECT_EQ(gathered(lines, StatsdDialect::dogstatsd), "a =-3; b =-5; c =7; ");
}

TEST(Statsd, ATimeOfItsOwnIsKept) {
  EXPECT_EQ(gathered({"a:1|g", "a:5|g|T1700000000", "a:-6|g|T1700000000", "a:7|g|T1700000060", "a:+1|g"}),
            "a =2; a =-6 @1700000000; a =7 @1700000060; ");
  EXPECT_EQ(gathered({"n:1|c|T1700000000", "n:2:3|c|@0.5|T1700000000"}), "n =11 @1700000000; ");
}

TEST(Statsd, TagsOfTheNameAreTags) {
  EXPECT_EQ(gathered({"cpu,host=a,core=0:1|c", "cpu,core=0,host=a:2|c", "cpu:4|c|#host:a,core:0"}),
            "cpu{core=0}{host=a} =7; ");
  EXPECT_EQ(gathered({"a,x=1:1|c|#y:2", "a:1|c|#solo,empty:,x:1,x:1"}),
            "a{solo=true}{x=1} =1; a{x=1}{y=2} =1; ");
  for (const char* line : {"a,:1|c", "a,x:1|c", "a,=1:1|c", "a,x=1,:1|c", "a,x=1,,y=2:1|c"})
    EXPECT_EQ(error_of(line), "has a tag in its name that is not like name,key=value") << line;
  EXPECT_EQ(error_of(",x=1:1|c"), "has no name before its tags");
}

TEST(Statsd, IsBounded) {
  Statsd statsd(StatsdDialect::statsd);
  const auto add = [&](const std::string& line) { return statsd.add(*parse_statsd_line(line)).has_value(); };
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(add("wait:" + std::to_string(i) + "|ms"));
    ASSERT_TRUE(add("user:" + std::to_string(i) + "|s"));
  }
  const auto all = statsd.take();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].figures[0].value, 5000);
  EXPECT_NEAR(all[0].figures[4].value, 4750, 250);  // of a sample
  EXPECT_EQ(all[1].figures[0].value, 1000);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) refused += add("n" + std::to_string(i) + ":1|g") ? 0 : 1;
  EXPECT_EQ(refused, 1000);
}

// What several clients sent by UDP, a datagram a line: "<…>".
std::string of_the_clients(StatsdDialect dialect) {
  std::ifstream file(testcases_of(kListenDriver) / "statsd-clients.txt");
  Statsd statsd(dialect);
  int notices = 0;
  for (std::string datagram; std::getline(file, datagram);) {
    datagram = replace_all(datagram.substr(1, datagram.size() - 2), "\\n", "\n");
    if (is_statsd_notice(datagram)) {
      ++notices;
      continue;
    }
    std::istringstream lines(datagram);
    for (std::string line; std::getline(lines, line);) {
      const auto read = parse_statsd_line(line);
      EXPECT_TRUE(read) << line << ": " << read.error().message;
      if (!read) continue;
      EXPECT_TRUE(statsd.add(*read));
    }
  }
  EXPECT_EQ(notices, 2);
  std::ostringstream text;
  text.precision(17);
  for (const StatsdSeries& series : statsd.take()) {
    text << series.name;
    for (const auto& [key, value] : series.tags) text << "," << key << "=" << value;
    for (const auto& figure : series.figures) text << " " << figure.suffix << "=" << figure.value;
    if (series.time_s) text << " @" << *series.time_s;
    text << "\n";
  }
  return text.str();
}

constexpr std::string_view kCounters =
    "buffered =5\n"
    "half =426\n"
    "hs.dec,env=prod,we ird=a b =-2\n"
    "hs.float,env=prod,we ird=a b =0.10000000000000001\n"
    "hs.inc,env=prod,we ird=a b =6\n"
    "hs.m1,env=prod,we ird=a b =2\n"
    "hs.m2,env=prod,we ird=a b =2\n"
    "hs.sampled,env=prod,we ird=a b =3\n"
    "ns.dec =-1\n"
    "ns.inc =1\n"
    "ns.samp,k=v,tag1=true =10\n"
    "telegraf.c,a=b,env=tel =1\n";
constexpr std::string_view kGauges =
    "hs.tagged,env=prod,host=a:b_c,q=x_y,we ird=a b =1\n"
    "hs.taglist,env=prod,k=v,solo=true,we ird=a b =2\n"
    "hs.temp,env=prod,we ird=a b =-3.5\n"
    "hs.ts,env=prod,we ird=a b =5 @1700000000\n"
    "hs.weird name_with_chars@#,env=prod,we ird=a b =1\n"
    "ns.g =-5\n"
    "ns.plus =3\n";
constexpr std::string_view kOthers =
    "buft _count=1 _mean=3 _min=3 _max=3 _p95=3\n"
    "hs.d,env=prod,we ird=a b _count=2 _mean=5e+20 _min=1.25 _max=1e+21 _p95=1e+21\n"
    "hs.h,env=prod,we ird=a b _count=1 _mean=42 _min=42 _max=42 _p95=42\n"
    "hs.t,env=prod,we ird=a b _count=2 _mean=31.25 _min=12.5 _max=50 _p95=50\n"
    "hs.tiny,env=prod,we ird=a b _count=1 _mean=9.9999999999999995e-08 _min=9.9999999999999995e-08 "
    "_max=9.9999999999999995e-08 _p95=9.9999999999999995e-08\n"
    "ns.h _count=1 _mean=8 _min=8 _max=8 _p95=8\n"
    "ns.t _count=1 _mean=7 _min=7 _max=7 _p95=7\n"
    "hs.users,env=prod,we ird=a b =2\n"
    "hs.users2,env=prod,we ird=a b =1\n"
    "ns.s =2\n";

std::string expected(std::string_view last_of_g0) {
  return std::string(kCounters) +
         "hs.big,env=prod,we ird=a b =9007199254740992\nhs.g0,env=prod,we ird=a b =" +
         std::string(last_of_g0) + "\n" + std::string(kGauges) + std::string(kOthers);
}

TEST(Statsd, WhatClientsSend) {
  EXPECT_EQ(of_the_clients(StatsdDialect::statsd), expected("3"));
  EXPECT_EQ(of_the_clients(StatsdDialect::dogstatsd), expected("7"));
}

}  // namespace
}  // namespace vigile::listen
