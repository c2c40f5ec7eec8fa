// SPDX-License-Identifier: Apache-2.0
#include "store/log.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "log_fixture.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

TEST_F(LogTest, GivesBackWhatWasAppendedInOrder) {
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  const NewSegment first = segment(3, 1);
  EXPECT_EQ(*log_->append(first), 1u);
  clock_.advance(1s);
  EXPECT_EQ(append(2, 2), 2u);
  const auto read = undelivered("a");
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(lines_of(read[0]), first.lines);
  EXPECT_EQ(read[0].seq, 1u);
  EXPECT_EQ(read[0].points, 3u);
  EXPECT_EQ(read[0].first_ns, first.first_ns);
  EXPECT_EQ(read[0].last_ns, first.last_ns);
  EXPECT_EQ(read[0].boot_id, "boot-a");
  EXPECT_EQ(backlog("a"), 5u);
}

TEST_F(LogTest, ReadsWithinItsLimitsButAlwaysOne) {
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  for (int i = 0; i < 10; ++i) append(10, i);
  EXPECT_EQ(undelivered("a", 0, {.raw_bytes = 1}).size(), 1u);
  EXPECT_EQ(undelivered("a", 0, {.points = 35}).size(), 3u);
  EXPECT_EQ(undelivered("a", 8).size(), 3u);
}

TEST_F(LogTest, EachSinkHasItsOwnProgress) {
  open();
  ASSERT_TRUE(log_->set_sinks({"a", "b"}));
  for (int i = 0; i < 4; ++i) append(1, i);
  ASSERT_TRUE(log_->acknowledge("a", {1, 2}));
  ASSERT_TRUE(log_->acknowledge("b", {3, 3}));
  EXPECT_EQ(undelivered("a").front().seq, 3u);
  EXPECT_EQ(backlog("a"), 2u);
  const auto b = undelivered("b");  // up to what was acknowledged out of order
  ASSERT_EQ(b.size(), 2u);
  EXPECT_EQ(undelivered("b", 3).front().seq, 4u);
  EXPECT_EQ(backlog("b"), 3u);
  EXPECT_EQ(log_->acknowledge("c", {1, 1}).error().kind, ErrorKind::not_found);
}

TEST_F(LogTest, ProgressAndNumbersSurviveARestart) {
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  for (int i = 0; i < 5; ++i) append(2, i);
  ASSERT_TRUE(log_->acknowledge("a", {1, 2}));
  ASSERT_TRUE(log_->acknowledge("a", {4, 4}));
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_EQ(backlog("a"), 4u);
  EXPECT_EQ(undelivered("a").front().seq, 3u);
  EXPECT_EQ(append(1), 6u);
}

TEST_F(LogTest, ASinkThatLeftStaysListedUntilItIsForgotten) {
  open();
  ASSERT_TRUE(log_->set_sinks({"a", "old"}));
  append(3);
  ASSERT_TRUE(log_->acknowledge("a", {1, 1}));
  EXPECT_EQ(log_->forget_sink("old").error().kind, ErrorKind::config);
  ASSERT_TRUE(log_->set_sinks({"a"}));
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  const auto sinks = log_->status().sinks;
  ASSERT_EQ(sinks.size(), 2u);
  EXPECT_EQ(sinks[1].sink, "old");
  EXPECT_FALSE(sinks[1].known);
  EXPECT_EQ(sinks[1].points, 3u);
  ASSERT_TRUE(log_->forget_sink("old"));
  EXPECT_EQ(log_->status().sinks.size(), 1u);
  EXPECT_EQ(log_->forget_sink("old").error().kind, ErrorKind::not_found);
}

TEST_F(LogTest, ANewSinkGetsWhatIsHeld) {
  open();
  append(4);
  ASSERT_TRUE(log_->set_sinks({"late"}));
  EXPECT_EQ(backlog("late"), 4u);
}

TEST_F(LogTest, DeadLettersAreCommittedWithTheProgress) {
  open();
  ASSERT_TRUE(log_->set_sinks({"a", "b"}));
  append(2);
  ASSERT_TRUE(log_->acknowledge("a", {1, 1}, {{.refused_ns = 5, .line = "bad line", .reason = "no"}}));
  open();
  ASSERT_TRUE(log_->set_sinks({"a", "b"}));
  EXPECT_TRUE(undelivered("a").empty());
  const auto letters = log_->dead_letters("", 0, 10);
  ASSERT_EQ(letters->size(), 1u);
  EXPECT_EQ((*letters)[0].line, "bad line");
  EXPECT_EQ((*letters)[0].sink, "a");
  EXPECT_TRUE(log_->dead_letters("b", 0, 10)->empty());
  EXPECT_TRUE(log_->dead_letters("", (*letters)[0].id, 10)->empty());
  EXPECT_EQ(*log_->clear_dead_letters("b"), 0u);
  EXPECT_EQ(*log_->clear_dead_letters("a"), 1u);
  EXPECT_EQ(log_->status().dead_letters, 0u);
}

