// SPDX-License-Identifier: Apache-2.0
// Dead letters that are put back in the queue.
#include <gmock/gmock.h>

#include <random>
#include <set>

#include "delivery_fixture.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = DeliveryStatus::State;

class ResendingTest : public DeliveryTest {
 protected:
  // Two good lines and three dead letters.
  void make_letters(DeliveryOptions options = {.every = 1s}) {
    make(options);
    ASSERT_TRUE(
        log_->append({.points = 5, .lines = "a v=1 1\nbad1 v=1 1\nb v=1 1\nbad2 v=1 1\nbad3 v=1 1\n"}));
    refuse("bad");
    run_for(2s);
    ASSERT_EQ(letters(), (std::vector<std::string>{"bad1 v=1 1", "bad2 v=1 1", "bad3 v=1 1"}));
  }
  void refuse(const std::string& what) {
    sink_.answer = [what](const std::string& lines) {
      const bool bad = lines.find(what) != std::string::npos;
      return Outcome{.kind = bad ? Outcome::Kind::malformed : Outcome::Kind::accepted,
                     .message = "no " + what};
    };
  }
  std::vector<std::string> letters() {
    std::vector<std::string> lines;
    const auto held = log_->dead_letters("s", 0, 100).value();
    for (const DeadLetter& letter : held) lines.push_back(letter.line);
    return lines;
  }
};

TEST_F(ResendingTest, ArriveAndAreNoDeadLettersAnyMore) {
  make_letters();
  refuse("nothing");
  run_for(10s);
  EXPECT_EQ(letters().size(), 3u);  // nobody has asked for it
  EXPECT_EQ(log_->resend_dead_letters({}).value(), 3u);
  run_for(2s);
  EXPECT_TRUE(letters().empty());
  EXPECT_EQ(log_->status().dead_letters, 0u);
  EXPECT_THAT(sink_.stored, ElementsAre("a v=1 1", "b v=1 1", "bad1 v=1 1", "bad2 v=1 1", "bad3 v=1 1"));
}

TEST_F(ResendingTest, ByIdAndByReason) {
  make_letters();
  refuse("nothing");
  const auto all = log_->dead_letters("s", 0, 100).value();
  EXPECT_EQ(log_->resend_dead_letters({.id = all[1].id}).value(), 1u);
  run_for(2s);
  EXPECT_THAT(letters(), ElementsAre("bad1 v=1 1", "bad3 v=1 1"));
  EXPECT_EQ(log_->resend_dead_letters({.reason = "another"}).value(), 0u);
  EXPECT_EQ(log_->resend_dead_letters({.sink = "s", .id = all[0].id, .reason = "o bad"}).value(), 1u);
  run_for(2s);
  EXPECT_THAT(letters(), ElementsAre("bad3 v=1 1"));
  EXPECT_EQ(log_->resend_dead_letters({.sink = "t"}).error().kind, ErrorKind::not_found);
  const auto gone = log_->resend_dead_letters({.id = all[0].id});
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().message, HasSubstr("no dead letter " + std::to_string(all[0].id)));
}

TEST_F(ResendingTest, OfASinkThatIsNotInTheSettingsAnyMoreItIsSaid) {
  make_letters();
  const std::uint64_t id = log_->dead_letters("s", 0, 100).value().front().id;
  ASSERT_TRUE(log_->set_sinks({"renamed"}));
  for (const DeadLetterChoice& choice : {DeadLetterChoice{}, DeadLetterChoice{.sink = "s"},
                                         DeadLetterChoice{.id = id}, DeadLetterChoice{.reason = "bad"}}) {
    const auto none = log_->resend_dead_letters(choice);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().kind, ErrorKind::not_found);
    EXPECT_THAT(none.error().message, HasSubstr("no sink \"s\" in the settings"));
    EXPECT_THAT(none.error().message, HasSubstr("export --sink s"));
  }
  ASSERT_TRUE(log_->set_sinks({"renamed", "s"}));
  EXPECT_EQ(log_->resend_dead_letters({}).value(), 3u);
}

