// SPDX-License-Identifier: Apache-2.0
#include "equipment/summary_keeper.h"

#include <gmock/gmock.h>

#include "equipment/summary_codec.h"
#include "readings_model.h"
#include "support/fake_clock.h"
#include "support/memory_history.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

class SummaryKeeperTest : public ::testing::Test {
 protected:
  std::int64_t now() const { return to_ns(clock_.wall()); }
  void add(std::int64_t time_ns, double value = 1) { model_.add(history_, {{"1", "m", "", time_ns, value}}); }
  // Steps until it wants to sleep; when it wants to wake.
  BootTime run() {
    BootTime due = keeper_.step(clock_.boot());
    for (int i = 0; i < 10'000 && due <= clock_.boot(); ++i) due = keeper_.step(clock_.boot());
    EXPECT_GT(due, clock_.boot());
    return due;
  }
  std::map<std::int64_t, std::uint64_t> counts() {
    std::map<std::int64_t, std::uint64_t> counts;
    SummaryDecoder decoder;
    for (const SummaryRow& row : history_.rows()) {
      EXPECT_TRUE(decoder.decode(
          row.hour_ns, row.payload, {},
          [&](const SeriesName&, const SeriesSummary& summary) { counts[row.hour_ns] += summary.count; }));
    }
    return counts;
  }

  FakeClock clock_;  // starts at a full hour
  const std::int64_t start_ns_ = to_ns(clock_.wall());
  MemoryHistory history_;
  ReadingsModel model_;
  SummaryKeeper keeper_{history_, clock_, nullptr};
};

TEST_F(SummaryKeeperTest, wakes_once_an_hour_shortly_after_its_close) {
  clock_.advance(10min);
  const BootTime due = run();
  EXPECT_EQ(due - clock_.boot(), 50min + 30s);
  EXPECT_EQ(keeper_.step(clock_.boot() + 1min), due);
  clock_.advance_to(due);
  EXPECT_EQ(run() - clock_.boot(), 60min);
  EXPECT_EQ(history_.stores(), 0u) << "nothing to store";
}

TEST_F(SummaryKeeperTest, folds_closed_hours_in_one_commit_and_leaves_the_open_one) {
  for (int i = 0; i < 90; ++i) add(start_ns_ + i * 60'000'000'000LL);
  clock_.advance(90min);
  run();
  EXPECT_EQ(counts(), (std::map<std::int64_t, std::uint64_t>{{start_ns_, 60}}));
  EXPECT_EQ(history_.stores(), 1u);
  clock_.advance(60min);
  run();
  EXPECT_EQ(counts(), (std::map<std::int64_t, std::uint64_t>{{start_ns_, 60}, {start_ns_ + kHourNs, 30}}));
  EXPECT_EQ(history_.stores(), 2u);
}

TEST_F(SummaryKeeperTest, folds_the_open_hour_when_the_log_fills_up) {
  add(start_ns_ + 1);
  clock_.advance(5min);
  run();
  EXPECT_EQ(history_.summary_rows(), 0u);
  keeper_.hurry();
  run();
  EXPECT_EQ(counts(), (std::map<std::int64_t, std::uint64_t>{{start_ns_, 1}}));
  add(start_ns_ + 2);
  keeper_.hurry();
  run();
  EXPECT_EQ(counts(), (std::map<std::int64_t, std::uint64_t>{{start_ns_, 2}}));
}

TEST_F(SummaryKeeperTest, folds_the_open_hour_after_the_pass_that_is_under_way) {
  add(start_ns_ + 1);
  add(start_ns_ + kHourNs + 1);
  clock_.advance(65min);
  (void)keeper_.step(clock_.boot());
  keeper_.hurry();
  run();
  EXPECT_EQ(counts(), (std::map<std::int64_t, std::uint64_t>{{start_ns_, 1}, {start_ns_ + kHourNs, 1}}));
}

TEST_F(SummaryKeeperTest, does_not_wait_for_segments_of_a_far_future) {
  add(start_ns_ + 1000 * kHourNs);
  run();
  EXPECT_EQ(history_.summary_rows(), 1u);
}

TEST_F(SummaryKeeperTest, merges_late_readings_into_their_hour) {
  add(start_ns_ + 1, 5);
  clock_.advance(2h);
  run();
  add(start_ns_ + 2, 7);
  clock_.advance(1h);
  run();
  EXPECT_EQ(counts(), (std::map<std::int64_t, std::uint64_t>{{start_ns_, 2}}));
}

TEST_F(SummaryKeeperTest, tries_again_in_a_minute_when_the_commit_fails_and_counts_nothing_twice) {
  add(start_ns_ + 1);
  clock_.advance(2h);
  run();
  add(start_ns_ + 2);
  clock_.advance(1h);
  history_.fail_next_store();
  EXPECT_EQ(run() - clock_.boot(), 1min);
  clock_.advance(1min);
  run();
  EXPECT_EQ(counts(), (std::map<std::int64_t, std::uint64_t>{{start_ns_, 2}}));
}

TEST_F(SummaryKeeperTest, folds_again_what_a_crash_took) {
  add(start_ns_ + 1);
  clock_.advance(2h);
  (void)keeper_.step(clock_.boot());  // folded, not stored
  EXPECT_EQ(history_.stores(), 0u);
  SummaryKeeper next(history_, clock_, nullptr);
  while (next.step(clock_.boot()) <= clock_.boot()) {
  }
  EXPECT_EQ(counts(), (std::map<std::int64_t, std::uint64_t>{{start_ns_, 1}}));
}

TEST_F(SummaryKeeperTest, stores_what_it_folded_at_a_clean_end) {
  add(start_ns_ + 1);
  clock_.advance(2h);
  (void)keeper_.step(clock_.boot());
  ASSERT_TRUE(keeper_.flush());
  EXPECT_EQ(history_.stores(), 1u);
  ASSERT_TRUE(keeper_.flush());
  EXPECT_EQ(history_.stores(), 1u) << "nothing new";
}

TEST_F(SummaryKeeperTest, takes_a_backlog_in_steps_of_bounded_memory) {
  // 600 hours of 40 series: more than may be held.
  for (int hour = 0; hour < 600; ++hour) {
    std::vector<ModelReading> readings;
    for (int i = 0; i < 40; ++i) {
      readings.push_back({std::to_string(i), "m", "", start_ns_ + hour * kHourNs + i, 1.0 * i});
    }
    model_.add(history_, readings);
  }
  clock_.advance(601h);
  run();
  EXPECT_GT(history_.stores(), 2u);
  EXPECT_EQ(counts().size(), 600u);
  for (const auto& [hour_ns, count] : counts()) EXPECT_EQ(count, 40u);
}

TEST_F(SummaryKeeperTest, polls_for_the_clock_and_folds_what_was_repaired) {
  const std::uint64_t seq =
      history_.add("equipment_metrics,equipment_id=1,metric_name=m value=9 5\n", 5, 5, ClockState::unset);
  clock_.set_wall_is_set(false);
  EXPECT_EQ(run() - clock_.boot(), 1min);
  add(start_ns_ + 1);
  clock_.advance(2h);
  run();
  EXPECT_EQ(counts(), (std::map<std::int64_t, std::uint64_t>{{start_ns_, 1}}));
  clock_.set_wall_is_set(true);
  history_.repair(
      seq, "equipment_metrics,equipment_id=1,metric_name=m value=9 " + std::to_string(start_ns_ + 9) + "\n",
      start_ns_ + 9, start_ns_ + 9);
  clock_.advance(1h);
  run();
  EXPECT_EQ(counts(), (std::map<std::int64_t, std::uint64_t>{{start_ns_, 2}}));
}

TEST_F(SummaryKeeperTest, passes_a_damaged_segment_and_makes_a_damaged_row_anew) {
  add(start_ns_ + 1);
  history_.damage_payload(1);
  add(start_ns_ + 2);
  history_.put_row({start_ns_, "nonsense"});
  clock_.advance(2h);
  run();
  EXPECT_EQ(counts(), (std::map<std::int64_t, std::uint64_t>{{start_ns_, 1}}));
}

TEST_F(SummaryKeeperTest, lets_nothing_come_back_that_is_removed) {
  model_.add(history_, {{"1", "m", "", start_ns_ + 1, 1}, {"2", "m", "", start_ns_ + 2, 1}});
  clock_.advance(2h);
  (void)keeper_.step(clock_.boot());  // folded, not stored
  ASSERT_TRUE(keeper_.remove([&] { return history_.remove(now(), "1", false, false, strip_equipment); }));
  run();
  EXPECT_EQ(counts(), (std::map<std::int64_t, std::uint64_t>{{start_ns_, 1}}));
}

}  // namespace
}  // namespace vigile
