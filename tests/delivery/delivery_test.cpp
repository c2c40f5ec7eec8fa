// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "delivery_fixture.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using State = DeliveryStatus::State;

TEST_F(DeliveryTest, TheFirstFlushWaitsARandomPartOfTheInterval) {
  std::set<std::int64_t> firsts;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    make({.every = 10s, .seed = seed});
    const auto wait = delivery_->step({}) - clock_.boot();
    EXPECT_GE(wait, 0s);
    EXPECT_LE(wait, 10s);
    firsts.insert(wait.count() / 1'000'000'000);
  }
  EXPECT_GT(firsts.size(), 4u);
}

TEST_F(DeliveryTest, EachIntervalSendsAllThereIsAndThenRests) {
  make({.every = 10s});
  for (int i = 0; i < 50; ++i) append(100);
  run_for(10s);
  EXPECT_EQ(sink_.stored.size(), 5000u);
  EXPECT_EQ(sink_.stored.front(), "m v=1 1");
  EXPECT_EQ(sink_.stored.back(), "m v=5000 1");
  EXPECT_EQ(backlog(), 0u);
  EXPECT_EQ(delivery_->status().state, State::idle);
  EXPECT_EQ(delivery_->status().delivered_points, 5000u);
  EXPECT_EQ(*delivery_->status().last_acknowledged <= clock_.wall(), true);
  const int before = sink_.requests;
  append(1);
  run_for(10s);
  EXPECT_EQ(sink_.requests, before + 1);
  run_for(100s);
  EXPECT_EQ(sink_.requests, before + 1);  // nothing to say, nothing sent
}

TEST_F(DeliveryTest, AConflictIsShownThoughReadingsArrive) {
  make({.every = 10s});
  append(1);
  sink_.conflict_now = {.reason = "another client connects as 'press'", .count = 2};
  run_for(10s);
  EXPECT_EQ(sink_.stored.size(), 1u);
  EXPECT_EQ(delivery_->status().state, State::conflict);
  EXPECT_EQ(delivery_->status().reason, "another client connects as 'press'");
  EXPECT_EQ(delivery_->status().conflicts, 2u);
  sink_.conflict_now.reason.clear();
  run_for(10s);
  EXPECT_EQ(delivery_->status().state, State::idle);
  EXPECT_EQ(delivery_->status().conflicts, 2u);
}

TEST_F(DeliveryTest, AFailureIsRetriedWithGrowingJitteredPauses) {
  make({.every = 1s});
  append(1);
  sink_.answer = [](const std::string&) { return retry(); };
  run_for(1s);
  std::vector<double> waits;
  for (int i = 0; i < 14; ++i) {
    const BootTime next = delivery_->step({});
    const double wait = std::chrono::duration<double>(next - clock_.boot()).count();
    if (wait > 0) waits.push_back(wait);
    clock_.advance_to(next);
  }
  for (std::size_t i = 0; i < waits.size(); ++i) EXPECT_LE(waits[i], 300.001);
  EXPECT_GT(*std::max_element(waits.begin(), waits.end()), 60);
  EXPECT_EQ(delivery_->status().state, State::retrying);
  EXPECT_EQ(delivery_->status().reason, "down");
  EXPECT_EQ(backlog(), 1u);
  sink_.answer = [](const std::string&) { return Outcome{.kind = Outcome::Kind::accepted}; };
  run_for(301s);
  EXPECT_EQ(sink_.stored.size(), 1u);
  EXPECT_EQ(backlog(), 0u);
  EXPECT_EQ(delivery_->status().reason, "");
}

// A server that was away has a whole fleet waiting: the first batch shows that it is back, the rest waits.
TEST_F(DeliveryTest, AfterAnOutageTheBacklogWaitsARandomPartOfTheInterval) {
  std::set<std::int64_t> waits;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    make({.every = 10s, .batch_bytes = 1000, .seed = seed});
    for (int i = 0; i < 5; ++i) append(100);
    sink_.answer = [](const std::string&) { return retry(); };
    run_for(1min);
    std::vector<BootTime> accepted;
    sink_.answer = [&](const std::string&) {
      accepted.push_back(clock_.boot());
      return Outcome{.kind = Outcome::Kind::accepted};
    };
    run_for(6min);
    EXPECT_EQ(backlog(), 0u);
    ASSERT_GE(accepted.size(), 3u);
    EXPECT_LE(accepted[1] - accepted[0], 10s);
    EXPECT_EQ(accepted[2], accepted[1]);
    waits.insert((accepted[1] - accepted[0]).count() / 1'000'000'000);
  }
  EXPECT_GT(waits.size(), 4u);
}

