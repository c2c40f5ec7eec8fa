// SPDX-License-Identifier: Apache-2.0
#include "equipment/summary.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "equipment/byte_coding.h"
#include "equipment/summary_codec.h"

namespace vigile {
namespace {

constexpr std::int64_t kHour = kHourNs;
constexpr std::int64_t kStart = 1'793'491'200'000'000'000;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

SeriesSummary summary_of_readings(const std::vector<std::pair<std::int64_t, double>>& readings) {
  SeriesSummary summary;
  for (const auto& [time_ns, value] : readings) summary.add(time_ns, value);
  return summary;
}

TEST(SeriesSummary, computes_a_case_by_hand) {
  // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, deviation 2; one every quarter of an hour.
  SeriesSummary summary;
  std::int64_t time_ns = kStart;
  for (const double value : {2, 4, 4, 4, 5, 5, 7, 9}) {
    summary.add(time_ns, value);
    time_ns += kHour / 4;
  }
  EXPECT_EQ(summary.count, 8u);
  EXPECT_EQ(summary.min, 2);
  EXPECT_EQ(summary.max, 9);
  EXPECT_EQ(summary.sum, 40);
  EXPECT_EQ(summary.first, 2);
  EXPECT_EQ(summary.last, 9);
  EXPECT_DOUBLE_EQ(*summary.mean(), 5);
  EXPECT_DOUBLE_EQ(*summary.standard_deviation(), 2);
  // sum (i - 3.5)(v - 5) = 10.5 + 2.5 + 1.5 + 0.5 + 0 + 0 + 5 + 14 = 34, over 42, in quarters of an hour.
  EXPECT_NEAR(*summary.trend_per_hour(), 4 * 34.0 / 42.0, 1e-12);
  EXPECT_NEAR(*summary.quantile(0.5), 4, 0.04);
  EXPECT_EQ(*summary.quantile(1), 9);
}

TEST(SeriesSummary, says_nothing_of_no_readings) {
  const SeriesSummary summary;
  EXPECT_FALSE(summary.mean());
  EXPECT_FALSE(summary.standard_deviation());
  EXPECT_FALSE(summary.trend_per_hour());
  EXPECT_FALSE(summary.quantile(0.5));
}

TEST(SeriesSummary, has_no_trend_at_a_single_time) {
  const SeriesSummary summary = summary_of_readings({{kStart, 1}, {kStart, 2}});
  EXPECT_FALSE(summary.trend_per_hour());
  EXPECT_DOUBLE_EQ(*summary.standard_deviation(), 0.5);
}

TEST(SeriesSummary, keeps_a_small_spread_around_a_large_value) {
  SeriesSummary parts[2];
  for (int i = 0; i < 1000; ++i) parts[i % 2].add(kStart + i * 1'000'000'000LL, 1e9 + i % 2);
  parts[0].merge(parts[1]);
  EXPECT_NEAR(*parts[0].standard_deviation(), 0.5, 1e-9);
}

TEST(SeriesSummary, passes_over_what_is_not_finite) {
  const SeriesSummary summary =
      summary_of_readings({{kStart, kInfinity}, {kStart, 3}, {kStart, std::nan("")}});
  EXPECT_EQ(summary.count, 1u);
  EXPECT_EQ(summary.sketch.count(), 1u);
}

TEST(SeriesSummary, says_nothing_where_sums_overflow) {
  const SeriesSummary summary =
      summary_of_readings({{kStart, 1.7e308}, {kStart + 1, 1.7e308}, {kStart + 2, -1}});
  EXPECT_FALSE(summary.mean());
  EXPECT_FALSE(summary.standard_deviation());
  EXPECT_EQ(summary.max, 1.7e308);
}

TEST(SeriesSummary, merges_in_any_order_to_one_of_all) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal(1000, 3);
  for (int round = 0; round < 100; ++round) {
    SeriesSummary all;
    std::vector<SeriesSummary> parts(1 + random() % 6);
    for (std::uint64_t n = 2 + random() % 200; n > 0; --n) {
      const std::int64_t time_ns = kStart + static_cast<std::int64_t>(random() % (48 * 3600)) * 1'000'000'000;
      const double value = normal(random);
      all.add(time_ns, value);
      parts[random() % parts.size()].add(time_ns, value);
    }
    std::shuffle(parts.begin(), parts.end(), random);
    SeriesSummary merged;
    for (const SeriesSummary& part : parts) merged.merge(part);
    EXPECT_EQ(merged.count, all.count);
    EXPECT_EQ(merged.min, all.min);
    EXPECT_EQ(merged.max, all.max);
    EXPECT_EQ(merged.first, all.first);
    EXPECT_EQ(merged.last, all.last);
    EXPECT_EQ(merged.first_ns, all.first_ns);
    EXPECT_EQ(merged.last_ns, all.last_ns);
    EXPECT_EQ(merged.sketch, all.sketch);
    EXPECT_NEAR(*merged.mean(), *all.mean(), 1e-9);
    EXPECT_NEAR(*merged.standard_deviation(), *all.standard_deviation(), 1e-9);
    ASSERT_EQ(merged.trend_per_hour().has_value(), all.trend_per_hour().has_value());
    if (all.trend_per_hour()) {
      EXPECT_NEAR(*merged.trend_per_hour(), *all.trend_per_hour(), 1e-7);
    }
  }
}

TEST(SeriesSummary, takes_the_smaller_first_and_the_larger_last_of_one_time) {
  SeriesSummary a = summary_of_readings({{kStart, 5}});
  SeriesSummary b = summary_of_readings({{kStart, 3}});
  SeriesSummary ab = a;
  ab.merge(b);
  b.merge(a);
  EXPECT_EQ(ab.first, 3);
  EXPECT_EQ(ab.last, 5);
  EXPECT_EQ(b.first, 3);
  EXPECT_EQ(b.last, 5);
}

TEST(Hours, are_floored_below_zero_too) {
  EXPECT_EQ(floor_to(-1, 10), -10);
  EXPECT_EQ(floor_to(-10, 10), -10);
  EXPECT_EQ(ceil_to(-1, 10), 0);
  EXPECT_EQ(ceil_to(11, 10), 20);
  EXPECT_EQ(floor_to(std::numeric_limits<std::int64_t>::min(), kHour),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(ceil_to(std::numeric_limits<std::int64_t>::max(), kHour),
            std::numeric_limits<std::int64_t>::max());
}

TEST(ByteCoding, brings_doubles_back_bit_by_bit) {
  std::mt19937_64 random(6);
  std::vector<double> values = {
      0.0,   -0.0,      1,          -1,     0.1,      45.67,    -273.15, 1e15, 9007199254740993.0,
      1e300, kInfinity, -kInfinity, 5e-324, 0.000001, 0.0000001};
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(std::bit_cast<double>(random()));
    values.push_back(static_cast<double>(static_cast<std::int64_t>(random() % 2'000'000) - 1'000'000) / 1000);
  }
  for (const double value : values) {
    std::string bytes;
    put_double(value, bytes);
    std::string_view in = bytes;
    double back = 1;
    ASSERT_TRUE(get_double(in, back)) << value;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value)) << value;
    EXPECT_TRUE(in.empty());
    EXPECT_LE(bytes.size(), 9u);
  }
  std::string bytes;
  put_double(45.67, bytes);
  EXPECT_LE(bytes.size(), 3u);
}

