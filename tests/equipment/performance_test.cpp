// SPDX-License-Identifier: Apache-2.0
#include "equipment/performance.h"

#include <gmock/gmock.h>

#include "equipment/log_readings.h"
#include "equipment/raw_fold.h"
#include "equipment/summary_keeper.h"
#include "readings_model.h"
#include "support/fake_clock.h"
#include "support/memory_history.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

class Performance : public ::testing::Test {
 protected:
  void add_values(const char* metric, int count, std::int64_t every_ns) {
    for (int i = 0; i < count; ++i) {
      model_.add(history_,
                 {{"1", metric, "", start_ns_ + i * every_ns, static_cast<double>((i * 37) % count + 1)}});
    }
  }
  void fold_all() {
    SummaryKeeper keeper(history_, clock_, nullptr);
    while (keeper.step(clock_.boot()) <= clock_.boot()) {
    }
  }

  FakeClock clock_;
  const std::int64_t start_ns_ = to_ns(clock_.wall());
  MemoryHistory history_;
  ReadingsModel model_;
  LogReadings readings_{history_, nullptr};
};

TEST_F(Performance, is_exact_up_to_a_day) {
  add_values("cpu_usage", 100, 60'000'000'000);  // 1 … 100 in another order
  add_values("idle", 3, 60'000'000'000);
  const auto stats = performance_stats(readings_, "1", {"memory_usage", "idle", "cpu_usage"},
                                       {start_ns_, start_ns_ + 24 * kHourNs});
  ASSERT_TRUE(stats);
  EXPECT_FALSE(stats->coverage.from_summaries);
  ASSERT_EQ(stats->metrics.size(), 2u);
  EXPECT_EQ(stats->metrics[0].metric, "idle");
  const auto& cpu = stats->metrics[1];
  EXPECT_EQ(cpu.metric, "cpu_usage");
  EXPECT_EQ(cpu.count, 100u);
  EXPECT_EQ(cpu.min, 1);
  EXPECT_EQ(cpu.max, 100);
  EXPECT_DOUBLE_EQ(*cpu.mean, 50.5);
  EXPECT_NEAR(*cpu.standard_deviation, std::sqrt((100.0 * 100 - 1) / 12), 1e-9);
  EXPECT_EQ(cpu.p50, 50);
  EXPECT_EQ(cpu.p95, 95);
  EXPECT_EQ(cpu.p99, 99);
  EXPECT_EQ(cpu.first, 1);
  EXPECT_EQ(cpu.last, static_cast<double>(99 * 37 % 100 + 1));
}

TEST_F(Performance, is_told_from_summaries_over_more_than_a_day) {
  add_values("cpu_usage", 1000, 600'000'000'000);  // a week
  clock_.advance(24h * 8);
  fold_all();
  const auto stats = performance_stats(readings_, "1", {}, {start_ns_, start_ns_ + 8 * 24 * kHourNs});
  ASSERT_TRUE(stats);
  EXPECT_TRUE(stats->coverage.from_summaries);
  ASSERT_EQ(stats->metrics.size(), 1u);
  const auto& cpu = stats->metrics[0];
  EXPECT_EQ(cpu.count, 1000u);
  EXPECT_DOUBLE_EQ(*cpu.mean, 500.5);
  EXPECT_NEAR(*cpu.standard_deviation, std::sqrt((1000.0 * 1000 - 1) / 12), 1e-6);
  EXPECT_NEAR(*cpu.p50, 500, 5);
  EXPECT_NEAR(*cpu.p99, 990, 9.9);
}

TEST_F(Performance, uses_summaries_for_a_day_whose_raw_readings_are_gone) {
  add_values("cpu_usage", 100, 60'000'000'000);
  clock_.advance(24h * 3);
  fold_all();
  history_.expire(start_ns_ + 24 * kHourNs);
  const auto stats = performance_stats(readings_, "1", {}, {start_ns_, start_ns_ + 24 * kHourNs});
  ASSERT_TRUE(stats);
  EXPECT_TRUE(stats->coverage.from_summaries);
  ASSERT_EQ(stats->metrics.size(), 1u);
  EXPECT_EQ(stats->metrics[0].count, 100u);
}

TEST_F(Performance, has_nothing_to_say_of_an_empty_span) {
  const auto stats = performance_stats(readings_, "1", {"cpu_usage"}, {start_ns_, start_ns_ + kHourNs});
  ASSERT_TRUE(stats);
  EXPECT_TRUE(stats->metrics.empty());
}

TEST(RawFold, gives_values_up_for_sketches_past_its_bound) {
  RawFold fold(true, 100);
  for (int i = 1; i <= 1000; ++i) fold.add(0, {"1", "m", "", i, static_cast<double>(i)});
  EXPECT_FALSE(fold.exact());
  auto& series = fold.windows().begin()->second.begin()->second;
  EXPECT_TRUE(series.values.empty());
  EXPECT_EQ(series.summary.sketch.count(), 1000u);
  EXPECT_NEAR(*series.quantile(0.5), 500, 5);
}

}  // namespace
}  // namespace vigile
