// SPDX-License-Identifier: Apache-2.0
#include "sampling/timeline.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/clock.h"

namespace vigile {
namespace {

// A clock that stands at 1970 and is set, and lost again, while it is asked: each question is counted, and
// answered by what holds then.
class ChangingClock final : public Clock {
 public:
  static constexpr std::int64_t kBootedNs = 1793491200'000000000;  // 2026-11-01

  ChangingClock(int set_at, int lost_at) : set_at_(set_at), lost_at_(lost_at) {}
  WallTime wall() const override {
    const std::int64_t booted_ns = is_right() ? kBootedNs : 0;
    return wall_from_ns(booted_ns + to_ns(boot()));
  }
  BootTime boot() const override {
    ++asked_;
    return boot_from_ns(100'000000000 + asked_);
  }
  bool wall_is_set() const override { return is_right(); }
  std::string boot_id() const override { return "boot"; }
  int asked() const { return asked_; }

 private:
  bool is_right() const {
    ++asked_;
    return asked_ > set_at_ && asked_ <= lost_at_;
  }
  const int set_at_;
  const int lost_at_;
  mutable int asked_ = 0;
};

constexpr int kMostAsked = 60;  // by a call
constexpr int kNever = INT32_MAX;
constexpr std::int64_t kTolerance = 1'000'000;

std::int64_t error_of(const Timeline::Mapping& mapping) {
  return std::llabs(mapping.offset_ns - ChangingClock::kBootedNs);
}

// Whenever in between it is set: nothing of 1970 is passed off as the time.
TEST(Timeline, AClockThatIsSetWhileItIsReadIsTakenForSetOnceItWas) {
  for (int set_at = 0; set_at < kMostAsked; ++set_at) {
    ChangingClock clock(set_at, kNever);
    Timeline timeline(clock);
    bool was_set = false;
    for (int call = 0; call < kMostAsked && !was_set; ++call) {
      const Timeline::Mapping mapping = timeline.now();
      was_set = mapping.clock == ClockState::set;
      if (was_set) {
        EXPECT_LT(error_of(mapping), kTolerance) << "set at question " << set_at;
        EXPECT_GT(clock.asked(), set_at);
      } else {
        EXPECT_EQ(mapping.offset_ns, 0);
      }
    }
    EXPECT_TRUE(was_set) << set_at;
    EXPECT_LT(error_of(timeline.now()), kTolerance);
  }
}

TEST(Timeline, AClockThatIsLostWhileItIsReadIsNotFollowed) {
  for (int lost_at = 1; lost_at < 2 * kMostAsked; ++lost_at) {
    ChangingClock clock(0, lost_at);
    Timeline timeline(clock);
    bool was_set = false;
    for (int call = 0; call < kMostAsked; ++call) {
      const Timeline::Mapping mapping = timeline.now();
      was_set = was_set || mapping.clock == ClockState::set;
      EXPECT_EQ(mapping.clock == ClockState::set, was_set);
      if (was_set) {
        EXPECT_LT(error_of(mapping), kTolerance) << "lost at question " << lost_at;
      }
    }
  }
}

}  // namespace
}  // namespace vigile