TEST_F(LogTest, DeliveredHistoryIsKeptForItsTimeAndUndeliveredForLonger) {
  options_.keep = 1h;
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  append(1);
  append(1);
  ASSERT_TRUE(log_->acknowledge("a", {1, 1}));
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  EXPECT_EQ(log_->status().segments, 2u);
  clock_.advance(2h);
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  EXPECT_EQ(log_->status().segments, 1u);
  EXPECT_EQ(log_->status().points, 1u);
  EXPECT_EQ(undelivered("a").front().seq, 2u);
  ASSERT_TRUE(log_->acknowledge("a", {2, 2}));
  clock_.advance(20min);
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  EXPECT_EQ(log_->status().segments, 0u);
  EXPECT_EQ(log_->status().dropped_points, 0u);
  open();  // numbers go on although nothing is left
  EXPECT_EQ(append(1), 3u);
  EXPECT_EQ(log_->status().appended_points, 3u);
  EXPECT_EQ(log_->status().points, 1u);
}

TEST_F(LogTest, ANumberIsNotUsedAgainWhenTheNewestSegmentWasRemovedFirst) {
  options_.keep = 1h;
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  append(2);
  append(3);
  append(4);
  ASSERT_TRUE(log_->acknowledge("a", {2, 3}));
  clock_.advance(2h);
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(log_->status().segments, 1u);
    EXPECT_EQ(log_->status().points, 2u);
    EXPECT_EQ(log_->last_seq(), 3u);
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
  }
  EXPECT_EQ(append(5), 4u);
  EXPECT_EQ(backlog("a"), 7u);
  open();
  EXPECT_EQ(log_->status().segments, 2u);
  EXPECT_EQ(log_->status().points, 7u);
}

TEST_F(LogTest, WaitingProgressIsWrittenWhenDue) {
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  append(1);
  ASSERT_TRUE(log_->acknowledge("a", {1, 1}));
  const auto next = log_->maintain(clock_.boot());
  ASSERT_TRUE(next && *next);
  EXPECT_EQ(**next, clock_.boot() + options_.progress_every);
  clock_.advance_to(**next);
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  EXPECT_GT(**log_->maintain(clock_.boot()), clock_.boot() + 1min);
}

// Appends incompressible segments until well past the cap and looks at the files after each.
class SizeCap : public LogTest, public ::testing::WithParamInterface<Overflow> {
 protected:
  NewSegment noise(std::mt19937_64& random, std::size_t bytes) {
    NewSegment made{.first_ns = to_ns(clock_.wall()), .last_ns = to_ns(clock_.wall()), .points = 1};
    while (made.lines.size() < bytes) made.lines += "m s=\"" + std::to_string(random()) + "\" 1\n";
    return made;
  }
  std::uint64_t file_bytes() {
    std::uint64_t total = 0;
    for (const char* suffix : {"", "-wal"}) {
      std::error_code absent;
      const auto size = std::filesystem::file_size(options_.path.string() + suffix, absent);
      if (!absent) total += size;
    }
    return total;
  }
};

TEST_P(SizeCap, IsNeverPassedAndDropsAreCountedExactly) {
  for (const std::uint64_t cap : {1u << 20, 3u << 20}) {
    options_.path = dir_ / ("cap" + std::to_string(cap));
    options_.max_size_bytes = cap;
    options_.overflow = GetParam();
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    std::mt19937_64 random(cap);
    std::uint64_t appended = 0;
    for (int i = 0; i < 400; ++i) {
      const auto seq = log_->append(noise(random, 1000 + random() % 40000));
      ASSERT_TRUE(seq) << seq.error().message;
      ++appended;
      ASSERT_LE(file_bytes(), cap) << i;
      const LogStatus status = log_->status();
      ASSERT_EQ(status.points + status.dropped_points, appended) << i;
      ASSERT_EQ(backlog("a"), status.points) << i;
    }
    const LogStatus status = log_->status();
    EXPECT_GT(status.dropped_points, 50u);
    EXPECT_EQ(*status.dropped_to_ns, to_ns(clock_.wall()));
    if (GetParam() == Overflow::drop_oldest) {
      EXPECT_EQ(status.last_seq, 400u);
      EXPECT_GT(status.first_seq, 50u);
    } else {
      EXPECT_EQ(status.first_seq, 1u);
    }
    EXPECT_GT(status.size_bytes, cap / 2);
    open();
    EXPECT_EQ(log_->status().dropped_points, status.dropped_points);
    EXPECT_EQ(log_->status().points, status.points);
  }
}

