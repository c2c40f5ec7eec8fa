// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "core/clock.h"
#include "core/file.h"
#include "core/result.h"
#include "core/units.h"
#include "core/wakeup.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

TEST(Time, EveryTimeCanBeWritten) {
  EXPECT_EQ(to_iso8601(wall_from_ns(INT64_MIN)), "1677-09-21T00:12:43.145Z");
  EXPECT_EQ(to_iso8601(wall_from_ns(INT64_MAX)), "2262-04-11T23:47:16.854Z");
  EXPECT_EQ(to_iso8601(wall_from_ns(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(to_iso8601(wall_from_ns(-1'000'000'000)), "1969-12-31T23:59:59.000Z");
  EXPECT_EQ(to_iso8601(wall_from_ns(1'793'491'200'123'456'789)), "2026-11-01T00:00:00.123Z");
}

TEST(Units, ReadsDurations) {
  EXPECT_EQ(*parse_duration("500ms"), 500ms);
  EXPECT_EQ(*parse_duration("10s"), 10s);
  EXPECT_EQ(*parse_duration("1h30m"), 90min);
  EXPECT_EQ(*parse_duration("7d"), 168h);
  EXPECT_EQ(*parse_duration("0"), 0s);
  EXPECT_EQ(*parse_duration("1.5s"), 1500ms);
  for (const char* bad : {"", "10", "s", "-1s", "10 s", "10x", "1h-3m", "nan", "1e400s", "999999999999w"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

TEST(Units, ReadsSizes) {
  EXPECT_EQ(*parse_size("512"), 512u);
  EXPECT_EQ(*parse_size("64KiB"), 65536u);
  EXPECT_EQ(*parse_size("256MiB"), 268435456u);
  EXPECT_EQ(*parse_size("1.5kB"), 1500u);
  EXPECT_EQ(*parse_size("9007199254740993"), 9007199254740993u);
  EXPECT_FALSE(parse_size("99999999999999999999"));
  EXPECT_FALSE(parse_size("9999999999TB"));
  for (const char* bad : {"", "KiB", "-1", "1 MiB", "1mib", "1MiB2"}) EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Units, DurationsSurviveFormatting) {
  for (const auto value :
       {1ns, 999ns, 10000ns, 1500000ns, 10000000000ns, 5400000000000ns, 86400000000000ns * 8,
        583286033335475968ns, 9199999999999999999ns}) {  // a double does not hold these
    EXPECT_EQ(*parse_duration(format_duration(value)), value) << format_duration(value);
  }
  EXPECT_EQ(format_duration(90min), "1h30m");
  EXPECT_EQ(format_size(1536), "1.5 KiB");
}

TEST(File, SaysWhatFailed) {
  const TempDir dir;
  const auto missing = read_file(dir / "absent");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_NE(missing.error().message.find("absent: No such file"), std::string::npos);
  std::ofstream(dir / "big") << std::string(5000, 'x');
  EXPECT_EQ(read_file(dir / "big")->size(), 5000u);
  EXPECT_EQ(read_file(dir / "big", 4999).error().kind, ErrorKind::full);
}

TEST(Clock, WritesIso8601) {
  EXPECT_EQ(to_iso8601(wall_from_ns(1793491200'123000000)), "2026-11-01T00:00:00.123Z");
  EXPECT_EQ(to_iso8601(wall_from_ns(-1'000000)), "1969-12-31T23:59:59.999Z");
}

TEST(Wakeup, KeepsANotificationForTheNextWait) {
  const FakeClock clock;
  Wakeup wakeup;
  wakeup.notify();
  wakeup.wait_until(clock, std::nullopt, {});  // would hang if the notification were lost
  wakeup.wait_until(clock, clock.boot(), {});  // a deadline that has come
  std::jthread waiting([&](std::stop_token stop) { wakeup.wait_until(clock, std::nullopt, stop); });
  waiting.request_stop();
  waiting.join();
}

}  // namespace
}  // namespace vigile
