// SPDX-License-Identifier: Apache-2.0
// Clocks that are unset, wrong, stepped, lost (DESIGN §6), before a model that knows the true time.
#include <gtest/gtest.h>

#include <cstdio>

#include "clock_world.h"
#include "core/logging.h"
#include "rounds.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

class ClockFaults : public ::testing::Test {
 protected:
  ClockFaults() { log::set_level(static_cast<log::Level>(0)); }  // each step and cut is told of
  ~ClockFaults() override { log::set_level(log::Level::info); }

  static void finish(ClockWorld& world) {
    EXPECT_TRUE(world.drain());
    world.check_all();
    for (const std::string& wrong : world.wrong) ADD_FAILURE() << wrong;
  }
};

TEST_F(ClockFaults, BootAt1970AndSetAfterTwoMinutes) {
  ClockWorld world({});
  world.boot(false);
  world.run_for(120s);
  EXPECT_EQ(world.sent_lines(), 0u);
  world.set_clock();
  world.run_for(30s);
  EXPECT_GE(world.stored(), 145u);
  EXPECT_EQ(world.stored_ns(0), world.true_ns(0));
  finish(world);
  EXPECT_EQ(world.stored(), 150u);
  EXPECT_EQ(world.estimated(), 0u);
}

TEST_F(ClockFaults, NotSynchronisedButPlausibleIsBelieved) {
  ClockWorld world({});
  world.boot(false);
  world.step_clock(std::chrono::nanoseconds(world.clock().true_ns) - 20s);  // a battery clock that is slow
  world.run_for(60s);
  EXPECT_TRUE(world.believes());
  EXPECT_GE(world.stored(), 55u);
  world.set_clock();
  world.run_for(10s);
  finish(world);
  EXPECT_EQ(world.stored(), 70u);
}

TEST_F(ClockFaults, NotSynchronisedWaitsWhereThatIsRequired) {
  ClockWorld world({.requires_sync = true});
  world.boot(false);
  world.step_clock(std::chrono::nanoseconds(world.clock().true_ns) - 20s);
  world.run_for(60s);
  EXPECT_FALSE(world.believes());
  EXPECT_EQ(world.sent_lines(), 0u);
  world.set_clock();
  world.run_for(10s);
  finish(world);
  EXPECT_EQ(world.stored(), 70u);
  EXPECT_EQ(world.stored_ns(0), world.true_ns(0));
}

TEST_F(ClockFaults, StepsAndALeapSecond) {
  ClockWorld world({});
  world.boot(true);
  for (const auto step : {-3600s, 86400s, -82800s}) {
    world.run_for(20s);
    world.step_clock(step);
  }
  world.run_for(20s);
  world.step_clock(-1s);  // 23:59:59 twice
  world.run_for(20s);
  for (int i = 0; i < 100; ++i) {  // smeared over 100 s
    world.step_clock(10ms);
    world.run_for(1s);
  }
  finish(world);
  EXPECT_EQ(world.stored(), 200u);
}

