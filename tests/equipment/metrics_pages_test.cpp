// SPDX-License-Identifier: Apache-2.0
#include "equipment/metrics_pages.h"

#include <gmock/gmock.h>

#include <tuple>

#include "equipment/log_readings.h"
#include "equipment/page_rows.h"
#include "equipment/summary_keeper.h"
#include "readings_model.h"
#include "support/fake_clock.h"
#include "support/memory_history.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using Rows = std::vector<std::tuple<std::int64_t, std::string, std::string, double>>;

class MetricsPages : public ::testing::Test {
 protected:
  void fold_all() {
    SummaryKeeper keeper(history_, clock_, nullptr);
    while (keeper.step(clock_.boot()) <= clock_.boot()) {
    }
  }
  void add_random(int segments, std::int64_t span_ns) {
    for (int i = 0; i < segments; ++i) {
      std::vector<ModelReading> readings;
      const auto at = start_ns_ + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(span_ns));
      for (std::uint64_t n = 1 + random_() % 9; n > 0; --n) readings.push_back(random_reading(random_, at));
      if (random_() % 4 == 0) readings.push_back(readings.front());  // the same reading twice
      model_.add(history_, readings);
    }
  }
  MetricsQuery query(std::int64_t length_ns) const {
    MetricsQuery query;
    query.equipment_id = "1";
    query.span = {start_ns_, start_ns_ + length_ns};
    return query;
  }
  static void append(const MetricsPage& page, Rows& rows) {
    for (const auto& row : page.rows) {
      std::string tags;
      for (const auto& [key, value] : row.tags) tags += (tags.empty() ? "" : ",") + key + "=" + value;
      rows.emplace_back(row.time_ns, row.metric, tags, row.value);
    }
  }
  Rows all_pages(MetricsQuery query) {
    Rows rows;
    for (int i = 0; i < 100'000; ++i) {
      const auto page = metrics_page(readings_, query);
      EXPECT_TRUE(page) << (page ? "" : page.error().message);
      if (!page) break;
      EXPECT_LE(page->rows.size(), query.limit);
      append(*page, rows);
      sketched_ = page->percentiles_from_sketches;
      if (page->next.empty()) break;
      EXPECT_EQ(page->rows.size(), query.limit);
      query.page = page->next;
    }
    return rows;
  }
  Rows naive_raw(const MetricsQuery& query) const {
    Rows rows;
    for (const auto& reading : model_.matching({query.equipment_id, query.metrics, query.span})) {
      rows.emplace_back(reading.time_ns, reading.metric, reading.tags, reading.value);
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  Rows naive_windows(const MetricsQuery& query) const {
    std::map<std::tuple<std::int64_t, std::string, std::string>, std::vector<std::pair<std::int64_t, double>>>
        windows;
    for (const auto& reading : model_.matching({query.equipment_id, query.metrics, query.span})) {
      const std::int64_t start_ns =
          query.window == 0ns ? query.span.from_ns
                              : std::max(query.span.from_ns, floor_to(reading.time_ns, query.window.count()));
      windows[{start_ns, reading.metric, reading.tags}].emplace_back(reading.time_ns, reading.value);
    }
    Rows rows;
    for (auto& [key, readings] : windows) {
      std::sort(readings.begin(), readings.end());
      std::vector<double> values;
      double sum = 0;
      for (const auto& [time_ns, value] : readings) {
        values.push_back(value);
        sum += value;
      }
      std::sort(values.begin(), values.end());
      const auto count = static_cast<double>(values.size());
      const auto ranked = [&](double q) {
        return values[static_cast<std::size_t>(std::max(1.0, std::ceil(q * count - 1e-9))) - 1];
      };
      double value = 0;
      switch (query.aggregation) {
        case Aggregation::mean:
          value = sum / count;
          break;
        case Aggregation::min:
          value = values.front();
          break;
        case Aggregation::max:
          value = values.back();
          break;
        case Aggregation::sum:
          value = sum;
          break;
        case Aggregation::count:
          value = count;
          break;
        case Aggregation::last:
          value = readings.back().second;
          break;
        case Aggregation::p50:
          value = ranked(0.5);
          break;
        case Aggregation::p95:
          value = ranked(0.95);
          break;
        default:
          value = ranked(0.99);
      }
      rows.emplace_back(std::get<0>(key), std::get<1>(key), std::get<2>(key), value);
    }
    return rows;
  }
  void expect_rows(const Rows& got, const Rows& wanted, double relative) {
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(std::get<0>(got[i]), std::get<0>(wanted[i]));
      ASSERT_EQ(std::get<1>(got[i]), std::get<1>(wanted[i]));
      ASSERT_EQ(std::get<2>(got[i]), std::get<2>(wanted[i]));
      ASSERT_NEAR(std::get<3>(got[i]), std::get<3>(wanted[i]),
                  relative * (1e-3 + std::fabs(std::get<3>(wanted[i]))));
    }
  }

  std::mt19937_64 random_{11};
  FakeClock clock_;
  const std::int64_t start_ns_ = to_ns(clock_.wall());
  MemoryHistory history_;
  ReadingsModel model_;
  LogReadings readings_{history_, nullptr};
  bool sketched_ = false;
};

