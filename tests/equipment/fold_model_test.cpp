// SPDX-License-Identifier: Apache-2.0
// Summaries and raw readings together, against a model that looks at each reading: random spans, late data,
// repaired clocks, failed commits, crashes between them, and segments that expire.
#include <gmock/gmock.h>

#include "equipment/log_readings.h"
#include "equipment/summary_keeper.h"
#include "readings_model.h"
#include "support/fake_clock.h"
#include "support/memory_history.h"

namespace vigile {
namespace {

class FoldModel : public ::testing::TestWithParam<int> {
 protected:
  explicit FoldModel() : random_(static_cast<std::uint64_t>(GetParam())) { crash(); }

  void crash() { keeper_ = std::make_unique<SummaryKeeper>(history_, clock_, nullptr); }
  std::int64_t now() const { return to_ns(clock_.wall()); }

  void add(std::int64_t around_ns) {
    std::vector<ModelReading> readings;
    for (std::uint64_t n = 1 + random_() % 20; n > 0; --n)
      readings.push_back(random_reading(random_, around_ns));
    model_.add(history_, readings);
  }
  // Committed before the clock was known; repaired a while later.
  void add_unset() {
    ModelReading reading = random_reading(random_, now());
    const std::uint64_t seq =
        history_.add("equipment_metrics,equipment_id=1,metric_name=x value=9 5\n", 5, 5, ClockState::unset);
    unset_.emplace_back(seq, reading);
  }
  void repair() {
    for (const auto& [seq, reading] : unset_) {
      history_.repair(seq, reading.line(), reading.time_ns, reading.time_ns);
      model_.all.push_back(reading);
    }
    unset_.clear();
  }

