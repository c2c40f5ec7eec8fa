// SPDX-License-Identifier: Apache-2.0
// All readings in a list, and answers by looking at each of them: what the real ones are held against.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "equipment/readings.h"
#include "support/memory_history.h"

namespace vigile {

struct ModelReading {
  std::string equipment_id;
  std::string metric;
  std::string tags;
  std::int64_t time_ns = 0;
  double value = 0;

  std::string line() const {
    std::string text = "equipment_metrics,";
    if (!tags.empty()) text += tags + ",";
    text += "equipment_id=" + equipment_id + ",metric_name=" + metric + ",site_id=12 value=";
    char number[40];
    std::snprintf(number, sizeof number, "%.17g", value);
    return text + number + " " + std::to_string(time_ns) + "\n";
  }
};

class ReadingsModel {
 public:
  // One segment of them.
  std::uint64_t add(MemoryHistory& history, const std::vector<ModelReading>& readings) {
    std::string lines;
    std::int64_t first_ns = readings.front().time_ns;
    std::int64_t last_ns = first_ns;
    for (const ModelReading& reading : readings) {
      lines += reading.line();
      first_ns = std::min(first_ns, reading.time_ns);
      last_ns = std::max(last_ns, reading.time_ns);
    }
    all.insert(all.end(), readings.begin(), readings.end());
    return history.add(lines, first_ns, last_ns);
  }

  static bool wanted(const ReadingFilter& filter, const ModelReading& reading) {
    if (!filter.equipment_id.empty() && reading.equipment_id != filter.equipment_id) return false;
    if (!filter.metrics.empty() &&
        std::find(filter.metrics.begin(), filter.metrics.end(), reading.metric) == filter.metrics.end()) {
      return false;
    }
    return reading.time_ns >= filter.span.from_ns && reading.time_ns < filter.span.to_ns;
  }

  std::vector<ModelReading> matching(const ReadingFilter& filter) const {
    std::vector<ModelReading> found;
    for (const ModelReading& reading : all) {
      if (wanted(filter, reading)) found.push_back(reading);
    }
    return found;
  }

  // By start of the bucket; one bucket that starts with the span when bucket_ns is 0.
  std::map<std::int64_t, SeriesSummaries> fold(const ReadingFilter& filter, std::int64_t bucket_ns) const {
    std::map<std::int64_t, SeriesSummaries> folded;
    for (const ModelReading& reading : matching(filter)) {
      const std::int64_t start_ns =
          bucket_ns == 0 ? filter.span.from_ns : floor_to(reading.time_ns, bucket_ns);
      summary_of(folded[start_ns], {reading.equipment_id, reading.metric, reading.tags})
          .add(reading.time_ns, reading.value);
    }
    return folded;
  }

  std::vector<ModelReading> all;
};

// Exactly the same, but for the rounding of sums.
inline void expect_alike(const SeriesSummary& a, const SeriesSummary& b) {
  ASSERT_EQ(a.count, b.count);
  EXPECT_EQ(a.min, b.min);
  EXPECT_EQ(a.max, b.max);
  EXPECT_EQ(a.first, b.first);
  EXPECT_EQ(a.last, b.last);
  EXPECT_EQ(a.first_ns, b.first_ns);
  EXPECT_EQ(a.last_ns, b.last_ns);
  EXPECT_EQ(a.sketch, b.sketch);
  EXPECT_NEAR(*a.mean(), *b.mean(), 1e-9 * (1 + std::fabs(*b.mean())));
  EXPECT_NEAR(*a.standard_deviation(), *b.standard_deviation(), 1e-7);
  ASSERT_EQ(a.trend_per_hour().has_value(), b.trend_per_hour().has_value());
  if (a.trend_per_hour()) {
    EXPECT_NEAR(*a.trend_per_hour(), *b.trend_per_hour(), 1e-6 * (1 + std::fabs(*b.trend_per_hour())));
  }
}

inline void expect_alike(const std::map<std::int64_t, SeriesSummaries>& a,
                         const std::map<std::int64_t, SeriesSummaries>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (auto i = a.begin(), j = b.begin(); i != a.end(); ++i, ++j) {
    ASSERT_EQ(i->first, j->first);
    ASSERT_EQ(i->second.size(), j->second.size());
    for (auto k = i->second.begin(), l = j->second.begin(); k != i->second.end(); ++k, ++l) {
      ASSERT_TRUE(SeriesName(k->first) == SeriesName(l->first));
      expect_alike(k->second, l->second);
    }
  }
}

inline ModelReading random_reading(std::mt19937_64& random, std::int64_t around_ns) {
  ModelReading reading;
  reading.equipment_id = std::to_string(1 + random() % 3);
  reading.metric = random() % 2 == 0 ? "cpu_usage" : "memory_usage";
  if (random() % 3 == 0) reading.tags = "core=" + std::to_string(random() % 2);
  reading.time_ns = around_ns - static_cast<std::int64_t>(random() % 20'000'000'000);
  reading.value = static_cast<double>(random() % 20'000) / 100 - 50;
  return reading;
}

}  // namespace vigile
