// SPDX-License-Identifier: Apache-2.0
#include "core/certificate_date.h"

#include <gtest/gtest.h>

namespace vigile {
namespace {

using namespace std::chrono;

sys_seconds at(year_month_day date, seconds time = 0s) {
  return sys_days(date) + time;
}

TEST(CertificateDate, IsReadAsOpensslPrintsIt) {
  EXPECT_EQ(parse_certificate_date("Nov 24 07:53:47 2027 GMT"), at(2027y / 11 / 24, 7h + 53min + 47s));
  EXPECT_EQ(parse_certificate_date("Feb  9 00:00:00 2040 GMT"), at(2040y / 2 / 9));
  EXPECT_EQ(parse_certificate_date("Jan  1 00:00:00.5 1999 GMT"), at(1999y / 1 / 1));
  EXPECT_EQ(parse_certificate_date("Dec 31 23:59:59 9999 GMT"), at(9999y / 12 / 31, 24h - 1s));
  EXPECT_EQ(parse_certificate_date("Dec  1 00:00:00 99 GMT"), at(year(99) / 12 / 1));
  for (const char* bad : {"", "Nov", "anF 24 07:53:47 2027 GMT", "Feb 30 07:53:47 2027 GMT",
                          "Nov 24 07:53 2027 GMT", "Nov 24 24:53:47 2027 GMT", "Nov 24 07:53:47 2027",
                          "Nov 24 07:53:47 20270 GMT", "Nov -4 07:53:47 2027 GMT", "Bad time value"}) {
    EXPECT_FALSE(parse_certificate_date(bad)) << bad;
  }
}

TEST(CertificateDate, DaysAreRightUpToTheYear9999) {
  const WallTime now = sys_days(2026y / 12 / 1) + 12h;
  EXPECT_EQ(days_between(now, at(2026y / 12 / 2)), 0.5);
  EXPECT_EQ(days_between(now, at(2026y / 11 / 30, 12h)), -1);
  EXPECT_EQ(days_between(now, at(9999y / 12 / 31, 12h)),
            (sys_days(9999y / 12 / 31) - sys_days(2026y / 12 / 1)).count());
  EXPECT_EQ(days_between(now + 250ms, at(2026y / 12 / 1, 12h + 1s)), 0.75 / 86'400);
}

}  // namespace
}  // namespace vigile