SeriesSummaries some_hour(std::mt19937_64& random) {
  SeriesSummaries summaries;
  for (const char* const equipment : {"1", "2", "10"}) {
    for (const char* const metric : {"cpu_usage", "memory_usage"}) {
      for (const char* const tags : {"", "core=0"}) {
        SeriesSummary& summary = summary_of(summaries, {equipment, metric, tags});
        for (std::uint64_t n = 1 + random() % 360; n > 0; --n) {
          summary.add(kStart + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(kHour)),
                      static_cast<double>(random() % 10'000) / 100);
        }
      }
    }
  }
  return summaries;
}

void expect_same(const SeriesSummary& a, const SeriesSummary& b) {
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.min, b.min);
  EXPECT_EQ(a.max, b.max);
  EXPECT_EQ(a.sum, b.sum);
  EXPECT_EQ(a.squares, b.squares);
  EXPECT_EQ(a.first, b.first);
  EXPECT_EQ(a.last, b.last);
  EXPECT_EQ(a.first_ns, b.first_ns);
  EXPECT_EQ(a.last_ns, b.last_ns);
  EXPECT_EQ(a.mean_t, b.mean_t);
  EXPECT_EQ(a.squares_t, b.squares_t);
  EXPECT_EQ(a.products, b.products);
  EXPECT_EQ(a.sketch, b.sketch);
}

