// SPDX-License-Identifier: Apache-2.0
#include "store/committer.h"

#include "log_fixture.h"
#include "store/history.h"
#include "support/refusing_log.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

class CommitterTest : public LogTest {
 protected:
  void make(CommitterOptions options = {}) {
    open();
    committer_ = std::make_unique<Committer>(
        *log_, options, clock_,
        [this](std::uint64_t seq, std::string_view lines) {
          last_seq_ = seq;
          committed_ += lines;
        },
        [this] { ++wakes_; });
  }
  void add(int points, ClockState clock = ClockState::set) {
    std::string lines;
    for (int i = 0; i < points; ++i) lines += "m v=1 " + std::to_string(++time_) + "\n";
    committer_->add(clock, time_ - points + 1, time_, static_cast<std::uint32_t>(points), lines);
  }
  void break_log(bool broken) { refuse_writes(options_.path, broken); }
  // Adds to a broken log, and waits until sinks may have it from memory.
  void add_and_wait(int points) {
    add(points);
    clock_.advance(1s);
    EXPECT_TRUE(committer_->step(clock_.boot()));
    clock_.advance(10s);
  }
  std::string waiting_for(const std::string& sink, std::uint64_t from = 0) {
    std::string lines;
    for (const StoredSegment& one : committer_->read_waiting(sink, from, {}))
      lines += inflate_payload(one.view()).value_or("?");
    return lines;
  }

  std::unique_ptr<Committer> committer_;
  std::string committed_;
  std::uint64_t last_seq_ = 0;
  int wakes_ = 0;
  std::int64_t time_ = 0;
};

TEST_F(CommitterTest, CommitsTogetherWhatComesWithinCommitEvery) {
  make();
  EXPECT_FALSE(committer_->step(clock_.boot()));  // nothing waits: no wake-up
  add(3);
  add(2);
  EXPECT_EQ(wakes_, 1);
  EXPECT_EQ(*committer_->step(clock_.boot()), clock_.boot() + 1s);
  EXPECT_EQ(log_->last_seq(), 0u);
  clock_.advance(1s);
  EXPECT_FALSE(committer_->step(clock_.boot()));
  EXPECT_EQ(log_->last_seq(), 1u);
  EXPECT_EQ(log_->status().points, 5u);
  EXPECT_EQ(last_seq_, 1u);
  EXPECT_EQ(std::count(committed_.begin(), committed_.end(), '\n'), 5);
  EXPECT_EQ(committer_->status().committed_points, 5u);
  EXPECT_EQ(committer_->status().waiting_points, 0u);
}

TEST_F(CommitterTest, ASegmentHasOneStateOfTheClock) {
  make();
  add(1, ClockState::unset);
  add(1, ClockState::set);
  ASSERT_TRUE(committer_->commit_now());
  EXPECT_EQ(log_->status().segments, 2u);
}

TEST_F(CommitterTest, WhatCannotBeCommittedWaitsInABoundedRingAndIsCountedExactly) {
  make({.memory_bytes = 4096});
  break_log(true);
  add(10);
  clock_.advance(1s);
  const auto retry = committer_->step(clock_.boot());
  ASSERT_TRUE(retry);
  EXPECT_EQ(*retry, clock_.boot() + 1s);
  EXPECT_FALSE(committer_->status().last_error.empty());
  std::uint64_t added = 10;
  for (int i = 0; i < 500; ++i) {
    add(7);
    added += 7;
    const CommitterStatus status = committer_->status();
    ASSERT_LE(status.waiting_bytes, 4096u);
    ASSERT_EQ(status.waiting_points + status.dropped_points, added);
  }
  const CommitterStatus full = committer_->status();
  EXPECT_EQ(*full.dropped_from_ns, 1);  // the oldest
  EXPECT_EQ(static_cast<std::uint64_t>(*full.dropped_to_ns), full.dropped_points);
  EXPECT_GT(full.waiting_bytes, 3000u);

  break_log(false);
  clock_.advance(30s);
  EXPECT_FALSE(committer_->step(clock_.boot()));
  EXPECT_TRUE(committer_->status().last_error.empty());
  EXPECT_EQ(log_->status().points, full.waiting_points);
  EXPECT_EQ(log_->status().points + committer_->status().dropped_points, added);
}

