// SPDX-License-Identifier: Apache-2.0
#include "log_fixture.h"
#include "store/history.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

class LogClock : public LogTest {
 protected:
  void append_unset(std::int64_t boot_ns, const std::string& tags) {
    NewSegment made{.clock = ClockState::unset, .first_ns = boot_ns, .last_ns = boot_ns + 1, .points = 2};
    made.lines = "m" + tags + " s=\"a b 7\",v=1 " + std::to_string(boot_ns) + "\nm" + tags + " v=2 " +
                 std::to_string(boot_ns + 1) + "\n";
    ASSERT_TRUE(log_->append(made));
  }
};

TEST_F(LogClock, NothingIsSentBeforeItsTimeIsKnownAndThenItIsExact) {
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  append_unset(5000, ",zone=1");
  EXPECT_TRUE(undelivered("a").empty());
  EXPECT_EQ(backlog("a"), 2u);
  open();  // over a restart of the agent in the same boot
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_TRUE(undelivered("a").empty());
  append(1);  // the clock was set: what is stamped now need not wait
  EXPECT_EQ(undelivered("a").front().seq, 2u);

  EXPECT_EQ(*log_->repair_clock(1'000'000), 1u);
  const auto read = undelivered("a");
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(lines_of(read[0]), "m,zone=1 s=\"a b 7\",v=1 1005000\nm,zone=1 v=2 1005001\n");
  EXPECT_EQ(read[0].clock, ClockState::set);
  EXPECT_EQ(read[0].first_ns, 1005000);
  EXPECT_EQ(read[0].last_ns, 1005001);
  EXPECT_EQ(*log_->repair_clock(1'000'000), 0u);
}

TEST_F(LogClock, BootsWithoutAClockArePlacedAfterTheLastKnownTimeInOrder) {
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  append(1);
  const std::int64_t known = undelivered("a").front().last_ns;
  clock_.reboot("boot-b");
  open();
  append_unset(7000, ",a\\,b=1,zone=1");
  append_unset(9000, ",alpha=1");
  clock_.reboot("boot-c");
  open();
  append_unset(100, "");
  clock_.reboot("boot-d");
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  append_unset(50, ",zone=2");
  const std::int64_t epoch = known + 3'600'000'000'000;
  EXPECT_EQ(*log_->repair_clock(epoch), 4u);
  const auto read = undelivered("a");
  ASSERT_EQ(read.size(), 5u);
  EXPECT_EQ(lines_of(read[1]), "m,a\\,b=1,clock=estimated,zone=1 s=\"a b 7\",v=1 " +
                                   std::to_string(known + 1) + "\nm,a\\,b=1,clock=estimated,zone=1 v=2 " +
                                   std::to_string(known + 2) + "\n");
  EXPECT_EQ(read[1].clock, ClockState::estimated);
  EXPECT_EQ(read[2].first_ns, known + 1 + 2000);  // as far apart as they were
  EXPECT_EQ(lines_of(read[3]).substr(0, 18), "m,clock=estimated ");
  EXPECT_EQ(read[3].first_ns, read[2].last_ns + 1);
  EXPECT_EQ(lines_of(read[4]).substr(0, 9), "m,zone=2 ");
  EXPECT_EQ(read[4].clock, ClockState::set);
  EXPECT_EQ(read[4].first_ns, epoch + 50);
}

TEST_F(LogClock, ATagOfThatNameGivesWay) {
  open();
  append_unset(100, ",aisle=2,clock=a\\,b,zone=1");
  append_unset(200, ",clock=quartz");
  clock_.reboot("boot-b");
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_EQ(*log_->repair_clock(1'000'000), 2u);
  const auto read = undelivered("a");
  EXPECT_EQ(lines_of(read[0]).substr(0, 35), "m,aisle=2,clock=estimated,zone=1 s=");
  EXPECT_EQ(lines_of(read[1]).substr(0, 20), "m,clock=estimated s=");
}

TEST_F(LogClock, ReadingsThatComeAfterTheRepairAreRepairedToo) {
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_FALSE(log_->has_unset_times());
  EXPECT_EQ(*log_->repair_clock(1'000'000), 0u);
  append_unset(5000, "");
  EXPECT_TRUE(log_->has_unset_times());
  EXPECT_EQ(*log_->repair_clock(1'000'000), 1u);
  EXPECT_FALSE(log_->has_unset_times());
  EXPECT_EQ(undelivered("a").front().first_ns, 1'005'000);

  NewSegment change{.clock = ClockState::unset};
  change.changes = {StatusChange{"1", 7000, "online", "offline", "", {}}};
  ASSERT_TRUE(log_->append(change));
  EXPECT_TRUE(log_->has_unset_times());
  ASSERT_TRUE(log_->repair_clock(1'000'000));
  EXPECT_FALSE(log_->has_unset_times());
  EXPECT_EQ(log_->history().status_changes("1", {0, INT64_MAX}, 10)->at(0).time_ns, 1'007'000);
}

TEST_F(LogClock, WithNoKnownTimeAtAllItEndedWhenThisBootBegan) {
  open();
  append_unset(100, "");
  append_unset(900, "");
  clock_.reboot("boot-b");
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_EQ(*log_->repair_clock(1'000'000), 2u);
  const auto read = undelivered("a");
  EXPECT_EQ(read[1].last_ns, 999'999);
  EXPECT_EQ(read[0].first_ns, 999'999 - 801);
}

TEST_F(LogClock, WithNoKnownTimeAtAllNoBootWithoutAClockComesToLieAfterThisOne) {
  open();
  append_unset(100, "");
  append_unset(900, "");
  clock_.reboot("boot-b");
  open();
  append_unset(500, "");
  clock_.reboot("boot-c");
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  append_unset(300, "");
  EXPECT_EQ(*log_->repair_clock(1'000'000), 4u);
  const auto read = undelivered("a");
  EXPECT_EQ(read[0].first_ns, 1'000'000 - 2 - 802);
  EXPECT_EQ(read[1].last_ns, 1'000'000 - 3);
  EXPECT_EQ(read[2].last_ns, 999'999);
  EXPECT_EQ(read[3].first_ns, 1'000'300);
}

TEST_F(LogClock, TheLastKnownTimeIsKnownThoughItsSegmentsAreGone) {
  options_.keep = 1h;
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  append(1);
  const std::int64_t known = undelivered("a").front().last_ns;
  ASSERT_TRUE(log_->acknowledge("a", {1, 1}));
  clock_.advance(2h);
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  ASSERT_EQ(log_->status().segments, 0u);
  clock_.reboot("boot-b");
  open();
  append_unset(500, "");
  clock_.reboot("boot-c");
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_EQ(*log_->repair_clock(known + 7'200'000'000'000), 1u);
  EXPECT_EQ(undelivered("a").front().first_ns, known + 1);
}

}  // namespace
}  // namespace vigile
