// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <latch>
#include <stdexcept>
#include <string>

#include "app/heartbeat.h"
#include "app/live_feed.h"
#include "app/self_usage.h"
#include "app/startup_pages.h"
#include "app/thread_group.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

TEST(Heartbeat, IsOverdueWhenAStepHangsOrAWakeUpIsMissed) {
  FakeClock clock;
  Heartbeat heart;
  EXPECT_EQ(heart.overdue(clock.boot()), 0s);  // not started
  heart.busy(clock.boot());
  clock.advance(3s);
  EXPECT_EQ(heart.overdue(clock.boot()), 3s);
  heart.idle(clock.boot() + 10s);
  EXPECT_EQ(heart.overdue(clock.boot()), 0s);
  clock.advance(12s);
  EXPECT_EQ(heart.overdue(clock.boot()), 2s);
  heart.idle(std::nullopt);
  clock.advance(1000h);
  EXPECT_EQ(heart.overdue(clock.boot()), 0s);
}

TEST(StartupPages, AreLetGoOfAndComeBack) {
  const std::uint64_t before = read_self_usage().resident_bytes;
  release_startup_pages();
  const std::uint64_t after = read_self_usage().resident_bytes;
  EXPECT_LT(after, before - before / 10);
  // Code, constants, and what was relocated at the start are what they were.
  for (int i = 0; i < 3; ++i) {
    release_startup_pages();
    EXPECT_GT(read_self_usage().resident_bytes, 0U);
    EXPECT_THROW((void)std::stoi("x"), std::invalid_argument);
  }
}

TEST(LiveFeed, ReachesEveryListenerUntilItLeaves) {
  LiveFeed feed;
  std::string a, b;
  auto first = feed.subscribe([&](std::string_view lines) { a += lines; });
  auto second = feed.subscribe([&](std::string_view lines) { b += lines; });
  feed.publish("x\n");
  first.reset();
  feed.publish("y\n");
  EXPECT_EQ(a, "x\n");
  EXPECT_EQ(b, "x\ny\n");
}

TEST(ThreadGroup, JoinsWhatEndsAndLeavesWhatHangs) {
  std::latch release(1);
  ThreadGroup group;
  group.start([&](std::stop_token) { release.wait(); });
  group.request_stop();
  EXPECT_FALSE(group.join_within(1ms));
  release.count_down();
  EXPECT_TRUE(group.join_within(10s));
  bool ran = false;
  group.start([&](std::stop_token) { ran = true; });  // after a stop nothing starts
  EXPECT_TRUE(group.join_within(10s));
  EXPECT_FALSE(ran);
}

TEST(FlashMeter, CountsFromMidnight) {
  FlashMeter meter;
  const WallTime midnight = wall_from_ns(1793491200'000000000);
  meter.update(midnight - 2h, 1000);
  meter.update(midnight - 1h, 5000);
  EXPECT_EQ(meter.today(), 5000u);  // the first day counts from the start
  meter.update(midnight + 1s, 5500);
  EXPECT_EQ(meter.today(), 500u);
  EXPECT_EQ(meter.total(), 5500u);
}

TEST(SelfUsage, ReadsTheKernelsCountsAndDoesWithoutThem) {
  const TempDir dir;
  std::filesystem::create_directories(dir / "self");
  std::ofstream(dir / "self/io") << "rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n";
  std::ofstream(dir / "self/status") << "Name:\tvigiled\nVmRSS:\t    9216 kB\n";
  std::ofstream(dir / "self/smaps_rollup") << "00400000-7ffe [rollup]\nPrivate_Dirty:       2048 kB\n";
  const SelfUsage usage = read_self_usage(dir.path());
  EXPECT_EQ(usage.write_bytes, 4096u);
  EXPECT_EQ(usage.resident_bytes, 9216u * 1024);
  EXPECT_EQ(usage.private_dirty_bytes, 2048u * 1024);
  std::ofstream(dir / "self/io") << "garbage";
  EXPECT_EQ(read_self_usage(dir.path()).write_bytes, 0u);
  EXPECT_EQ(read_self_usage("/nonexistent").resident_bytes, 0u);
}

}  // namespace
}  // namespace vigile