TEST_F(CommitterTest, AStatusChangeIsCommittedAtOnceWithAllThatWaits) {
  make();
  add(3);
  EXPECT_EQ(wakes_, 1);
  const std::vector<StatusChange> changes = {{.equipment_id = "a", .time_ns = 7, .new_status = "offline"}};
  committer_->add(ClockState::set, 7, 7, 1, "m v=1 7\n", changes);
  EXPECT_EQ(wakes_, 2);
  EXPECT_FALSE(committer_->step(clock_.boot()));
  EXPECT_EQ(log_->status().segments, 1u);
  EXPECT_EQ(log_->status().points, 4u);
  EXPECT_EQ(log_->history().status_changes("a", {0, 10}, 10)->size(), 1u);
  add(1);
  EXPECT_TRUE(committer_->step(clock_.boot()));  // and after it as ever
}

TEST_F(CommitterTest, ChangesOutliveTheLinesBesideThem) {
  make({.memory_bytes = 4096});
  break_log(true);
  const auto change = [&](int number, ClockState clock) {
    const std::vector<StatusChange> changes = {
        {.equipment_id = "a", .time_ns = number, .new_status = std::to_string(number)}};
    committer_->add(clock, number, number, 1, "m v=1 7\n", changes);
  };
  change(1, ClockState::unset);
  clock_.advance(1s);
  EXPECT_TRUE(committer_->step(clock_.boot()));
  for (int i = 2; i <= 400; ++i) {
    change(i, i < 100 ? ClockState::unset : ClockState::set);
    add(5, i < 100 ? ClockState::unset : ClockState::set);
    ASSERT_LE(committer_->status().waiting_bytes, 4096u);
  }
  EXPECT_GT(committer_->status().dropped_points, 1000u);
  EXPECT_EQ(committer_->status().waiting_changes, 400u);
  break_log(false);
  clock_.advance(30s);
  EXPECT_FALSE(committer_->step(clock_.boot()));
  EXPECT_EQ(committer_->status().waiting_changes, 0u);
  EXPECT_EQ(log_->status().points, committer_->status().committed_points);
  const auto set = *log_->history().status_changes("a", {0, 1000}, 1000);
  ASSERT_EQ(set.size(), 301u);
  EXPECT_EQ(set.front().time_ns, 100);
  ASSERT_TRUE(log_->repair_clock(1000));
  EXPECT_EQ(log_->history().status_changes("a", {1000, 2000}, 1000)->size(), 99u);
}

TEST_F(CommitterTest, SinksHaveFromMemoryWhatTheLogDoesNotTakeForAWhile) {
  make();
  ASSERT_TRUE(log_->set_sinks({"a", "b"}));
  break_log(true);
  add(2);
  clock_.advance(1s);
  EXPECT_TRUE(committer_->step(clock_.boot()));
  EXPECT_EQ(waiting_for("a"), "") << "a hiccup";
  clock_.advance(10s);
  const auto first = committer_->read_waiting("a", 0, {});
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].points, 2u);
  EXPECT_EQ(first[0].first_ns, 1);
  EXPECT_EQ(first[0].last_ns, 2);
  add(1);  // what was handed out does not change
  EXPECT_EQ(waiting_for("a"), "m v=1 1\nm v=1 2\nm v=1 3\n") << "not sent yet";
  committer_->sent("a", {first[0].seq, first[0].seq});
  EXPECT_EQ(waiting_for("a"), "m v=1 3\n");
  EXPECT_EQ(waiting_for("b"), "m v=1 1\nm v=1 2\nm v=1 3\n");
  EXPECT_EQ(waiting_for("b", first[0].seq + 1), "m v=1 3\n");
  EXPECT_EQ(committer_->read_waiting("b", 0, {.raw_bytes = 1}).size(), 1u);

  break_log(false);
  clock_.advance(30s);
  EXPECT_FALSE(committer_->step(clock_.boot()));
  EXPECT_EQ(waiting_for("b"), "");
  EXPECT_EQ(log_->status().points, 3u);
  const auto of_a = undelivered("a");
  ASSERT_EQ(of_a.size(), 1u) << "it had the other";
  EXPECT_EQ(of_a[0].points, 1u);
  EXPECT_EQ(undelivered("b").size(), 2u);
  add(1);
  EXPECT_EQ(waiting_for("b"), "") << "the log takes what comes";
  ASSERT_TRUE(committer_->commit_now());
  log_.reset();
  open();
  ASSERT_TRUE(log_->set_sinks({"a", "b"}));
  EXPECT_EQ(undelivered("a").size(), 2u) << "kept";
}