TEST_F(DeliveryTest, AFailureShorterThanAnIntervalHoldsNothingUp) {
  make({.every = 10s, .batch_bytes = 1000});
  for (int i = 0; i < 5; ++i) append(100);
  std::vector<BootTime> accepted;
  sink_.answer = [&](const std::string&) {
    if (sink_.requests == 1) return retry();
    accepted.push_back(clock_.boot());
    return Outcome{.kind = Outcome::Kind::accepted};
  };
  run_for(12s);
  ASSERT_EQ(accepted.size(), 5u);
  EXPECT_EQ(accepted.back(), accepted.front());
}

TEST_F(DeliveryTest, RetryAfterIsKeptToAtMostAnHour) {
  for (const auto& [told, kept] : {std::pair(90s, 90s), std::pair(86400s, 3600s)}) {
    make({.every = 1s});
    append(1);
    const auto seconds = told;
    sink_.answer = [seconds](const std::string&) {
      Outcome outcome = retry("429");
      outcome.retry_after = seconds;
      return outcome;
    };
    delivery_->flush();
    const auto wait = delivery_->step({}) - clock_.boot();
    EXPECT_GE(wait, kept);
    EXPECT_LE(wait, std::min<std::chrono::nanoseconds>(kept + 1s, 1h));  // a random part of the interval more
    EXPECT_EQ(delivery_->status().state, State::waiting);
    EXPECT_EQ(delivery_->step({}) - clock_.boot(), wait);  // asked too early: nothing is sent
  }
  EXPECT_EQ(sink_.requests, 2);
}

TEST_F(DeliveryTest, ARetryAfterOfNothingIsNoLeaveToHammer) {
  make({.every = 1s});
  append(1);
  sink_.answer = [](const std::string&) {
    Outcome outcome = retry("503");
    outcome.retry_after = 0s;
    return outcome;
  };
  run_for(30min);
  EXPECT_LT(sink_.requests, 60);
}

TEST_F(DeliveryTest, TimeOutsOfASlowLinkMakeBatchesSmallerUntilOneFits) {
  make({.every = 1s, .batch_bytes = 1 << 20});
  for (int i = 0; i < 400; ++i) append(100);
  sink_.answer = [this](const std::string& lines) {
    const auto needed = std::chrono::milliseconds(lines.size() / 2);  // 2 kB a second
    clock_.advance(std::min<std::chrono::nanoseconds>(needed, 30s));
    return needed > 30s ? retry("time-out") : Outcome{.kind = Outcome::Kind::accepted};
  };
  run_for(3h);
  EXPECT_EQ(backlog(), 0u);
  EXPECT_EQ(delivery_->status().delivered_points, 40000u);
}

TEST_F(DeliveryTest, APausedSinkKeepsEverythingTriesEveryFiveMinutesAndSaysWhy) {
  make({.every = 1s});
  append(5);
  sink_.answer = [](const std::string&) {
    return Outcome{.kind = Outcome::Kind::paused, .message = "401: token"};
  };
  run_for(20min);
  EXPECT_GE(sink_.requests, 4);
  EXPECT_LE(sink_.requests, 5);
  EXPECT_EQ(delivery_->status().state, State::paused);
  EXPECT_EQ(delivery_->status().reason, "401: token");
  EXPECT_EQ(backlog(), 5u);
  sink_.answer = [](const std::string&) { return Outcome{.kind = Outcome::Kind::accepted}; };
  delivery_->flush();  // somebody has acted, and does not want to wait
  delivery_->step({});
  EXPECT_EQ(backlog(), 0u);
}

