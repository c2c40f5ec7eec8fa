// SPDX-License-Identifier: Apache-2.0
#include "equipment/performance.h"

#include <algorithm>
#include <tuple>

#include "equipment/question_memory.h"
#include "equipment/raw_fold.h"

namespace vigile {

namespace {

template <class Quantile>
PerformanceStats::Metric stats_of(const SeriesName& name, const SeriesSummary& summary, Quantile&& quantile) {
  PerformanceStats::Metric metric;
  metric.metric = name.metric;
  metric.tags = name.tags;
  metric.count = summary.count;
  if (summary.count == 0) return metric;
  metric.min = summary.min;
  metric.max = summary.max;
  metric.mean = summary.mean();
  metric.standard_deviation = summary.standard_deviation();
  metric.p50 = quantile(0.50);
  metric.p95 = quantile(0.95);
  metric.p99 = quantile(0.99);
  metric.first = summary.first;
  metric.last = summary.last;
  metric.trend_per_hour = summary.trend_per_hour();
  return metric;
}

}  // namespace

Result<bool> answered_from_raw(ReadingSource& source, TimeSpan span) {
  std::int64_t length_ns = 0;
  if (__builtin_sub_overflow(span.to_ns, span.from_ns, &length_ns) || length_ns > kRawSpanNs) return false;
  const auto since = source.raw_since_ns();
  if (!since) return since.error();
  return !*since || **since <= span.from_ns;
}

Result<PerformanceStats> performance_stats(ReadingSource& source, const std::string& equipment_id,
                                           const std::vector<std::string>& metrics, TimeSpan span) {
  const ReadingFilter filter{equipment_id, metrics, span};
  PerformanceStats stats;
  const auto add = [&stats](PerformanceStats::Metric metric) {
    if (QuestionMemory::hold(sizeof metric + metric.metric.size() + metric.tags.size()))
      stats.metrics.push_back(std::move(metric));
  };
  stats.coverage.span = span;
  const auto raw = answered_from_raw(source, span);
  if (!raw) return raw.error();
  if (*raw) {
    RawFold fold(true);
    const auto done =
        source.scan(filter, [&](const Reading& reading) { return fold.add(span.from_ns, reading); });
    if (!done) return done.error();
    for (auto& [start_ns, window] : fold.windows()) {
      for (auto& entry : window) {
        RawFold::Series& series = entry.second;
        add(stats_of(entry.first, series.summary, [&](double q) { return series.quantile(q); }));
      }
    }
    stats.coverage.from_summaries = !fold.exact();
  } else {
    const auto coverage = source.fold(
        filter, true, 0,
        [&](std::string_view equipment, std::string_view metric, std::string_view tags, std::int64_t,
            const SeriesSummary& summary) {
          add(stats_of({equipment, metric, tags}, summary, [&](double q) { return summary.quantile(q); }));
        });
    if (!coverage) return coverage.error();
    stats.coverage = *coverage;
    stats.coverage.from_summaries = true;
  }
  if (QuestionMemory::is_exceeded()) return QuestionMemory::error();
  std::sort(stats.metrics.begin(), stats.metrics.end(), [&](const auto& a, const auto& b) {
    const auto at = std::find(metrics.begin(), metrics.end(), a.metric);
    const auto other_at = std::find(metrics.begin(), metrics.end(), b.metric);
    return std::tie(at, a.metric, a.tags) < std::tie(other_at, b.metric, b.tags);
  });
  return stats;
}

}  // namespace vigile