TEST(SummaryCodec, brings_an_hour_back) {
  std::mt19937_64 random(7);
  const SeriesSummaries summaries = some_hour(random);
  const std::string payload = SummaryEncoder().encode(kStart, summaries);
  std::size_t count = 0;
  SummaryDecoder decoder;
  ASSERT_TRUE(decoder.decode(kStart, payload, {}, [&](const SeriesName& name, const SeriesSummary& summary) {
    ++count;
    ASSERT_TRUE(summaries.contains(name));
    expect_same(summary, summaries.find(name)->second);
  }));
  EXPECT_EQ(count, summaries.size());

  count = 0;
  ASSERT_TRUE(decoder.decode(kStart, payload,
                             {"2", [](std::string_view metric) { return metric == "cpu_usage"; }},
                             [&](const SeriesName& name, const SeriesSummary&) {
                               EXPECT_EQ(name.equipment_id, "2");
                               EXPECT_EQ(name.metric, "cpu_usage");
                               ++count;
                             }));
  EXPECT_EQ(count, 2u);
}

TEST(SummaryCodec, takes_an_equipment_out) {
  std::mt19937_64 random(8);
  const SeriesSummaries summaries = some_hour(random);
  auto payload = Result<std::string>(SummaryEncoder().encode(kStart, summaries));
  EXPECT_EQ(*strip_equipment(*payload, "3"), *payload);
  payload = strip_equipment(*payload, "1");
  ASSERT_TRUE(payload);
  std::size_t count = 0;
  SummaryDecoder decoder;
  ASSERT_TRUE(decoder.decode(kStart, *payload, {}, [&](const SeriesName& name, const SeriesSummary& summary) {
    EXPECT_NE(name.equipment_id, "1");  // and "10" is another
    expect_same(summary, summaries.find(name)->second);
    ++count;
  }));
  EXPECT_EQ(count, 8u);
  for (const char* const equipment : {"2", "10"}) {
    payload = strip_equipment(*payload, equipment);
    ASSERT_TRUE(payload);
  }
  EXPECT_EQ(*payload, "");
}

TEST(SummaryCodec, refuses_damage) {
  std::mt19937_64 random(9);
  const SeriesSummaries summaries = some_hour(random);
  const std::string good = SummaryEncoder().encode(kStart, summaries);
  SummaryDecoder decoder;
  int passed = 0;  // a few bits of deflate are padding
  for (int round = 0; round < 3000; ++round) {
    std::string bad = good;
    if (round % 3 == 0) {
      bad.resize(random() % bad.size());
    } else {
      bad[random() % bad.size()] ^= static_cast<char>(1u << random() % 8);
    }
    const auto done =
        decoder.decode(kStart, bad, {}, [&](const SeriesName& name, const SeriesSummary& summary) {
          ASSERT_TRUE(summaries.contains(name));
          expect_same(summary, summaries.find(name)->second);
        });
    if (done) {
      ++passed;
      continue;
    }
    EXPECT_EQ(done.error().kind, ErrorKind::corrupt);
    EXPECT_FALSE(strip_equipment(bad, "1"));
  }
  EXPECT_LT(passed, 10);
}

}  // namespace
}  // namespace vigile