TEST_F(DeliveryTest, WhatIsTooLargeIsHalvedAndLearned) {
  make({.every = 1s, .batch_bytes = 1 << 20});
  for (int i = 0; i < 200; ++i) append(100);
  constexpr std::uint64_t kServerLimit = 20000;
  sink_.answer = [](const std::string& lines) {
    return Outcome{.kind = lines.size() > kServerLimit ? Outcome::Kind::too_large : Outcome::Kind::accepted};
  };
  run_for(5s);
  EXPECT_EQ(backlog(), 0u);
  EXPECT_EQ(sink_.stored.size(), 20000u);
  EXPECT_LE(delivery_->status().batch_bytes, 2 * kServerLimit);
  EXPECT_EQ(delivery_->status().dead_letters, 0u);
  // More is tried again, but ever more rarely.
  const std::uint64_t before = delivery_->status().requests;
  int refused = 0;
  sink_.answer = [&](const std::string& lines) {
    if (lines.size() > kServerLimit) ++refused;
    return Outcome{.kind = lines.size() > kServerLimit ? Outcome::Kind::too_large : Outcome::Kind::accepted};
  };
  for (int i = 0; i < 3000; ++i) append(100);
  run_for(5s);
  EXPECT_EQ(backlog(), 0u);
  EXPECT_GT(delivery_->status().requests - before, 200u);
  EXPECT_LE(refused, 10);
}

TEST_F(DeliveryTest, ASegmentTooLargeAloneIsSplitAndALineTooLargeAloneIsADeadLetter) {
  make({.every = 1s});
  NewSegment made{.points = 3, .lines = "a v=1 1\n" + std::string(500, 'x') + " v=1 1\nb v=1 1\n"};
  ASSERT_TRUE(log_->append(made));
  sink_.answer = [](const std::string& lines) {
    return Outcome{.kind = lines.size() > 100 ? Outcome::Kind::too_large : Outcome::Kind::accepted,
                   .message = "413"};
  };
  run_for(2s);
  EXPECT_EQ(sink_.stored, (std::vector<std::string>{"a v=1 1", "b v=1 1"}));
  EXPECT_EQ(log_->dead_letters("s", 0, 10)->size(), 1u);
  EXPECT_EQ(backlog(), 0u);
}

TEST_F(DeliveryTest, SlowServersGetSmallerBatches) {
  make({.every = 1s, .batch_bytes = 1 << 20});
  for (int i = 0; i < 400; ++i) append(100);
  sink_.answer = [this](const std::string&) {
    clock_.advance(6s);
    return Outcome{.kind = Outcome::Kind::accepted};
  };
  run_for(60s);
  EXPECT_LT(delivery_->status().batch_bytes, 64u << 10);
}

TEST_F(DeliveryTest, BadLinesBecomeDeadLettersOnceAndTheRestArrives) {
  make({.every = 1s});
  for (int i = 0; i < 10; ++i) append(100);
  const auto bad = [](const std::string& line) { return line.find("v=333 ") != std::string::npos; };
  sink_.answer = [&](const std::string& lines) {
    return Outcome{.kind = bad(lines) ? Outcome::Kind::malformed : Outcome::Kind::accepted,
                   .message = "unable to parse"};
  };
  run_for(2s);
  EXPECT_EQ(sink_.stored.size(), 999u);
  const auto letters = *log_->dead_letters("s", 0, 10);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].line, "m v=333 1");
  EXPECT_EQ(letters[0].reason, "unable to parse");
  EXPECT_EQ(letters[0].refused_ns, to_ns(*delivery_->status().last_acknowledged));
  EXPECT_EQ(delivery_->status().dead_letters, 1u);
  EXPECT_EQ(delivery_->status().delivered_points, 999u);
  EXPECT_EQ(backlog(), 0u);
  EXPECT_LT(sink_.requests, 30);
}

TEST_F(DeliveryTest, AStopInTheMiddleAcknowledgesNothing) {
  make({.every = 1s});
  append(3);
  std::stop_source stop;
  sink_.answer = [&](const std::string&) {
    stop.request_stop();
    return retry("stopped");
  };
  delivery_->flush();
  delivery_->step(stop.get_token());
  EXPECT_EQ(backlog(), 3u);
  EXPECT_EQ(delivery_->status().failures, 0u);
}

TEST_F(DeliveryTest, LiveFirstSendsFreshReadingsBeforeTheBacklogAndPacesIt) {
  for (int i = 0; i < 100; ++i) append(100);  // an hour ago, so to say: about 110 kB
  make({.every = 1s, .live_first = true, .batch_bytes = 10000, .backlog_bytes_per_second = 2000});
  std::map<int, BootTime> arrived;
  sink_.answer = [&](const std::string& lines) {
    for (std::size_t at = 0; (at = lines.find("v=", at)) != std::string::npos; ++at) {
      arrived[std::atoi(lines.c_str() + at + 2)] = clock_.boot();
    }
    return Outcome{.kind = Outcome::Kind::accepted};
  };
  std::map<int, BootTime> made;
  for (int second = 0; second < 30; ++second) {
    append(1);
    made[line_] = clock_.boot();
    run_for(1s);
  }
  run_for(2s);
  for (const auto& [line, when] : made) {
    ASSERT_TRUE(arrived.count(line)) << line;
    EXPECT_LE(arrived[line] - when, 2s) << line;
  }
  const std::uint64_t sent = delivery_->status().delivered_bytes;
  EXPECT_LT(sent, 32u * 2000 + 2 * 10000 + 1000);
  EXPECT_GT(sent, 25u * 2000);
  run_for(60s);
  EXPECT_EQ(backlog(), 0u);
  EXPECT_EQ(arrived.size(), static_cast<std::size_t>(line_));
}

