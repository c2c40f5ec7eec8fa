// SPDX-License-Identifier: Apache-2.0
// The delivery loop over a real log, with a scripted sink, and the test as the clock.
#include "delivery/delivery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "store/committer.h"
#include "support/fake_clock.h"
#include "support/refusing_log.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using State = DeliveryStatus::State;

class ScriptedSink final : public Sink {
 public:
  Outcome deliver(const Batch& batch, std::stop_token) override {
    std::string lines;
    for (const Payload& payload : batch.payloads) lines += inflate_payload(payload).value_or("?");
    ++requests;
    largest = std::max(largest, batch.raw_bytes);
    EXPECT_EQ(batch.raw_bytes, lines.size());
    EXPECT_EQ(static_cast<std::int64_t>(batch.points), std::count(lines.begin(), lines.end(), '\n'));
    const Outcome outcome = answer(lines);
    if (outcome.kind == Outcome::Kind::accepted) store(lines);
    return outcome;
  }
  void store(std::string_view lines) {
    while (!lines.empty()) {
      const std::size_t end = lines.find('\n');
      stored.emplace_back(lines.substr(0, end));
      lines.remove_prefix(end + 1);
    }
  }
  std::uint64_t max_batch_bytes() const override { return 8 << 20; }
  void close(std::chrono::nanoseconds) override {}

  std::function<Outcome(const std::string& lines)> answer = [](const std::string&) {
    return Outcome{.kind = Outcome::Kind::accepted};
  };
  std::vector<std::string> stored;
  int requests = 0;
  std::uint64_t largest = 0;
};

Outcome retry(std::string why = "down") {
  return {.kind = Outcome::Kind::retry_later, .message = std::move(why)};
}

class DeliveryTest : public ::testing::Test {
 protected:
  DeliveryTest() { EXPECT_TRUE(log_->set_sinks({"s"})); }
  void make(DeliveryOptions options = {}) {
    options.sink = "s";
    delivery_ = Delivery::make(options, *log_, sink_, clock_, &committer_);
  }
  // From here on readings are added to what the log takes when it can.
  void break_log(bool broken) { refuse_writes(dir_ / "log.db", broken); }
  void add(const std::string& lines) {
    committer_.add(ClockState::set, 1, 1,
                   static_cast<std::uint32_t>(std::count(lines.begin(), lines.end(), '\n')), lines);
  }
  // The delivery, and the log's writer beside it.
  void run_both_for(std::chrono::nanoseconds time) {
    for (const BootTime end = clock_.boot() + time; clock_.boot() < end;) {
      (void)committer_.step(clock_.boot());
      run_for(1s);
    }
  }
  void append(int points) {
    NewSegment made{.first_ns = to_ns(clock_.wall()),
                    .last_ns = to_ns(clock_.wall()),
                    .points = static_cast<std::uint32_t>(points)};
    for (int i = 0; i < points; ++i) made.lines += "m v=" + std::to_string(++line_) + " 1\n";
    ASSERT_TRUE(log_->append(made));
  }
  // Steps until `until`, moving the clock from one wish to the next.
  void run_to(BootTime until) {
    for (int steps = 0; steps < 100000; ++steps) {
      const BootTime next = delivery_->step({});
      if (next > until) break;
      clock_.advance_to(next);
    }
    clock_.advance_to(until);
  }
  void run_for(std::chrono::nanoseconds time) { run_to(clock_.boot() + time); }
  std::uint64_t backlog() { return log_->status().sinks.at(0).points; }

  TempDir dir_;
  FakeClock clock_;
  std::unique_ptr<Log> log_ = std::move(*Log::open({.path = dir_ / "log.db"}, clock_));
  Committer committer_{*log_, {}, clock_, [](std::uint64_t, std::string_view) {}, [] {}};
  ScriptedSink sink_;
  std::unique_ptr<Delivery> delivery_;
  int line_ = 0;
};

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
  EXPECT_LE(delivery_->status().batch_bytes, kServerLimit);
  EXPECT_EQ(delivery_->status().dead_letters, 0u);
  sink_.largest = 0;
  for (int i = 0; i < 100; ++i) append(100);
  run_for(5s);
  EXPECT_LE(sink_.largest, kServerLimit);
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

std::string without_bad(std::string lines) {
  for (std::size_t at = 0; (at = lines.find("bad")) != std::string::npos;) {
    lines.erase(at, lines.find('\n', at) + 1 - at);
  }
  return lines;
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
