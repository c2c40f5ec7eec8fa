// SPDX-License-Identifier: Apache-2.0
// One bit flipped in the number of one row: SQLite sees no damage, and looks in the wrong place.
#include <cstdio>
#include <random>

#include "log_fixture.h"
#include "store/history.h"
#include "support/row_numbers.h"

namespace vigile {
namespace {

constexpr int kSegments = 300;  // some leaves, and one page above them
constexpr std::uint32_t kPoints = 30;
constexpr int kInWal = 20;
constexpr std::uint64_t kAll = std::uint64_t{kSegments} * kPoints;

NewSegment segment_at(const Clock& clock, int number) {
  NewSegment made{.first_ns = to_ns(clock.wall()), .points = kPoints};
  made.last_ns = made.first_ns + kPoints - 1;
  for (std::uint32_t i = 0; i < kPoints; ++i) {
    made.lines += "m,number=" + std::to_string(number) + " value=" + std::to_string(i * 7) + " " +
                  std::to_string(made.first_ns + i) + "\n";
  }
  return made;
}

// What a log holds after a clean end, made once.
const std::string& full_log() {
  static const std::string bytes = [] {
    const TempDir dir;
    const FakeClock clock;
    LogOptions options;
    options.path = dir / "vigile.db";
    auto log = std::move(*Log::open(options, clock));
    EXPECT_TRUE(log->set_sinks({"a"}));
    for (int i = 1; i <= kSegments; ++i) EXPECT_TRUE(log->append(segment_at(clock, i)));
    EXPECT_TRUE(log->history().set_last_alive(to_ns(clock.wall())));
    log.reset();
    return read_file(options.path, 64 << 20).value_or("");
  }();
  return bytes;
}

class LogOrder : public LogTest {
 protected:
  void put_full_log() {
    log_.reset();
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path()))
      std::filesystem::remove_all(entry.path());
    std::ofstream(options_.path, std::ios::binary) << full_log();
  }
  void open_full_log() {
    put_full_log();
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
  }
  // As delivery reads.
  std::uint64_t deliver_all() {
    std::uint64_t points = 0;
    for (;;) {
      const auto read = undelivered("a", 0, {.raw_bytes = 20'000});
      if (read.empty()) return points;
      for (const auto& one : read) points += one.points;
      for (const auto& one : read) EXPECT_TRUE(log_->acknowledge("a", {one.seq, one.seq}));
    }
  }
  void expect_one_lost() {
    const LogStatus status = log_->status();
    EXPECT_EQ(status.damaged_segments, 1u);
    EXPECT_EQ(status.damaged_points, kPoints);
    EXPECT_FALSE(status.damaged_at_least);
    EXPECT_EQ(backlog("a"), 0u);
  }
  std::mt19937_64 random_{25};
};

TEST_F(LogOrder, AFlippedBitInARowNumberCostsThatSegmentWhileTheLogRuns) {
  for (int round = 0; round < 24; ++round) {
    open_full_log();
    for (int i = 1; i <= kInWal; ++i) append(kPoints);
    const std::uint64_t seq = 1 + random_() % (kSegments + kInWal);
    const std::size_t bit = random_() % (seq < 128 ? 8 : 16);
    SCOPED_TRACE("round " + std::to_string(round) + ": segment " + std::to_string(seq) + ", bit " +
                 std::to_string(bit));
    ASSERT_GT(flip_row_number(options_.path, seq, bit), 0);
    append(kPoints);
    EXPECT_EQ(deliver_all(), kAll + kInWal * kPoints);  // one lost, one more
    expect_one_lost();
    append(kPoints);
    EXPECT_EQ(deliver_all(), kPoints);
  }
}

TEST_F(LogOrder, AFlippedBitInARowNumberCostsThatSegmentAtTheNextStart) {
  for (int round = 0; round < 24; ++round) {
    put_full_log();
    const std::uint64_t seq = 1 + random_() % kSegments;
    const std::size_t bit = random_() % (seq < 128 ? 8 : 16);
    SCOPED_TRACE("round " + std::to_string(round) + ": segment " + std::to_string(seq) + ", bit " +
                 std::to_string(bit));
    ASSERT_EQ(flip_row_number(options_.path, seq, bit), 1);
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    EXPECT_EQ(deliver_all(), kAll - kPoints);
    expect_one_lost();
    append(kPoints);
    EXPECT_EQ(deliver_all(), kPoints);
  }
}

// By the first and the last row a start knows where the log begins and ends.
TEST_F(LogOrder, AFlippedBitInTheFirstOrTheLastNumberIsMissedAndCounted) {
  for (const std::uint64_t seq : {1, 2, kSegments - 1, kSegments}) {
    for (std::size_t bit = 0; bit < (seq < 128 ? 8u : 16u); ++bit) {
      SCOPED_TRACE("segment " + std::to_string(seq) + ", bit " + std::to_string(bit));
      put_full_log();
      ASSERT_EQ(flip_row_number(options_.path, seq, bit), 1);
      open();
      ASSERT_TRUE(log_->set_sinks({"a"}));
      const std::uint64_t delivered = deliver_all();
      // The bit that makes a number take one byte more moves all that follows in its row: the search for the
      // next row of that leaf may end there, too.
      EXPECT_GE(delivered, kAll - (bit == 7 ? 2 : 1) * kPoints);
      EXPECT_EQ(delivered + log_->status().damaged_points, kAll);
      append(kPoints);
      EXPECT_EQ(deliver_all(), kPoints);
    }
  }
}

// Nobody waits for them any more but a person who asks, and who makes room.
TEST_F(LogOrder, HistoryThatIsNotFoundIsMissedByAQuestion) {
  open_full_log();
  EXPECT_EQ(deliver_all(), kAll);
  ASSERT_GT(flip_row_number(options_.path, 100, 6), 0);
  append(kPoints);
  std::uint64_t points = 0;
  ASSERT_TRUE(log_->history().read_segments({INT64_MIN, INT64_MAX}, false, [&](const StoredSegment& segment) {
    points += segment.points;
    return true;
  }));
  EXPECT_EQ(points, kAll);
  EXPECT_EQ(log_->status().damaged_segments, 1u);
}

TEST_F(LogOrder, WhatIsNotFoundHoldsUpNoRemoval) {
  for (const std::uint64_t seq : {1, 100, 250}) {
    open_full_log();
    EXPECT_EQ(deliver_all(), kAll);
    ASSERT_GT(flip_row_number(options_.path, seq, seq < 128 ? 6 : 8), 0);
    clock_.advance(options_.keep + std::chrono::hours(1));
    append(kPoints);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(log_->maintain(clock_.boot()));
    EXPECT_EQ(log_->status().segments, 1u) << seq;
    EXPECT_EQ(log_->status().points, kPoints) << seq;
  }
}

// Numbers without a row are no damage when they were removed: all rows are looked at once at most.
TEST_F(LogOrder, WhatWasRemovedIsNotMissed) {
  open_full_log();
  ASSERT_TRUE(log_->set_sinks({"a", "b"}));
  EXPECT_EQ(deliver_all(), kAll);
  ASSERT_TRUE(log_->acknowledge("b", {50, 99}));
  clock_.advance(options_.keep + std::chrono::hours(1));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(log_->maintain(clock_.boot()));
  EXPECT_EQ(log_->status().segments, 250u);
  ASSERT_TRUE(log_->set_sinks({"a", "b", "c"}));
  EXPECT_EQ(undelivered("c").size(), 250u);
  open();
  ASSERT_TRUE(log_->set_sinks({"a", "b", "d"}));
  EXPECT_EQ(undelivered("d", 60).size(), 201u);
  EXPECT_TRUE(log_->status().set_aside.empty());
  EXPECT_EQ(log_->status().damaged_segments, 0u);
}

}  // namespace
}  // namespace vigile