TEST_F(CommitterTest, WhatASinkComesToHaveWhileItIsCommittedIsNotSentAgain) {
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  std::uint64_t number = 0;
  committer_ = std::make_unique<Committer>(
      *log_, CommitterOptions{}, clock_,
      [&](std::uint64_t, std::string_view) {
        committer_->sent("a", {number, number});
      },
      [] {});
  break_log(true);
  add_and_wait(3);
  number = committer_->read_waiting("a", 0, {}).at(0).seq;
  break_log(false);
  ASSERT_TRUE(committer_->commit_now());
  EXPECT_EQ(log_->status().points, 3u);
  EXPECT_TRUE(undelivered("a").empty());
}

TEST_F(CommitterTest, WhatHasNoTimeYetWaitsForTheLog) {
  make();
  break_log(true);
  add(2, ClockState::unset);
  add_and_wait(1);
  EXPECT_EQ(waiting_for("a"), "m v=1 3\n");
}

TEST_F(CommitterTest, WhatAllSinksHadIsTheFirstToGoAndIsNotLost) {
  make({.memory_bytes = 4096});
  ASSERT_TRUE(log_->set_sinks({"a", "b"}));
  committer_->set_sinks({"a", "b"});
  break_log(true);
  add_and_wait(100);  // some 900 bytes
  add(100);
  for (const std::string sink : {"a", "b"}) {
    for (const StoredSegment& one : committer_->read_waiting(sink, 0, {})) {
      if (sink == "a" || one.first_ns > 100) committer_->sent(sink, {one.seq, one.seq});
    }
  }
  while (committer_->status().dropped_points == 0) add(7);
  const CommitterStatus status = committer_->status();
  EXPECT_EQ(status.unrecorded_points, 100u) << "the second";
  EXPECT_EQ(status.dropped_points, 100u) << "b has not had it";
  EXPECT_EQ(*status.dropped_from_ns, 1);
  EXPECT_EQ(*status.dropped_to_ns, 100);
  EXPECT_EQ(status.waiting_points + 200, static_cast<std::uint64_t>(time_));
}

TEST_F(CommitterTest, AtTheEndSinksHaveAtOnceWhatIsLostElse) {
  make();
  committer_->set_sinks({"a", "b"});
  add(2);
  committer_->hand_out_now();
  EXPECT_EQ(waiting_for("a"), "") << "the log has not been asked";
  break_log(true);
  EXPECT_FALSE(committer_->commit_now());
  const auto first = committer_->read_waiting("a", 0, {});
  ASSERT_EQ(first.size(), 1u);
  add(1);
  committer_->sent("a", {first[0].seq, first[0].seq});
  EXPECT_EQ(committer_->unsent_points(), 3u);
  EXPECT_EQ(committer_->read_waiting("b", 0, {}).size(), 2u);
  committer_->sent("b", {first[0].seq, first[0].seq});
  EXPECT_EQ(committer_->unsent_points(), 1u);
}

TEST_F(CommitterTest, ManySmallSegmentsOfManyFlushesStayWithinMemory) {
  make({.memory_bytes = 64 << 10});
  break_log(true);
  add_and_wait(1);
  std::uint64_t next = 0;
  for (int i = 0; i < 2000; ++i) {
    next = committer_->read_waiting("a", next, {}).at(0).seq + 1;
    add(1);
  }
  EXPECT_LT(committer_->status().waiting_points, 130u) << "of 512 bytes each";
  EXPECT_GT(committer_->status().waiting_points, 100u);
  EXPECT_EQ(committer_->status().waiting_points + committer_->status().dropped_points, 2001u);
}

TEST_F(CommitterTest, RetriesAreSpacedOut) {
  make();
  break_log(true);
  add(1);
  BootTime at = clock_.boot() + 1s;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 7; ++i) {
    clock_.advance_to(at);
    const auto next = committer_->step(clock_.boot());
    waits.push_back(std::chrono::duration_cast<std::chrono::seconds>(*next - clock_.boot()).count());
    at = *next;
  }
  EXPECT_EQ(waits, (std::vector<std::int64_t>{1, 2, 4, 8, 16, 30, 30}));
  break_log(false);
}

}  // namespace
}  // namespace vigile
