// SPDX-License-Identifier: Apache-2.0
// Times as date(1) has them: TZ=Europe/Paris date -d '2026-07-01 12:00' -u.
#include "core/time_zone.h"

#include <gmock/gmock.h>

#include "core/iso_time.h"

namespace vigile {
namespace {

using ::testing::HasSubstr;

std::string utc(const std::string& zone, const std::string& local) {
  const auto found = TimeZone::find(zone);
  if (!found) return found.error().message;
  return to_iso8601(found->to_utc(parse_iso8601(local + "Z")->time));
}

TEST(TimeZoneTest, NamesOfTheDatabase) {
  EXPECT_THAT(utc("Europe/Paris", "2026-01-01T12:00:00"), HasSubstr("2026-01-01T11:00:00"));
  EXPECT_THAT(utc("Europe/Paris", "2026-07-01T12:00:00"), HasSubstr("2026-07-01T10:00:00"));
  EXPECT_THAT(utc("Asia/Shanghai", "2026-07-01T12:00:00"), HasSubstr("2026-07-01T04:00:00"));
  EXPECT_THAT(utc("Asia/Kolkata", "2026-07-01T12:00:00"), HasSubstr("2026-07-01T06:30:00"));
  EXPECT_THAT(utc("America/New_York", "2026-03-08T03:30:00"), HasSubstr("2026-03-08T07:30:00"));
  EXPECT_THAT(utc("Australia/Sydney", "2026-12-01T12:00:00"), HasSubstr("2026-12-01T01:00:00"));
  // Past the last change of the files, by their rule.
  EXPECT_THAT(utc("Europe/Paris", "2055-07-01T12:00:00"), HasSubstr("2055-07-01T10:00:00"));
  EXPECT_THAT(utc("Europe/Paris", "2055-12-01T12:00:00"), HasSubstr("2055-12-01T11:00:00"));
  EXPECT_THAT(utc("Australia/Sydney", "2055-12-01T12:00:00"), HasSubstr("2055-12-01T01:00:00"));
  EXPECT_THAT(utc("Australia/Sydney", "2055-06-01T12:00:00"), HasSubstr("2055-06-01T02:00:00"));
}

TEST(TimeZoneTest, WhereClocksStep) {
  EXPECT_THAT(utc("Europe/Paris", "2026-03-29T01:59:59"), HasSubstr("2026-03-29T00:59:59"));
  EXPECT_THAT(utc("Europe/Paris", "2026-03-29T02:30:00"), HasSubstr("2026-03-29T01:30:00"));  // not there
  EXPECT_THAT(utc("Europe/Paris", "2026-03-29T03:00:00"), HasSubstr("2026-03-29T01:00:00"));
  EXPECT_THAT(utc("Europe/Paris", "2026-10-25T02:30:00"), HasSubstr("2026-10-25T00:30:00"));  // twice
  EXPECT_THAT(utc("Europe/Paris", "2026-10-25T03:00:00"), HasSubstr("2026-10-25T02:00:00"));
}

TEST(TimeZoneTest, OffsetsAndWhatIsNeither) {
  EXPECT_THAT(utc("+08:00", "2026-07-01T12:00:00"), HasSubstr("2026-07-01T04:00:00"));
  EXPECT_THAT(utc("-0330", "2026-07-01T12:00:00"), HasSubstr("2026-07-01T15:30:00"));
  EXPECT_THAT(utc("+2", "2026-07-01T12:00:00"), HasSubstr("2026-07-01T10:00:00"));
  EXPECT_THAT(utc("Z", "2026-07-01T12:00:00"), HasSubstr("2026-07-01T12:00:00"));
  EXPECT_THAT(utc("Europe/Pariz", ""), HasSubstr("package tzdata"));
  EXPECT_THAT(utc("../passwd", ""), HasSubstr("neither a name like Europe/Paris nor an offset"));
  EXPECT_THAT(utc("+99:00", ""), HasSubstr("neither a name"));
  EXPECT_THAT(utc("zone.tab", ""), HasSubstr("neither a name"));
  EXPECT_THAT(utc("leapseconds", ""), HasSubstr("no file of the tz database"));
}

}  // namespace
}  // namespace vigile