TEST_F(DeliveryTest, LiveFirstKeepsTheBacklogsBatchesShortOnASlowLink) {
  for (int i = 0; i < 2000; ++i) append(400);  // about 10 MB
  make({.every = 10s, .live_first = true, .batch_bytes = 1 << 20});
  std::map<int, BootTime> arrived;
  sink_.answer = [&](const std::string& lines) {
    clock_.advance(std::chrono::milliseconds(lines.size() / 16));  // 16 kB a second
    for (std::size_t at = 0; (at = lines.find("v=", at)) != std::string::npos; ++at) {
      arrived[std::atoi(lines.c_str() + at + 2)] = clock_.boot();
    }
    return Outcome{.kind = Outcome::Kind::accepted};
  };
  run_for(1min);  // it learns how slow the link is
  std::map<int, BootTime> made;
  for (int second = 0; second < 60; ++second) {
    append(1);
    made[line_] = clock_.boot();
    run_for(1s);
  }
  run_for(15s);
  EXPECT_GT(backlog(), 100'000u) << "nothing was tried";
  for (const auto& [line, when] : made) {
    ASSERT_TRUE(arrived.count(line)) << line;
    EXPECT_LE(arrived[line] - when, 13s) << line;
  }
}

// Any outcomes in any order: at the end every good line is stored, every bad one is a dead letter exactly
// once, and nothing else is.
TEST_F(DeliveryTest, RandomWalksEndWithEverythingInItsPlace) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    std::mt19937_64 random(seed);
    sink_ = ScriptedSink();
    make({.every = 1s, .live_first = seed % 2 == 0, .batch_bytes = 3000, .seed = seed});
    ASSERT_TRUE(log_->clear_dead_letters(""));
    std::set<std::string> good, bad;
    bool hostile = true;
    sink_.answer = [&](const std::string& lines) {
      if (hostile) {
        switch (random() % 8) {
          case 0:
            return retry();
          case 1:
            return Outcome{.kind = Outcome::Kind::paused, .message = "401"};
          case 2:
            sink_.store(without_bad(lines));
            return retry("reset after the write");
          case 3:
            if (lines.size() > 400) return Outcome{.kind = Outcome::Kind::too_large};
            break;
          default:
            break;
        }
      }
      if (lines.find("bad") == std::string::npos) return Outcome{.kind = Outcome::Kind::accepted};
      if (random() % 2 == 0) return Outcome{.kind = Outcome::Kind::malformed, .message = "x"};
      sink_.store(without_bad(lines));
      return Outcome{.kind = Outcome::Kind::partial, .message = "y"};
    };
    for (int i = 0; i < 60; ++i) {
      NewSegment made;
      for (std::uint64_t n = 1 + random() % 20; n > 0; --n, ++made.points) {
        const bool is_bad = random() % 40 == 0;
        const std::string line = (is_bad ? "bad v=" : "m v=") + std::to_string(++line_) + " 1";
        (is_bad ? bad : good).insert(line);
        made.lines += line + "\n";
      }
      ASSERT_TRUE(log_->append(made));
      run_for(500ms);
    }
    run_for(30min);
    hostile = false;
    for (int i = 0; i < 30; ++i) {
      delivery_->flush();
      run_for(10min);
    }
    EXPECT_EQ(backlog(), 0u) << seed;
    EXPECT_EQ(std::set<std::string>(sink_.stored.begin(), sink_.stored.end()), good) << seed;
    std::multiset<std::string> letters;
    const auto kept = log_->dead_letters("s", 0, 100000);
    for (const DeadLetter& letter : *kept) letters.insert(letter.line);
    EXPECT_EQ(letters, std::multiset<std::string>(bad.begin(), bad.end())) << seed;
  }
}

}  // namespace
}  // namespace vigile
