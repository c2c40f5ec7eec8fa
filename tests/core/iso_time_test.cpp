// SPDX-License-Identifier: Apache-2.0
#include "core/iso_time.h"

#include <gtest/gtest.h>

namespace vigile {
namespace {

std::int64_t ns_of(std::string_view text) {
  const auto parsed = parse_iso8601(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? to_ns(parsed->time) : -1;
}

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(Iso8601, ReadsWhatToIso8601Writes) {
  for (const std::int64_t ms : {0LL, 1793491200123LL, 951782399999LL, 4102444800000LL}) {
    EXPECT_EQ(ns_of(to_iso8601(wall_from_ns(ms * 1'000'000))), ms * 1'000'000);
  }
}

TEST(Iso8601, OffsetsAndFractions) {
  EXPECT_EQ(ns_of("1970-01-01T00:00:01Z"), kSecond);
  EXPECT_EQ(ns_of("1970-01-01T02:00:01+02:00"), kSecond);
  EXPECT_EQ(ns_of("1970-01-01T02:00:01+0200"), kSecond);
  EXPECT_EQ(ns_of("1970-01-01T02:00:01+02"), kSecond);
  EXPECT_EQ(ns_of("1970-01-01T18:30:01-05:30"), 86'401 * kSecond);
  EXPECT_EQ(ns_of("1970-01-01 00:01z"), 60 * kSecond);
  EXPECT_EQ(ns_of("1970-01-01T00:00:00.5Z"), kSecond / 2);
  EXPECT_EQ(ns_of("1970-01-01T00:00:00,000000001Z"), 1);
  EXPECT_EQ(ns_of("1970-01-01T00:00:00.00000000199Z"), 1) << "what is past nanoseconds is cut";
  EXPECT_EQ(ns_of("2016-12-31T23:59:60Z"), ns_of("2017-01-01T00:00:00Z"));
}

TEST(Iso8601, DatesAndLeapDays) {
  EXPECT_TRUE(parse_iso8601("2024-02-29")->is_date);
  EXPECT_FALSE(parse_iso8601("2024-02-29T00:00Z")->is_date);
  EXPECT_EQ(ns_of("2024-03-01") - ns_of("2024-02-28"), 2 * 86'400 * kSecond);
  EXPECT_EQ(ns_of("2000-02-29"), 951'782'400 * kSecond);
  EXPECT_FALSE(parse_iso8601("2023-02-29"));
  EXPECT_FALSE(parse_iso8601("2100-02-29"));
}

TEST(Iso8601, RefusesNonsense) {
  for (const std::string_view text : {"",
                                      "now",
                                      "2026",
                                      "2026-11",
                                      "2026-13-01",
                                      "2026-00-01",
                                      "2026-11-31",
                                      "26-11-01",
                                      "2026-11-24T",
                                      "2026-11-24T07:53:47",
                                      "2026-11-24T07:53:47+",
                                      "2026-11-24T24:00:00Z",
                                      "2026-11-24T07:60:00Z",
                                      "2026-11-24T07:53:61Z",
                                      "2026-11-24T07:53:47.Z",
                                      "2026-11-24T07:53:47ZZ",
                                      "2026-11-24T07:53:47+24:00",
                                      "2026-11-24T07:53:47+02:60",
                                      "2026-11-24T07:53:47+02:0",
                                      "-2026-11-24",
                                      "1969-12-31",
                                      "2262-01-01",
                                      "2026-11-24x",
                                      " 2026-11-24",
                                      "2026-1-24",
                                      "2026-11-24T7:53:47Z",
                                      "\xff\xff\xff\xff-11-24"}) {
    const auto parsed = parse_iso8601(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::parse);
    EXPECT_NE(parsed.error().message.find("\"" + std::string(text) + "\""), std::string::npos);
  }
  EXPECT_EQ(parse_iso8601("2026-02-30").error().message, "\"2026-02-30\": there is no such day");
  EXPECT_EQ(parse_iso8601("9999-12-31T00:00:00Z").error().message,
            "\"9999-12-31T00:00:00Z\": expected a year from 1970 to 2261");
}

}  // namespace
}  // namespace vigile