TEST_F(ClockFaults, ItGoesBackTo1970WhileRunning) {
  ClockWorld world({});
  world.boot(true);
  world.run_for(20s);
  world.set_wall(1'000'000'000);
  world.run_for(20s);
  world.set_clock();
  world.run_for(20s);
  finish(world);
  EXPECT_EQ(world.stored(), 60u);
  for (std::uint64_t seq = 0; seq < 60; ++seq) EXPECT_EQ(world.stored_ns(seq), world.true_ns(seq)) << seq;
}

TEST_F(ClockFaults, TwoBootsWithoutAClockThenOneWith) {
  for (const bool is_new : {false, true}) {
    ClockWorld world({});
    std::uint64_t known = 0;
    if (!is_new) {
      world.boot(true);
      world.run_for(20s);
      known = 20;
    }
    world.boot(false);
    world.run_for(30s);
    world.boot(false);
    world.run_for(30s);
    EXPECT_LE(world.sent_lines(), known);
    world.boot(true);
    world.run_for(10s);
    finish(world);
    EXPECT_GE(world.estimated(), 55u);  // all but what the cuts took
    const std::uint64_t last = world.next_seq() - 1;
    EXPECT_EQ(world.stored_ns(last), world.true_ns(last));
    // None lies after the present boot, and what was known before lies before them.
    for (std::uint64_t seq = 0; seq < last; ++seq) {
      EXPECT_TRUE(!world.has_stored(seq) || world.stored_ns(seq) < world.stored_ns(last)) << seq;
    }
  }
}

TEST_F(ClockFaults, TheClockIsSetInTheMiddleOfARun) {
  ClockWorld world({});
  world.boot(false);
  world.run_for(10s);
  world.during_run = [&] {
    world.set_clock();
    world.commit_step();  // all before is repaired, and this run still stamps as it began
  };
  world.run_for(10s);
  finish(world);
  EXPECT_EQ(world.stored(), 20u);
  EXPECT_EQ(world.stored_ns(10), world.true_ns(10));
}

TEST_F(ClockFaults, TheClockIsSetWhileABatchIsUnderWay) {
  ClockWorld world({});
  world.boot(true);
  world.server_is_up = false;
  world.run_for(30s);
  world.boot(false);
  world.server_is_up = true;
  world.loses_answers = true;
  bool was_set = false;
  world.during_batch = [&] {
    world.set_clock();
    world.commit_step();
    was_set = true;
  };
  world.run_for(60s);
  EXPECT_TRUE(was_set);
  finish(world);
}

// A device under load: between one clock and the other, 50 ms may go by.
class InterruptedClock final : public Clock {
 public:
  WallTime wall() const override {
    if (++readings_ % 3 != 0) true_ns_ += 50'000'000;
    return wall_from_ns(true_ns_);
  }
  BootTime boot() const override { return boot_from_ns(true_ns_ - kBootedNs); }
  bool wall_is_set() const override { return true; }
  std::string boot_id() const override { return "boot"; }
  static constexpr std::int64_t kBootedNs = 1793491200'000000000;

 private:
  mutable std::int64_t true_ns_ = kBootedNs;
  mutable int readings_ = 0;
};

TEST_F(ClockFaults, AThreadLosesItsProcessorBetweenTheClocks) {
  InterruptedClock clock;
  Timeline timeline(clock);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(timeline.now().offset_ns, InterruptedClock::kBootedNs);
}

TEST_F(ClockFaults, PowerCutAtEveryCallOfTheRepair) {
  int cuts = 0;
  for (std::uint64_t call = 1; call < 400; call += 3) {
    ClockWorld world({.seed = call});
    world.boot(false);
    world.server_is_up = false;
    world.run_for(12s);
    world.set_clock();
    world.cut_power_at_call(call);
    world.run_for(3s);
    cuts += world.is_off() ? 1 : 0;
    world.boot(call % 2 == 0);
    world.server_is_up = true;
    world.run_for(5s);
    world.set_clock();
    world.run_for(5s);
    finish(world);
    ASSERT_FALSE(HasFailure()) << "cut at call " << call;
  }
  EXPECT_GT(cuts, 30);
  std::printf("repair: power cut at %d of its calls, nothing lost, no stamp off by 10 ms\n", cuts);
}

TEST_F(ClockFaults, RandomWalks) {
  const int walks = 300 * fault_rounds();
  std::uint64_t events = 0;
  std::uint64_t committed = 0;
  std::uint64_t sent = 0;
  std::uint64_t estimated = 0;
  int boots = 0;
  for (int walk = 1; walk <= walks; ++walk) {
    std::mt19937_64 random(static_cast<std::uint64_t>(walk));
    ClockWorld world({.seed = static_cast<std::uint64_t>(walk), .requires_sync = walk % 3 == 0});
    std::string story = "boot";
    const auto tell = [&](const std::string& what) { story += ", " + what; };
    const auto event = [&] {
      ++events;
      switch (random() % 12) {
        case 0:
          tell("set");
          return world.set_clock();
        case 1: {
          const auto by = std::chrono::seconds(static_cast<int>(random() % 180000) - 90000);
          tell("step " + std::to_string(by.count()));
          return world.step_clock(by);
        }
        case 2:
          tell("leap");
          return world.step_clock(-1s);
        case 3:
          tell("slew");
          return world.step_clock(std::chrono::microseconds(static_cast<int>(random() % 20000) - 10000));
        case 4:
          tell("1970");
          return world.set_wall(static_cast<std::int64_t>(random() % 1'000'000'000'000));
        case 5:
          tell("unsynchronised");
          return world.set_synchronised(false);
        case 6:
          tell("synchronised");
          return world.set_synchronised(true);
        default:
          return;
      }
    };
    world.boot(random() % 2 == 0);
    for (int act = 0; act < 10 && world.wrong.empty(); ++act) {
      if (random() % 4 == 0) {
        tell("during run");
        world.during_run = [&] {
          event();
          world.commit_step();
        };
      }
      if (random() % 4 == 0) {
        tell("during batch");
        world.during_batch = [&] {
          event();
          world.commit_step();
        };
      }
      world.server_is_up = random() % 3 != 0;
      world.loses_answers = random() % 3 == 0;
      const bool cuts = random() % 4 == 0;
      if (cuts) world.cut_power_at_call(random() % 150);
      event();
      const auto time = std::chrono::seconds(1 + random() % 15);
      tell("run " + std::to_string(time.count()));
      world.run_for(time);
      if (cuts || random() % 4 == 0) {
        const bool has_clock = random() % 3 == 0;
        tell(has_clock ? "cut, boot with a clock" : "cut, boot without");
        world.boot(has_clock);
        ++boots;
      }
    }
    world.during_run = nullptr;
    world.during_batch = nullptr;
    world.set_clock();
    world.run_for(3s);
    finish(world);
    committed += world.committed();
    sent += world.sent_lines();
    estimated += world.estimated();
    ASSERT_FALSE(HasFailure()) << "walk " << walk << ": " << story;
  }
  std::printf(
      "clock: %d random walks, %llu events, %d boots; %llu points committed, %llu sent, %llu of them with an "
      "estimated time; lost 0, stamps off by 10 ms 0, lines changed after they were sent 0\n",
      walks, static_cast<unsigned long long>(events), boots, static_cast<unsigned long long>(committed),
      static_cast<unsigned long long>(sent), static_cast<unsigned long long>(estimated));
}

}  // namespace
}  // namespace vigile