TEST_P(SizeCap, DeliveredHistoryGoesFirst) {
  options_.max_size_bytes = 1 << 20;
  options_.overflow = GetParam();
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    const auto seq = log_->append(noise(random, 20000));
    ASSERT_TRUE(seq);
    // Everything but the very first is delivered, out of order as live_first does it.
    if (*seq > 1) {
      ASSERT_TRUE(log_->acknowledge("a", {*seq, *seq}));
    }
    ASSERT_LE(file_bytes(), options_.max_size_bytes);
  }
  EXPECT_EQ(log_->status().dropped_points, 0u);
  EXPECT_EQ(undelivered("a").front().seq, 1u);
  EXPECT_EQ(backlog("a"), 1u);
}

INSTANTIATE_TEST_SUITE_P(Overflow, SizeCap, ::testing::Values(Overflow::drop_oldest, Overflow::drop_newest));

TEST_F(LogTest, ALowerCapShrinksTheFile) {
  options_.max_size_bytes = 8 << 20;
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  std::mt19937_64 random(1);
  for (int i = 0; i < 100; ++i) {
    NewSegment noise{.points = 1};
    while (noise.lines.size() < 40000) noise.lines += std::to_string(random());
    ASSERT_TRUE(log_->append(noise));
  }
  LogOptions smaller = options_;
  smaller.max_size_bytes = 1 << 20;
  ASSERT_TRUE(log_->set_limits(smaller));
  EXPECT_LE(log_->status().size_bytes, smaller.max_size_bytes);
  EXPECT_EQ(log_->status().points + log_->status().dropped_points, 100u);
  EXPECT_GT(log_->status().points, 5u);
}

TEST_F(LogTest, ASecondOneIsRefusedAndNamesTheHolder) {
  open();
  options_.may_be_away = true;  // it is not
  const auto second = Log::open(options_, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::unavailable);
  EXPECT_NE(second.error().message.find("process " + std::to_string(::getpid())), std::string::npos)
      << second.error().message;
}

// A child appends and says so; it is killed at a random moment, again and again on the same log.
TEST_F(LogTest, AfterKillNothingCommittedIsLostAndProgressIsNeverAhead) {
  std::mt19937_64 random(7);
  std::uint64_t last_said = 0;
  for (int round = 0; round < 40; ++round) {
    int said[2];
    ASSERT_EQ(::pipe(said), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto log = Log::open(options_, clock_);
      if (!log || !(*log)->set_sinks({"a"})) ::_exit(1);
      for (std::uint64_t i = 0;; ++i) {
        const auto seq = (*log)->append(segment(20, (*log)->last_seq() + 1));
        if (!seq || ::write(said[1], &*seq, sizeof *seq) != sizeof *seq) ::_exit(1);
        if (*seq > 3) (void)(*log)->acknowledge("a", {*seq - 3, *seq - 3});
      }
    }
    ::close(said[1]);
    std::uint64_t seq = 0;
    const std::uint64_t enough = last_said + random() % 12;
    while (seq < enough + 1 && ::read(said[0], &seq, sizeof seq) == sizeof seq) {
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(said[0], &seq, sizeof seq) == sizeof seq) {
    }
    ::close(said[0]);
    ASSERT_GT(seq, 0u);
    last_said = seq;

    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    ASSERT_GE(log_->last_seq(), last_said);
    std::uint64_t expected = 1;
    for (std::uint64_t from = 0;;) {
      const auto held = *log_->read_history(INT64_MIN, INT64_MAX, from, {});
      if (held.empty()) break;
      for (const StoredSegment& one : held) {
        ASSERT_EQ(one.seq, expected++);
        ASSERT_EQ(lines_of(one).substr(0, 9 + std::to_string(one.seq).size()),
                  "m,number=" + std::to_string(one.seq));
      }
      from = held.back().seq + 1;
    }
    ASSERT_GT(expected, last_said);
    // The last three were never acknowledged.
    const std::uint64_t newest = log_->last_seq();
    const auto waiting = undelivered("a", newest > 2 ? newest - 2 : 1);
    ASSERT_FALSE(waiting.empty());
    ASSERT_EQ(waiting.back().seq, newest);
    log_.reset();
  }
}

TEST_F(LogTest, RefusesANewerSchemaAndLeavesItUntouched) {
  open();
  append(2);
  sql("PRAGMA user_version = 99");
  const auto size = std::filesystem::file_size(options_.path);
  const auto refused = Log::open(options_, clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::corrupt);
  EXPECT_NE(refused.error().message.find("99"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(options_.path), size);
  sql("PRAGMA user_version = 3");
  open();
  EXPECT_EQ(log_->status().points, 2u);
}

}  // namespace
}  // namespace vigile