TEST_F(ResendingTest, WhatIsRefusedAgainIsADeadLetterWithTheNewReason) {
  make_letters();
  refuse("bad2");
  EXPECT_EQ(log_->resend_dead_letters({}).value(), 3u);
  run_for(5s);
  ASSERT_THAT(letters(), ElementsAre("bad2 v=1 1"));
  const DeadLetter letter = log_->dead_letters("s", 0, 100).value()[0];
  EXPECT_EQ(letter.reason, "no bad2");
  EXPECT_FALSE(letter.resend);
  EXPECT_EQ(log_->status().dead_letters, 1u);
}

// Servers that are down, or refuse for another cause: what is new goes on, and the letters stay in the queue.
TEST_F(ResendingTest, HoldNothingUp) {
  for (const auto kind : {Outcome::Kind::paused, Outcome::Kind::retry_later}) {
    make_letters();
    sink_.answer = [kind](const std::string& lines) {
      return Outcome{.kind = lines.find("bad") != std::string::npos ? kind : Outcome::Kind::accepted};
    };
    EXPECT_EQ(log_->resend_dead_letters({}).value(), 3u);
    run_for(2s);
    const std::size_t before = sink_.stored.size();
    const int requests = sink_.requests;
    for (int i = 0; i < 20; ++i) {
      append(10);
      run_for(1s);
    }
    run_for(1s);
    EXPECT_EQ(backlog(), 0u);
    EXPECT_EQ(sink_.stored.size(), before + 200);
    EXPECT_LE(sink_.requests - requests, 22);
    EXPECT_EQ(letters().size(), 3u);
    refuse("nothing");
    run_for(301s);
    EXPECT_TRUE(letters().empty());
  }
}

// The queue is in the log, and letters go only once they have arrived.
TEST_F(ResendingTest, SurviveARestartAndALogThatCannotBeWritten) {
  make_letters();
  EXPECT_EQ(log_->resend_dead_letters({}).value(), 3u);
  delivery_.reset();
  make({.every = 1s});
  refuse("nothing");
  break_log(true);
  run_for(10s);
  EXPECT_GE(sink_.stored.size(), 5u);
  break_log(false);
  run_for(10s);
  EXPECT_TRUE(letters().empty());
}

// Letters whose search is under way while a new batch is refused.
TEST_F(ResendingTest, RandomWalksEndWithEverythingInItsPlace) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    sink_.stored.clear();
    std::mt19937_64 random(seed);
    make({.every = 1s, .seed = seed});
    std::multiset<std::string> good;
    int bad = 0;
    for (int step = 0; step < 30; ++step) {
      std::string lines;
      for (int i = 0; i < 5; ++i) {
        const bool is_bad = random() % 4 == 0;
        const std::string line = (is_bad ? "bad" : "good") + std::to_string(++line_) + " v=1 1";
        lines += line + "\n";
        good.insert(line);
        bad += is_bad;
      }
      ASSERT_TRUE(log_->append({.points = 5, .lines = lines}));
      refuse(random() % 2 == 0 ? "bad" : "bad" + std::to_string(random() % 10));
      if (random() % 3 == 0) {
        ASSERT_TRUE(log_->resend_dead_letters({}));
      }
      for (std::uint64_t i = random() % 12; i > 0; --i) clock_.advance_to(delivery_->step({}));
    }
    EXPECT_GT(bad, 0);
    refuse("nothing");
    run_for(10s);
    ASSERT_TRUE(log_->resend_dead_letters({}));
    run_for(310s);
    EXPECT_TRUE(letters().empty());
    EXPECT_EQ(log_->status().dead_letters, 0u);
    const std::set<std::string> stored(sink_.stored.begin(), sink_.stored.end());
    EXPECT_EQ(stored, std::set<std::string>(good.begin(), good.end())) << seed;
  }
}

}  // namespace
}  // namespace vigile
