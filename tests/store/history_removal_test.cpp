// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "history_fixture.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using HistoryRemoval = LogHistory;

TEST_F(HistoryRemoval, RemovesWhatIsOlderButNothingUndeliveredUnlessAsked) {
  open();
  ASSERT_TRUE(log_->set_sinks({"s"}));
  const std::int64_t start = now();
  for (int i = 0; i < 10; ++i) {
    append(10, i);
    append_changes({change("a", now(), std::to_string(i))});
    ASSERT_TRUE(history().store_summaries({{start + i * kHourNs, "x"}}, {}));
    ASSERT_TRUE(history().add_gap({now(), now() + 1}));
    clock_.advance(1h);
  }
  ASSERT_TRUE(log_->acknowledge("s", {1, 4}));
  ASSERT_TRUE(log_->acknowledge("s", {7, 8}));
  const std::int64_t before = start + 5 * kHourNs;

  const RemovalReport planned = remove(before, "", false, true);
  EXPECT_EQ(log_->status().segments, 20u);
  EXPECT_EQ(changes("a").size(), 10u);
  const RemovalReport done = remove(before);
  EXPECT_EQ(planned.segments, done.segments);
  EXPECT_EQ(planned.bytes, done.bytes);
  EXPECT_EQ(planned.summaries, done.summaries);
  EXPECT_EQ(planned.status_changes, done.status_changes);
  EXPECT_EQ(done.segments, 6u);
  EXPECT_EQ(done.points, 33u);
  EXPECT_EQ(done.undelivered_points, 22u);
  EXPECT_EQ(done.summaries, 5u);
  EXPECT_EQ(done.status_changes, 4u);
  EXPECT_EQ(changes("a").front().new_status, "4");
  EXPECT_EQ(history().gaps(kAlways)->size(), 5u);
  EXPECT_EQ(numbers(kAlways).size(), 14u);
  EXPECT_EQ(log_->status().points, 77u);
  EXPECT_EQ(backlog("s"), 77u);
  EXPECT_EQ(log_->status().dropped_points, 0u);

  EXPECT_EQ(remove(before, "", true).undelivered_points, 22u);
  EXPECT_EQ(backlog("s"), 55u);
  EXPECT_EQ(undelivered("s").front().seq, 11u);
  open();
  ASSERT_TRUE(log_->set_sinks({"s"}));
  EXPECT_EQ(log_->status().points, 55u);
  EXPECT_EQ(log_->status().segments, 10u);
  EXPECT_EQ(backlog("s"), 55u);
}

// Segments of five minutes, as with a write budget: the limit lies within two of them.
TEST_F(HistoryRemoval, OfASegmentOfMixedAgeTheOldPartGoes) {
  open();
  ASSERT_TRUE(log_->set_sinks({"s"}));
  const std::int64_t start = now();
  const auto add = [&] {
    NewSegment made{.first_ns = now(), .points = 10};
    made.last_ns = made.first_ns + 9 * 30'000'000'000;
    for (int i = 0; i < 10; ++i)
      made.lines += "m,equipment_id=a v=1 " + std::to_string(made.first_ns + i * 30'000'000'000) + "\n";
    ASSERT_TRUE(log_->append(made));
  };
  for (int i = 0; i < 4; ++i) {
    add();
    clock_.advance(5min);
    if (i == 1) clock_.advance(-5min);  // the third as old as the second
  }
  ASSERT_TRUE(log_->acknowledge("s", {1, 2}));
  const std::int64_t before = start + 7 * 60'000'000'000;  // four readings into the second and the third

  const RemovalReport planned = remove(before, "", false, true);
  EXPECT_EQ(log_->status().points, 40u);
  const RemovalReport done = remove(before);
  EXPECT_EQ(done.segments, 2u);
  EXPECT_EQ(done.points, 14u);
  EXPECT_EQ(done.undelivered_points, 4u);
  EXPECT_EQ(planned.segments, done.segments);
  EXPECT_EQ(planned.points, done.points);
  EXPECT_EQ(planned.undelivered_points, done.undelivered_points);
  EXPECT_EQ(log_->status().points, 26u);
  EXPECT_EQ(log_->status().segments, 3u);
  EXPECT_EQ(backlog("s"), 20u);
  EXPECT_EQ(log_->status().oldest_ns, before);
  EXPECT_EQ(history().removed_until_ns(), before - 30'000'000'000);
  EXPECT_EQ(remove(before).points, 0u);

  EXPECT_EQ(remove(before, "", true).points, 4u);
  EXPECT_EQ(log_->status().dropped_points, 0u);
  ASSERT_TRUE(history().read_segments(kAlways, false, [&](const StoredSegment& one) {
    const std::string lines = lines_of(one);
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), one.points);
    EXPECT_GE(one.first_ns, before);
    EXPECT_EQ(lines.find("v=1 " + std::to_string(one.first_ns)), lines.find("v=1"));
    return true;
  }));
  EXPECT_TRUE(history().read_segments({INT64_MIN, before}, false, [](const StoredSegment&) {
    ADD_FAILURE() << "older than what was removed";
    return true;
  }));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(log_->status().points, 22u);
    EXPECT_EQ(backlog("s"), 16u);
    open();
    ASSERT_TRUE(log_->set_sinks({"s"}));
  }
  EXPECT_EQ(history().removed_until_ns(), before - 30'000'000'000);
  std::uint64_t sent = 0;
  for (const StoredSegment& one : undelivered("s")) sent += one.points;
  EXPECT_EQ(sent, 16u);
  ASSERT_TRUE(log_->acknowledge("s", {1, 4}));
  EXPECT_EQ(backlog("s"), 0u);
}