  void act() {
    switch (random_() % 16) {
      case 0:
        clock_.advance(std::chrono::minutes(random_() % 90));
        break;
      case 1:
        add(now() - static_cast<std::int64_t>(random_() % (72 * 3600)) * 1'000'000'000);
        break;
      case 2:
        crash();
        break;
      case 3:
        history_.fail_next_store();
        break;
      case 4:
        keeper_->hurry();
        break;
      case 5:
        (void)keeper_->flush();
        break;
      case 6:
        add_unset();
        break;
      case 7:
        repair();
        break;
      case 8:
      case 9:
      case 10:
        for (std::uint64_t n = 1 + random_() % 4; n > 0; --n) (void)keeper_->step(clock_.boot());
        break;
      default:
        clock_.advance(std::chrono::seconds(random_() % 600));
        add(now());
    }
  }

  ReadingFilter random_filter() {
    ReadingFilter filter;
    if (random_() % 3 != 0) filter.equipment_id = std::to_string(1 + random_() % 3);
    if (random_() % 3 == 0) filter.metrics = {"cpu_usage"};
    const std::int64_t quarter = kHourNs / 4;
    std::int64_t from_ns = now() - static_cast<std::int64_t>(random_() % (90 * 4)) * quarter;
    std::int64_t to_ns = from_ns + static_cast<std::int64_t>(random_() % (60 * 4)) * quarter;
    if (random_() % 2 == 0) from_ns += static_cast<std::int64_t>(random_() % 1'000'000'000'000);
    if (random_() % 2 == 0) to_ns += static_cast<std::int64_t>(random_() % 1'000'000'000'000);
    if (random_() % 10 == 0) from_ns = std::numeric_limits<std::int64_t>::min();
    if (random_() % 10 == 0) to_ns = std::numeric_limits<std::int64_t>::max();
    filter.span = {from_ns, to_ns};
    return filter;
  }

  ReadingCoverage check(ReadingFilter filter, bool may_use_summaries) {
    const std::int64_t buckets[] = {0, kHourNs, 3 * kHourNs, 24 * kHourNs};
    const std::int64_t bucket_ns = buckets[random_() % 4];
    std::map<std::int64_t, SeriesSummaries> folded;
    std::int64_t before_ns = std::numeric_limits<std::int64_t>::min();
    const auto coverage = readings_.fold(
        filter, may_use_summaries, bucket_ns,
        [&](std::string_view equipment_id, std::string_view metric, std::string_view tags,
            std::int64_t start_ns, const SeriesSummary& summary) {
          EXPECT_GE(start_ns, before_ns);
          before_ns = start_ns;
          const bool fresh =
              folded[start_ns].emplace(SeriesKey({equipment_id, metric, tags}), summary).second;
          EXPECT_TRUE(fresh) << "told twice";
        });
    EXPECT_TRUE(coverage);
    filter.span = coverage->span;
    expect_alike(folded, model_.fold(filter, bucket_ns));
    return *coverage;
  }

  std::mt19937_64 random_;
  FakeClock clock_;
  MemoryHistory history_;
  ReadingsModel model_;
  std::unique_ptr<SummaryKeeper> keeper_;
  LogReadings readings_{history_, nullptr};
  std::vector<std::pair<std::uint64_t, ModelReading>> unset_;
};

TEST_P(FoldModel, counts_each_reading_once) {
  bool from_summaries = false;
  for (int i = 0; i < 1200 && !HasFatalFailure(); ++i) {
    act();
    if (i % 8 != 0) continue;
    const ReadingFilter filter = random_filter();
    const bool may_use_summaries = random_() % 4 != 0;
    const ReadingCoverage coverage = check(filter, may_use_summaries);
    EXPECT_EQ(coverage.span, filter.span) << "all raw readings are held";
    EXPECT_TRUE(may_use_summaries || !coverage.from_summaries);
    from_summaries = from_summaries || coverage.from_summaries;
  }
  EXPECT_TRUE(from_summaries);
}

TEST_P(FoldModel, widens_the_span_to_hours_where_raw_readings_are_gone) {
  bool widened = false;
  for (int i = 0; i < 1200 && !HasFatalFailure(); ++i) {
    act();
    if (i % 50 == 0) history_.expire(now() - 20 * kHourNs);
    if (i % 8 != 0) continue;
    const ReadingFilter filter = random_filter();
    if (filter.span.from_ns > filter.span.to_ns) continue;
    const TimeSpan told = check(filter, true).span;
    EXPECT_TRUE(told.from_ns == filter.span.from_ns ||
                told.from_ns == floor_to(filter.span.from_ns, kHourNs));
    EXPECT_TRUE(told.to_ns == filter.span.to_ns || told.to_ns == ceil_to(filter.span.to_ns, kHourNs));
    widened = widened || told != filter.span;
  }
  EXPECT_TRUE(widened);
}

INSTANTIATE_TEST_SUITE_P(Seeds, FoldModel, ::testing::Range(1, 9));

TEST(LogReadings, asks_again_when_summaries_are_stored_while_it_reads) {
  MemoryHistory history;
  FakeClock clock;
  ReadingsModel model;
  SummaryKeeper keeper(history, clock, nullptr);
  const std::int64_t start_ns = to_ns(clock.wall());
  for (int i = 0; i < 10; ++i) model.add(history, {{"1", "m", "", start_ns + i * 60'000'000'000LL, 1.0 * i}});
  clock.advance(std::chrono::hours(2));
  history.set_interruption([&] {
    while (keeper.step(clock.boot()) <= clock.boot()) {
    }
  });
  LogReadings readings(history, nullptr);
  std::uint64_t count = 0;
  const ReadingFilter filter{"1", {}, {start_ns, start_ns + 2 * kHourNs}};
  const auto done = readings.fold(filter, true, 0,
                                  [&](std::string_view, std::string_view, std::string_view, std::int64_t,
                                      const SeriesSummary& summary) { count += summary.count; });
  ASSERT_TRUE(done);
  EXPECT_EQ(count, 10u);
  EXPECT_EQ(history.stores(), 1u);
}

TEST(LogReadings, takes_an_hour_whole_without_what_came_late_before_the_span) {
  MemoryHistory history;
  FakeClock clock;
  ReadingsModel model;
  const std::int64_t start_ns = to_ns(clock.wall());
  const std::int64_t minute_ns = kHourNs / 60;
  model.add(history, {{"1", "m", "", start_ns + 30 * minute_ns, 1}});
  clock.advance(std::chrono::hours(2));
  SummaryKeeper keeper(history, clock, nullptr);
  while (keeper.step(clock.boot()) <= clock.boot()) {
  }
  history.expire(start_ns + kHourNs);
  model.add(history, {{"1", "m", "", start_ns + 5 * minute_ns, 2}});  // late, not summarised yet
  LogReadings readings(history, nullptr);
  const TimeSpan span{start_ns + 10 * minute_ns, start_ns + 3 * kHourNs};
  std::uint64_t count = 0;
  const auto coverage = readings.fold({"1", {}, span}, true, 0,
                                      [&](std::string_view, std::string_view, std::string_view, std::int64_t,
                                          const SeriesSummary& summary) { count += summary.count; });
  ASSERT_TRUE(coverage);
  EXPECT_EQ(coverage->span, span);
  EXPECT_EQ(count, 1u);
}

TEST(LogReadings, leaves_out_damaged_rows_and_segments) {
  MemoryHistory history;
  FakeClock clock;
  ReadingsModel model;
  const std::int64_t start_ns = to_ns(clock.wall());
  const std::uint64_t bad = model.add(history, {{"1", "m", "", start_ns, 1}});
  model.add(history, {{"1", "m", "", start_ns + kHourNs, 2}});
  history.damage_payload(bad);
  history.put_row({start_ns - kHourNs, "nonsense"});
  LogReadings readings(history, nullptr);
  std::uint64_t count = 0;
  ASSERT_TRUE(readings.fold({"1", {}, {start_ns - kHourNs, start_ns + 2 * kHourNs}}, true, 0,
                            [&](std::string_view, std::string_view, std::string_view, std::int64_t,
                                const SeriesSummary& summary) { count += summary.count; }));
  EXPECT_EQ(count, 1u);
}

TEST(LogReadings, gives_the_last_change_before_a_span_first) {
  MemoryHistory history;
  for (const std::int64_t time_ns : {10, 20, 30, 40}) history.add_change({"1", time_ns, "a", "b", "", {}});
  history.add_change({"2", 25, "a", "b", "", {}});
  LogReadings readings(history, nullptr);
  const auto changes = readings.status_changes("1", {25, 40});
  ASSERT_TRUE(changes);
  ASSERT_EQ(changes->size(), 2u);
  EXPECT_EQ((*changes)[0].time_ns, 20);
  EXPECT_EQ((*changes)[1].time_ns, 30);
}

TEST(LogReadings, knows_since_when_raw_readings_are_held) {
  MemoryHistory history;
  FakeClock clock;
  ReadingsModel model;
  LogReadings readings(history, nullptr);
  const std::int64_t start_ns = to_ns(clock.wall());
  EXPECT_EQ(*readings.raw_since_ns(), std::nullopt);
  model.add(history, {{"1", "m", "", start_ns, 1}});
  model.add(history, {{"1", "m", "", start_ns + 5 * kHourNs, 1}});
  EXPECT_EQ(*readings.raw_since_ns(), std::nullopt);
  clock.advance(std::chrono::hours(8));
  SummaryKeeper keeper(history, clock, nullptr);
  while (keeper.step(clock.boot()) <= clock.boot()) {
  }
  history.expire(start_ns + kHourNs);
  EXPECT_EQ(*readings.raw_since_ns(), start_ns + 1);
}

}  // namespace
}  // namespace vigile
