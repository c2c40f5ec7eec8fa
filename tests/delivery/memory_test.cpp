// SPDX-License-Identifier: Apache-2.0
// What the log does not take: the delivery has it from memory.
#include <algorithm>
#include <optional>
#include <random>
#include <set>

#include "delivery_fixture.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

TEST_F(DeliveryTest, WhatTheLogDoesNotTakeIsSentFromMemoryAndOnce) {
  make({.every = 10s});
  append(1000);
  break_log(true);
  add("m w=1 1\n");
  run_both_for(5s);
  add("m w=2 1\n");
  EXPECT_EQ(std::count(sink_.stored.begin(), sink_.stored.end(), "m w=1 1"), 0) << "it may be a hiccup";
  run_both_for(30s);
  EXPECT_EQ(sink_.stored.size(), 1002u);
  EXPECT_EQ(delivery_->status().delivered_points, 1002u);
  EXPECT_EQ(committer_.status().waiting_points, 2u) << "for the history";
  const int requests = sink_.requests;
  run_both_for(60s);
  EXPECT_EQ(sink_.requests, requests);
  break_log(false);
  add("m w=3 1\n");
  run_both_for(60s);
  EXPECT_EQ(sink_.stored.size(), 1003u);
  EXPECT_EQ(backlog(), 0u);
  EXPECT_EQ(log_->status().points, 1003u);
}

TEST_F(DeliveryTest, AtTheEndItSendsWhatTheLogDidNotTake) {
  make({.every = 1h, .batch_bytes = 1});
  append(1);  // the log has it
  break_log(true);
  for (const char* line : {"m w=1 1\n", "m w=2 1\n", "m w=3 1\n"}) {
    add(line);
    EXPECT_FALSE(committer_.commit_now());
    committer_.hand_out_now();
    (void)committer_.read_waiting("another", 0, {});  // each is a segment
  }
  sink_.answer = [&](const std::string& lines) {
    return lines == "m w=3 1\n" && sink_.requests == 3 ? retry() : Outcome{.kind = Outcome::Kind::accepted};
  };
  delivery_->send_waiting();
  EXPECT_EQ(sink_.stored, (std::vector<std::string>{"m w=1 1", "m w=2 1"})) << "it does not insist";
  delivery_->send_waiting();
  EXPECT_EQ(sink_.stored.back(), "m w=3 1");
  const int requests = sink_.requests;
  delivery_->send_waiting();
  EXPECT_EQ(sink_.requests, requests);
}

TEST_F(DeliveryTest, MemoryGoesBeforeTheBacklogWhichIsSafe) {
  for (int i = 0; i < 100; ++i) append(1000);
  make({.every = 10s, .batch_bytes = 16 << 10});
  break_log(true);
  add("m w=1 1\n");
  clock_.advance(1s);
  (void)committer_.step(clock_.boot());
  clock_.advance(10s);
  delivery_->flush();
  delivery_->step({});
  EXPECT_EQ(sink_.stored, std::vector<std::string>{"m w=1 1"});
}

TEST_F(DeliveryTest, ABadLineInMemoryHoldsNothingUp) {
  make({.every = 10s});
  sink_.answer = [&](const std::string& lines) {
    return lines.find("bad") == std::string::npos
               ? Outcome{.kind = Outcome::Kind::accepted}
               : Outcome{.kind = Outcome::Kind::malformed, .message = "unable to parse"};
  };
  break_log(true);
  add("m w=0 1\n");
  run_both_for(15s);
  for (int i = 1; i < 5; ++i) {
    add((i == 2 ? "bad w=" : "m w=") + std::to_string(i) + " 1\n");
    (void)committer_.read_waiting("another", 0, {});  // each is a segment
  }
  run_both_for(60s);
  EXPECT_EQ(std::set<std::string>(sink_.stored.begin(), sink_.stored.end()),
            (std::set<std::string>{"m w=0 1", "m w=1 1", "m w=3 1", "m w=4 1"}));
  EXPECT_EQ(delivery_->status().dead_letters, 0u);
  const int requests = sink_.requests;
  run_both_for(60s);
  EXPECT_EQ(sink_.requests, requests) << "it waits";
  break_log(false);
  run_both_for(60s);
  EXPECT_EQ(delivery_->status().dead_letters, 1u);
  EXPECT_EQ(log_->dead_letters("s", 0, 10)->at(0).line, "bad w=2 1");
  EXPECT_EQ(backlog(), 0u);
}

