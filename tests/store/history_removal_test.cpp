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