TEST_F(MetricsPages, gives_every_raw_reading_once_in_order) {
  add_random(300, 60 * kHourNs);
  for (const std::uint64_t limit : {1, 7, 100, 10'000}) {
    for (const std::int64_t hours : {1, 24, 70}) {
      MetricsQuery one = query(hours * kHourNs);
      one.limit = limit;
      EXPECT_EQ(all_pages(one), naive_raw(one)) << limit << " " << hours;
      one.metrics = {"cpu_usage"};
      EXPECT_EQ(all_pages(one), naive_raw(one));
    }
  }
}

TEST_F(MetricsPages, goes_on_where_it_was_while_readings_come_in) {
  add_random(100, 4 * kHourNs);
  MetricsQuery one = query(10 * kHourNs);
  one.limit = 20;
  Rows rows;
  for (int i = 0; i < 1000; ++i) {
    const auto page = metrics_page(readings_, one);
    ASSERT_TRUE(page);
    append(*page, rows);
    if (page->next.empty()) break;
    one.page = page->next;
    // Only after what was shown.
    if (i < 5) model_.add(history_, {{"1", "late", "", page->rows.back().time_ns + kHourNs, 1.0 * i}});
  }
  one.page.clear();
  EXPECT_EQ(rows, naive_raw(one));
}

TEST_F(MetricsPages, gives_the_last_of_each_series) {
  add_random(300, 60 * kHourNs);
  model_.add(history_, {{"1", "rare", "", start_ns_ + 1, 3}});
  clock_.advance(50h);
  for (const bool folded : {false, true}) {
    if (folded) fold_all();
    for (const std::int64_t hours : {20, 70}) {
      for (const std::uint64_t last : {1, 5, 1000}) {
        MetricsQuery one = query(hours * kHourNs);
        one.last = last;
        one.limit = 10;
        std::map<std::pair<std::string, std::string>, std::vector<std::tuple<std::int64_t, double>>> series;
        for (const auto& [time_ns, metric, tags, value] : naive_raw(one)) {
          series[{metric, tags}].emplace_back(time_ns, value);
        }
        Rows wanted;
        for (const auto& [key, readings] : series) {
          const std::size_t skip = readings.size() - std::min<std::size_t>(last, readings.size());
          for (std::size_t i = skip; i < readings.size(); ++i) {
            wanted.emplace_back(std::get<0>(readings[i]), key.first, key.second, std::get<1>(readings[i]));
          }
        }
        std::sort(wanted.begin(), wanted.end());
        EXPECT_EQ(all_pages(one), wanted) << folded << hours << last;
      }
    }
  }
}

TEST_F(MetricsPages, aggregates_by_windows) {
  add_random(400, 60 * kHourNs);
  clock_.advance(58h);
  fold_all();
  const std::chrono::nanoseconds windows[] = {0ns, 7min, 15min, 1h, 3h, 24h};
  const Aggregation aggregations[] = {Aggregation::mean, Aggregation::min,   Aggregation::max,
                                      Aggregation::sum,  Aggregation::count, Aggregation::last,
                                      Aggregation::p50,  Aggregation::p95,   Aggregation::p99};
  for (const auto window : windows) {
    for (const Aggregation aggregation : aggregations) {
      for (const std::int64_t hours : {20, 70}) {
        MetricsQuery one = query(hours * kHourNs);
        one.span.from_ns += 123'456'789'012;
        one.aggregation = aggregation;
        one.window = window;
        one.limit = 17;
        const Rows rows = all_pages(one);
        const bool percentile = aggregation >= Aggregation::p50;
        const bool sketched = percentile && hours > 24 && (window == 0ns || window >= 1h);
        EXPECT_EQ(sketched_, sketched);
        expect_rows(rows, naive_windows(one), sketched ? QuantileSketch::kRelativeError : 1e-9);
      }
    }
  }
}

TEST_F(MetricsPages, unescapes_tags) {
  model_.add(history_, {{"1", "m", "a=x\\,y,b=\\=\\ z", start_ns_, 1}});
  const auto page = metrics_page(readings_, query(kHourNs));
  ASSERT_TRUE(page);
  ASSERT_EQ(page->rows.size(), 1u);
  EXPECT_EQ(page->rows[0].tags,
            (std::vector<std::pair<std::string, std::string>>{{"a", "x,y"}, {"b", "= z"}}));
}

TEST_F(MetricsPages, refuses_a_wrong_query_and_says_what_is_wrong) {
  const auto message = [&](auto change) {
    MetricsQuery one = query(kHourNs);
    change(one);
    const auto page = metrics_page(readings_, one);
    if (page) return std::string("no error");
    EXPECT_EQ(page.error().kind, ErrorKind::config);
    return page.error().message.substr(0, page.error().message.find(':'));
  };
  EXPECT_EQ(message([](MetricsQuery& one) { one.limit = 0; }), "limit");
  EXPECT_EQ(message([](MetricsQuery& one) { one.limit = kMostRows + 1; }), "limit");
  EXPECT_EQ(message([](MetricsQuery& one) { one.last = 0; }), "last");
  EXPECT_EQ(message([](MetricsQuery& one) { one.window = 1h; }), "window");
  EXPECT_EQ(message([](MetricsQuery& one) { one.aggregation = Aggregation::mean, one.window = -1h; }),
            "window");
  EXPECT_EQ(message([](MetricsQuery& one) { one.aggregation = Aggregation::mean, one.last = 1; }), "last");
  EXPECT_EQ(message([](MetricsQuery& one) { one.page = "00"; }), "page");
  EXPECT_EQ(message([](MetricsQuery& one) { one.page = "zz"; }), "page");
  EXPECT_EQ(message([](MetricsQuery&) {}), "no error");
}

TEST_F(MetricsPages, reads_little_for_a_page_of_a_long_span) {
  for (int i = 0; i < 2000; ++i) model_.add(history_, {{"1", "m", "", start_ns_ + i * kHourNs / 4, 1.0 * i}});
  MetricsQuery one = query(500 * kHourNs);
  one.limit = 10;
  const std::uint64_t before = history_.segments_read();
  ASSERT_TRUE(metrics_page(readings_, one));
  EXPECT_LE(history_.segments_read() - before, 40u);
}

TEST(Aggregations, have_names) {
  for (const auto* const name : {"none", "mean", "min", "max", "sum", "count", "last", "p50", "p95", "p99"}) {
    const auto aggregation = parse_aggregation(name);
    ASSERT_TRUE(aggregation);
    EXPECT_EQ(to_string(*aggregation), name);
  }
  EXPECT_FALSE(parse_aggregation("median"));
}

}  // namespace
}  // namespace vigile