// What a test writes to the log, while it lives.
class SaidMeanwhile {
 public:
  SaidMeanwhile() { ::testing::internal::CaptureStderr(); }
  std::size_t count(std::string_view part) {
    if (!text_) text_ = ::testing::internal::GetCapturedStderr();
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text_->find(part, at)) != std::string::npos; ++at) ++found;
    return found;
  }
  ~SaidMeanwhile() { (void)count("-"); }

 private:
  std::optional<std::string> text_;
};

TEST_F(DeliveryTest, DeadLettersThatTheLogDoesNotTakeHoldNoMemoryUp) {
  SaidMeanwhile said;
  make({.every = 10s});
  sink_.answer = [&](const std::string& lines) {
    return lines.find("m v=3 ") == std::string::npos
               ? Outcome{.kind = Outcome::Kind::accepted}
               : Outcome{.kind = Outcome::Kind::malformed, .message = "unable to parse"};
  };
  append(5);
  break_log(true);
  add("m w=1 1\n");
  run_both_for(60s);
  add("m w=2 1\n");
  run_both_for(60s);
  EXPECT_EQ(std::count(sink_.stored.begin(), sink_.stored.end(), "m w=1 1"), 1);
  EXPECT_EQ(std::count(sink_.stored.begin(), sink_.stored.end(), "m w=2 1"), 1);
  EXPECT_EQ(delivery_->status().dead_letters, 0u);
  EXPECT_NE(delivery_->status().reason.find("refused"), std::string::npos) << delivery_->status().reason;
  break_log(false);
  run_both_for(60s);
  EXPECT_EQ(log_->dead_letters("s", 0, 10)->size(), 1u);
  EXPECT_EQ(backlog(), 0u);
  EXPECT_EQ(said.count("sink s: the log: "), 2u) << "once that it fails, once that it works again";
}

// A log that fails and comes back, a sink that does: at the end every reading is stored, or counted as
// dropped.
TEST_F(DeliveryTest, RandomWalksWithALogThatFails) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    std::mt19937_64 random(seed);
    sink_ = ScriptedSink();
    committer_.set_options({.memory_bytes = seed % 2 == 0 ? 2000u : 1u << 20});
    committer_.set_sinks({"s"});
    make({.every = 3s, .live_first = seed % 3 == 0, .batch_bytes = 3000, .seed = seed});
    const CommitterStatus before = committer_.status();
    bool is_broken = false, is_down = false;
    sink_.answer = [&](const std::string& lines) {
      if (is_down) return retry();
      if (lines.find("bad") == std::string::npos) return Outcome{.kind = Outcome::Kind::accepted};
      if (random() % 2 == 0) return Outcome{.kind = Outcome::Kind::malformed, .message = "x"};
      sink_.store(without_bad(lines));
      return Outcome{.kind = Outcome::Kind::partial, .message = "y"};
    };
    std::set<std::string> good;
    for (int i = 0; i < 300; ++i) {
      if (random() % 25 == 0) break_log(is_broken = !is_broken);
      if (random() % 25 == 0) is_down = !is_down;
      std::string lines;
      for (std::uint64_t n = 1 + random() % 10; n > 0; --n) {
        const bool is_bad = random() % 60 == 0;
        const std::string line = (is_bad ? "bad v=" : "m v=") + std::to_string(++line_) + " 1";
        if (!is_bad) good.insert(line);
        lines += line + "\n";
      }
      add(lines);
      run_both_for(1s);
    }
    if (is_broken) break_log(false);
    is_down = false;
    run_both_for(10min);
    delivery_->flush();
    run_both_for(1min);
    EXPECT_EQ(backlog(), 0u) << seed;
    std::set<std::string> missing = good;
    for (const std::string& line : sink_.stored) missing.erase(line);
    const std::uint64_t dropped = committer_.status().dropped_points - before.dropped_points;
    // More, when what is dropped holds lines that a server stored and refused others beside.
    EXPECT_LE(missing.size(), dropped) << seed;
    if (seed % 2 != 0) {
      EXPECT_EQ(dropped, 0u) << seed;
      EXPECT_EQ(sink_.stored.size() >= good.size(), true);
    }
  }
}

}  // namespace
}  // namespace vigile
