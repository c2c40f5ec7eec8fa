// SPDX-License-Identifier: Apache-2.0
#include "equipment/quantile_sketch.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace vigile {
namespace {

void expect_close(double told, double exact) {
  EXPECT_LE(std::fabs(told - exact), QuantileSketch::kRelativeError * std::fabs(exact))
      << told << " for " << exact;
}

std::vector<double> random_values(std::mt19937_64& random, std::size_t count) {
  std::uniform_int_distribution<int> kind(0, 5);
  std::uniform_real_distribution<double> unit(0, 1);
  std::vector<double> values;
  const int of = kind(random);
  for (std::size_t i = 0; i < count; ++i) {
    switch (of) {
      case 0:
        values.push_back(std::round(unit(random) * 10'000) / 100);
        break;
      case 1:
        values.push_back(-50 + 100 * unit(random));
        break;
      case 2:
        values.push_back(std::exp(1400 * (unit(random) - 0.5)));  // nearly all of double's range
        break;
      case 3:
        values.push_back(kind(random) - 2);
        break;
      case 4:
        values.push_back(-std::exp(60 * (unit(random) - 0.5)));
        break;
      default:
        values.push_back(1e12 + unit(random));
    }
  }
  return values;
}

TEST(QuantileSketch, tells_every_rank_within_its_error) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    auto values = random_values(random, 1 + random() % 500);
    QuantileSketch sketch;
    for (const double value : values) sketch.add(value);
    std::sort(values.begin(), values.end());
    ASSERT_EQ(sketch.count(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) expect_close(sketch.at_rank(i + 1), values[i]);
  }
}

TEST(QuantileSketch, keeps_its_error_at_both_ends_of_the_range) {
  constexpr double kLeast = std::numeric_limits<double>::min();
  constexpr double kMost = std::numeric_limits<double>::max();
  const std::vector<double> values = {-kMost, -1, -kLeast, 0, kLeast, 1, kMost};
  QuantileSketch sketch;
  for (const double value : values) sketch.add(value);
  for (std::size_t i = 0; i < values.size(); ++i) expect_close(sketch.at_rank(i + 1), values[i]);
  QuantileSketch tiny;
  tiny.add(std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(tiny.at_rank(1), 0);
}

TEST(QuantileSketch, leaves_out_what_is_not_finite) {
  QuantileSketch sketch;
  sketch.add(std::numeric_limits<double>::quiet_NaN());
  sketch.add(std::numeric_limits<double>::infinity());
  sketch.add(-std::numeric_limits<double>::infinity());
  EXPECT_EQ(sketch, QuantileSketch());
}

TEST(QuantileSketch, merges_to_what_one_of_all_would_be) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 200; ++round) {
    QuantileSketch all;
    QuantileSketch merged;
    for (int part = 0; part < 4; ++part) {
      QuantileSketch one;
      for (const double value : random_values(random, random() % 60)) {
        one.add(value);
        all.add(value);
      }
      merged.merge(one);
    }
    ASSERT_EQ(merged, all);
    QuantileSketch twice = all;
    twice.merge(twice);
    EXPECT_EQ(twice.count(), 2 * all.count());
  }
}

TEST(QuantileSketch, is_small_for_few_values) {
  QuantileSketch sketch;
  for (int i = 0; i < 1000; ++i) sketch.add(42);
  EXPECT_LE(sketch.memory_bytes(), 16u);
  std::string bytes;
  sketch.encode(bytes);
  EXPECT_LE(bytes.size(), 6u);
}

TEST(QuantileSketch, comes_back_from_its_bytes) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    QuantileSketch sketch;
    for (const double value : random_values(random, random() % 300)) sketch.add(value, 1 + random() % 1000);
    std::string bytes;
    sketch.encode(bytes);
    bytes += "more";
    std::string_view in = bytes;
    QuantileSketch back;
    ASSERT_TRUE(back.decode(in));
    EXPECT_EQ(back, sketch);
    EXPECT_EQ(in, "more");
  }
}

TEST(QuantileSketch, refuses_damaged_bytes_or_gives_a_sound_sketch) {
  std::mt19937_64 random(4);
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    QuantileSketch sketch;
    for (const double value : random_values(random, random() % 20)) sketch.add(value);
    std::string bytes;
    sketch.encode(bytes);
    for (std::uint64_t n = 1 + random() % 3; n > 0; --n) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 3 == 0) bytes.resize(random() % (bytes.size() + 1));
    std::string_view in = bytes;
    QuantileSketch back;
    const auto done = back.decode(in);
    if (!done) {
      ++refused;
      EXPECT_EQ(done.error().kind, ErrorKind::corrupt);
      EXPECT_EQ(back, QuantileSketch());
    } else {
      std::string again;
      back.encode(again);
      std::string_view again_in = again;
      QuantileSketch same;
      ASSERT_TRUE(same.decode(again_in));
      EXPECT_EQ(same, back);
      EXPECT_TRUE(std::isfinite(back.at_rank(1)));
    }
  }
  EXPECT_GT(refused, 5'000u);
}

TEST(QuantileSketch, asks_for_no_memory_that_the_bytes_cannot_fill) {
  std::string bytes("\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9);  // so many buckets
  bytes += std::string(20, '\x01');
  std::string_view in = bytes;
  QuantileSketch back;
  EXPECT_FALSE(back.decode(in));
  EXPECT_LE(back.memory_bytes(), 16u * 20);
}

TEST(QuantileRank, is_the_nearest_rank) {
  EXPECT_EQ(quantile_rank(0, 10), 1u);
  EXPECT_EQ(quantile_rank(0.5, 10), 5u);
  EXPECT_EQ(quantile_rank(0.5, 11), 6u);
  EXPECT_EQ(quantile_rank(0.95, 20), 19u);
  EXPECT_EQ(quantile_rank(0.95, 100), 95u);
  EXPECT_EQ(quantile_rank(0.99, 100), 99u);
  EXPECT_EQ(quantile_rank(0.07, 100), 7u);  // 7.000000000000001 in floating point
  EXPECT_EQ(quantile_rank(1, 10), 10u);
  EXPECT_EQ(quantile_rank(0.5, 0), 0u);
}

}  // namespace
}  // namespace vigile