TEST_F(HistoryRemoval, RemovesOneEquipmentAloneAndCountsWhatIsLeft) {
  open();
  ASSERT_TRUE(log_->set_sinks({"s"}));
  const std::int64_t start = now();
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(log_->append(of_two(11)));  // six of "a 1", five of "a 12"
    append_changes({change("a 1", now(), "x"), change("a 12", now(), "x")});
    ASSERT_TRUE(history().store_summaries({{start + i * kHourNs, i < 2 ? "a 1" : "a 1|other"}}, {}));
    clock_.advance(1h);
  }
  NewSegment alone{.first_ns = start, .last_ns = start, .points = 1};
  alone.lines = "m,equipment_id=a\\ 1 v=1 " + std::to_string(start) + "\n";
  ASSERT_TRUE(log_->append(alone));
  ASSERT_TRUE(log_->acknowledge("s", {1, 4}));
  ASSERT_TRUE(log_->acknowledge("s", {13, 13}));
  const std::uint64_t points = log_->status().points;
  const std::int64_t before = start + 4 * kHourNs;

  EXPECT_EQ(remove(before, "a 1", false, true).points, 13u);
  EXPECT_EQ(log_->status().points, points);
  const RemovalReport done = remove(before, "a 1");
  EXPECT_EQ(done.segments, 3u);
  EXPECT_EQ(done.points, 13u);
  EXPECT_EQ(done.undelivered_points, 12u);
  EXPECT_EQ(done.summaries, 4u);
  EXPECT_EQ(done.status_changes, 3u);
  EXPECT_EQ(changes("a 12").size(), 6u);
  EXPECT_EQ(summaries().size(), 4u);
  EXPECT_EQ(summaries().at(start + 2 * kHourNs), "|other");
  EXPECT_EQ(log_->status().points, points - 13);
  EXPECT_EQ(log_->status().segments, 12u);
  EXPECT_EQ(backlog("s"), 4u * 11 + 4);
  ASSERT_TRUE(history().read_segments(kAlways, false, [&](const StoredSegment& one) {
    const std::string lines = lines_of(one);
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), one.points);
    EXPECT_EQ(lines.find(",equipment_id=a\\ 1,z") != std::string::npos, one.seq > 4 && one.points > 1);
    return true;
  }));

  EXPECT_EQ(remove(before, "a 1", true).points, 12u);
  EXPECT_EQ(backlog("s"), 4u * 11 + 4 - 12);
  EXPECT_EQ(log_->status().dropped_points, 0u);
  open();
  ASSERT_TRUE(log_->set_sinks({"s"}));
  EXPECT_EQ(log_->status().points, points - 25);
  EXPECT_EQ(backlog("s"), 4u * 11 + 4 - 12);
  std::uint64_t sent = 0;
  for (const StoredSegment& one : undelivered("s")) sent += one.points;
  EXPECT_EQ(sent, 4u * 11 + 4 - 12);
  ASSERT_TRUE(log_->acknowledge("s", {1, 13}));
  EXPECT_EQ(backlog("s"), 0u);
  remove(INT64_MAX);
  EXPECT_EQ(log_->status().points, 0u);
  EXPECT_EQ(log_->status().payload_bytes, 0u);
}

}  // namespace
}  // namespace vigile
