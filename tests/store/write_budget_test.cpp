// SPDX-License-Identifier: Apache-2.0
#include "store/write_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// A device that writes `commit_bytes` at each commit and a checkpoint's lump at each 340th.
class Device {
 public:
  explicit Device(const WriteBudgetOptions& options) : budget(options) {}

  void run(nanoseconds time, std::uint64_t commit_bytes, bool has_readings = true) {
    const BootTime end = clock.boot() + time;
    while (clock.boot() < end) {
      const auto window = budget.status().loss_window;
      auto next = clock.boot() + window;
      if (const auto due = budget.due()) next = std::max(clock.boot() + 1ms, std::min(next, *due));
      const auto passed = next - clock.boot();
      clock.advance(passed);
      since_commit_ += passed;
      if (has_readings && since_commit_ >= budget.status().loss_window) {
        since_commit_ = {};
        written += commit_bytes;
        day_bytes[day()] += commit_bytes;
        if (++commits % 340 == 0) {
          written += kMiB / 2;
          day_bytes[day()] += kMiB / 2;
        }
      }
      budget.update(clock.boot(), clock.wall(), written);
      widest = std::max(widest, budget.status().loss_window);
      narrowest = std::min(narrowest, budget.status().loss_window);
    }
  }
  std::int64_t day() const {
    return std::chrono::floor<std::chrono::days>(clock.wall()).time_since_epoch().count();
  }
  void forget_extremes() {
    widest = {};
    narrowest = std::chrono::hours(24);
  }

  FakeClock clock;
  WriteBudget budget;
  std::uint64_t written = 0;
  std::uint64_t commits = 0;
  std::map<std::int64_t, std::uint64_t> day_bytes;
  nanoseconds widest{};
  nanoseconds narrowest = std::chrono::hours(24);

 private:
  nanoseconds since_commit_{};
};

TEST(WriteBudget, WithoutOneNothingIsAsked) {
  WriteBudget budget({.commit_every = 2s});
  EXPECT_FALSE(budget.due());
  FakeClock clock;
  EXPECT_EQ(budget.update(clock.boot(), clock.wall(), 1 << 30), 2s);
}

TEST(WriteBudget, HoldsEachDayWithinItAndUsesMostOfIt) {
  // 8 KiB a second would be 675 MiB a day.
  Device device({.bytes_a_day = 50 * kMiB, .commit_every = 1s});
  device.run(72h, 8 * 1024);
  for (const auto& [day, bytes] : device.day_bytes) {
    if (day == device.day()) continue;  // of which only the first second is gone
    EXPECT_LE(bytes, 50 * kMiB) << day;
    EXPECT_GE(bytes, 40 * kMiB) << day;
  }
  EXPECT_GT(device.widest, 10s);
  EXPECT_LE(device.widest, 5min);
  EXPECT_FALSE(device.budget.status().is_exceeded);
}

TEST(WriteBudget, NarrowsAgainWhenLessIsWritten) {
  Device device({.bytes_a_day = 50 * kMiB, .commit_every = 1s});
  device.run(1h, 8 * 1024);
  EXPECT_GT(device.budget.status().loss_window, 5s);
  device.run(1h, 0);
  EXPECT_EQ(device.budget.status().loss_window, 1s);
}

TEST(WriteBudget, LeavesCommitsAloneWhileThereIsEnough) {
  Device device({.bytes_a_day = 2000 * kMiB, .commit_every = 1s});
  device.run(25h, 8 * 1024);
  EXPECT_LE(device.widest, 2s);  // after a checkpoint's lump, for a moment
  EXPECT_EQ(device.budget.status().loss_window, 1s);
}

TEST(WriteBudget, NeverGoesPastTheWidestAndSaysSo) {
  Device device({.bytes_a_day = kMiB, .commit_every = 1s, .commit_every_max = 30s});
  device.run(6h, 16 * 1024);
  EXPECT_EQ(device.widest, 30s);
  EXPECT_EQ(device.budget.status().loss_window, 30s);
  EXPECT_TRUE(device.budget.status().is_exceeded);
  // A commit_every that is longer stands.
  device.budget.set_options({.bytes_a_day = kMiB, .commit_every = 60s, .commit_every_max = 30s});
  EXPECT_EQ(device.budget.status().loss_window, 60s);
  device.budget.set_options({.commit_every = 1s});
  EXPECT_EQ(device.budget.status().loss_window, 1s);
  EXPECT_FALSE(device.budget.status().is_exceeded);
}

TEST(WriteBudget, ADayThatBeginsLateHasItsShare) {
  Device device({.bytes_a_day = 48 * kMiB, .commit_every = 1s});
  device.clock.advance(18h);
  device.run(6h - 10min, 8 * 1024);
  ASSERT_EQ(device.day_bytes.size(), 1u);
  EXPECT_LE(device.day_bytes.begin()->second, 12 * kMiB + kMiB);
  EXPECT_GE(device.day_bytes.begin()->second, 8 * kMiB);
}

TEST(WriteBudget, AClockThatIsSetOrSteppedBeginsAnotherDay) {
  Device device({.bytes_a_day = 50 * kMiB, .commit_every = 1s});
  device.clock.step_wall(-nanoseconds(device.clock.wall().time_since_epoch()) + 10s);
  device.run(2min, 8 * 1024);
  device.clock.step_wall(std::chrono::hours(24 * 365 * 56));
  device.run(1h, 8 * 1024);
  device.clock.step_wall(-std::chrono::hours(1));
  device.run(1h, 8 * 1024);
  device.clock.step_wall(std::chrono::hours(24));
  device.run(1h, 8 * 1024);
  const auto window = device.budget.status().loss_window;
  EXPECT_GT(window, 5s);
  EXPECT_LT(window, 1min);
}

}  // namespace
}  // namespace vigile
