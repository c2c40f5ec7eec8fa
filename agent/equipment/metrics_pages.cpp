// SPDX-License-Identifier: Apache-2.0
#include "equipment/metrics_pages.h"

#include <algorithm>
#include <map>
#include <queue>
#include <utility>
#include <vector>

#include "equipment/page_rows.h"
#include "equipment/performance.h"
#include "equipment/question_memory.h"
#include "equipment/raw_fold.h"

namespace vigile {

namespace {

constexpr std::int64_t kFirstStretchNs = kHourNs;  // of raw readings; doubled until the page is full
constexpr std::int64_t kFirstWindows = 64;         // of summaries
constexpr std::size_t kManySeries = 4096;          // folded at a time: stretches grow no further
constexpr std::uint64_t kMostLastRows = 100'000;

std::optional<double> quantile_of(Aggregation aggregation) {
  switch (aggregation) {
    case Aggregation::p50:
      return 0.50;
    case Aggregation::p95:
      return 0.95;
    case Aggregation::p99:
      return 0.99;
    default:
      return std::nullopt;
  }
}

// All but percentiles.
std::optional<double> plain_value(Aggregation aggregation, const SeriesSummary& summary) {
  switch (aggregation) {
    case Aggregation::mean:
      return summary.mean();
    case Aggregation::min:
      return summary.min;
    case Aggregation::max:
      return summary.max;
    case Aggregation::sum:
      return summary.sum;
    case Aggregation::count:
      return static_cast<double>(summary.count);
    case Aggregation::last:
      return summary.last;
    default:
      return std::nullopt;
  }
}

std::int64_t plus(std::int64_t time_ns, std::int64_t by_ns) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(time_ns, by_ns, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}
std::int64_t minus(std::int64_t time_ns, std::int64_t by_ns) {
  std::int64_t difference = 0;
  return __builtin_sub_overflow(time_ns, by_ns, &difference) ? std::numeric_limits<std::int64_t>::min()
                                                             : difference;
}
std::int64_t doubled(std::int64_t length_ns) {
  return length_ns > (std::int64_t{1} << 61) ? length_ns : 2 * length_ns;
}

class Query {
 public:
  Query(ReadingSource& source, const MetricsQuery& query, PageRows& rows)
      : source_(source), query_(query), rows_(rows), window_ns_(query.window.count()) {}

  Result<void> raw();
  Result<void> last(std::uint64_t wanted);
  Result<void> windows();
  bool sketched() const { return sketched_; }

 private:
  ReadingFilter filter(TimeSpan span) const { return {query_.equipment_id, query_.metrics, span}; }
  std::int64_t start_of(std::int64_t time_ns) const {
    if (window_ns_ == 0) return query_.span.from_ns;
    return std::max(floor_to(time_ns, window_ns_), query_.span.from_ns);
  }
  Result<std::size_t> fold_raw(TimeSpan span);
  Result<std::size_t> fold_hours(TimeSpan span);

  ReadingSource& source_;
  const MetricsQuery& query_;
  PageRows& rows_;
  const std::int64_t window_ns_;
  bool sketched_ = false;
};

// Forward from the last page's end, until the page is full.
Result<void> Query::raw() {
  std::int64_t from_ns = std::max(query_.span.from_ns, rows_.after_ns().value_or(query_.span.from_ns));
  std::int64_t length_ns = kFirstStretchNs;
  while (from_ns < query_.span.to_ns && !rows_.full()) {
    const TimeSpan stretch{from_ns, std::min(plus(from_ns, length_ns), query_.span.to_ns)};
    const auto done = source_.scan(filter(stretch), [&](const Reading& reading) {
      rows_.offer(reading.time_ns, reading.metric, reading.tags, reading.value);
      return !QuestionMemory::is_exceeded();
    });
    if (!done) return done;
    if (QuestionMemory::is_exceeded()) return QuestionMemory::error();
    from_ns = stretch.to_ns;
    length_ns = doubled(length_ns);
  }
  return {};
}

// Backward from the span's end, until each series has its last ones. Which series there are, and whether one
// has as many at all, a long span's summaries know.
Result<void> Query::last(std::uint64_t wanted) {
  using Latest = std::priority_queue<std::pair<std::int64_t, double>,
                                     std::vector<std::pair<std::int64_t, double>>, std::greater<>>;
  std::map<SeriesKey, std::uint64_t, SeriesOrder> missing;
  HeldMemory held;
  const auto short_span = answered_from_raw(source_, query_.span);
  if (!short_span) return short_span.error();
  if (!*short_span) {
    const auto folded =
        source_.fold(filter(query_.span), true, 0,
                     [&](std::string_view equipment, std::string_view metric, std::string_view tags,
                         std::int64_t, const SeriesSummary& summary) {
                       const auto series = missing.emplace(SeriesKey({equipment, metric, tags}),
                                                           std::min(wanted, summary.count));
                       held.hold(sizeof(*series.first) + kNodeBytes + series.first->first.memory_bytes());
                     });
    if (!folded) return folded.error();
  }
  std::map<SeriesKey, Latest, SeriesOrder> latest;
  std::uint64_t kept = 0;
  std::int64_t to_ns = query_.span.to_ns;
  std::int64_t length_ns = *short_span ? kRawSpanNs : kFirstStretchNs;
  const auto enough = [&] {
    if (*short_span) return false;
    return std::all_of(missing.begin(), missing.end(), [&](const auto& series) {
      const auto found = latest.find(series.first);
      return found != latest.end() && found->second.size() >= series.second;
    });
  };
  while (to_ns > query_.span.from_ns && !enough()) {
    const TimeSpan stretch{std::max(minus(to_ns, length_ns), query_.span.from_ns), to_ns};
    const auto done = source_.scan(filter(stretch), [&](const Reading& reading) {
      const SeriesName name{reading.equipment_id, reading.metric, reading.tags};
      auto found = latest.lower_bound(name);
      if (found == latest.end() || SeriesName(found->first) != name) {
        found = latest.emplace_hint(found, SeriesKey(name), Latest());
        held.hold(sizeof(*found) + kNodeBytes + found->first.memory_bytes());
      }
      found->second.emplace(reading.time_ns, reading.value);
      if (found->second.size() > wanted) {
        found->second.pop();
      } else {
        ++kept;
        held.hold(2 * sizeof(Latest::value_type));
      }
      return kept <= kMostLastRows && !QuestionMemory::is_exceeded();
    });
    if (!done) return done;
    if (QuestionMemory::is_exceeded()) return QuestionMemory::error();
    if (kept > kMostLastRows) {
      return Error{ErrorKind::config, "last: " + std::to_string(wanted) + " of each series are more than " +
                                          std::to_string(kMostLastRows) +
                                          " rows: ask for fewer, or name metrics"};
    }
    to_ns = stretch.from_ns;
    length_ns = doubled(length_ns);
  }
  for (auto& [key, readings] : latest) {
    for (; !readings.empty(); readings.pop()) {
      rows_.offer(readings.top().first, key.metric, key.tags, readings.top().second);
    }
  }
  return {};
}

// Both return how many series (in all windows) there were.
Result<std::size_t> Query::fold_raw(TimeSpan span) {
  const std::optional<double> q = quantile_of(query_.aggregation);
  RawFold fold(q.has_value());
  const auto done = source_.scan(
      filter(span), [&](const Reading& reading) { return fold.add(start_of(reading.time_ns), reading); });
  if (!done) return done.error();
  if (QuestionMemory::is_exceeded()) return QuestionMemory::error();
  for (auto& [start_ns, window] : fold.windows()) {
    for (auto& [key, series] : window) {
      const auto value = q ? series.quantile(*q) : plain_value(query_.aggregation, series.summary);
      if (value) rows_.offer(start_ns, key.metric, key.tags, *value);
    }
  }
  sketched_ = sketched_ || !fold.exact();
  return fold.size();
}

Result<std::size_t> Query::fold_hours(TimeSpan span) {
  const std::optional<double> q = quantile_of(query_.aggregation);
  std::size_t size = 0;
  const auto done =
      source_.fold(filter(span), true, window_ns_,
                   [&](std::string_view, std::string_view metric, std::string_view tags,
                       std::int64_t start_ns, const SeriesSummary& summary) {
                     const auto value = q ? summary.quantile(*q) : plain_value(query_.aggregation, summary);
                     if (value) rows_.offer(std::max(start_ns, query_.span.from_ns), metric, tags, *value);
                     ++size;
                   });
  if (!done) return done.error();
  sketched_ = sketched_ || q.has_value();
  return size;
}

Result<void> Query::windows() {
  const auto from_raw = answered_from_raw(source_, query_.span);
  if (!from_raw) return from_raw.error();
  const bool by_hours = !*from_raw && window_ns_ % kHourNs == 0;
  if (window_ns_ == 0) {
    const auto done = by_hours ? fold_hours(query_.span) : fold_raw(query_.span);
    if (!done) return done.error();
    return {};
  }
  std::int64_t from_ns = query_.span.from_ns;
  if (const auto after_ns = rows_.after_ns()) from_ns = std::max(from_ns, start_of(*after_ns));
  std::int64_t length_ns = window_ns_;
  for (std::int64_t n = 1; by_hours ? n < kFirstWindows : length_ns < kFirstStretchNs; n *= 2) {
    length_ns = doubled(length_ns);
  }
  while (from_ns < query_.span.to_ns && !rows_.full()) {
    const std::int64_t end_ns = plus(floor_to(from_ns, window_ns_), length_ns);
    const TimeSpan stretch{from_ns, std::min(end_ns, query_.span.to_ns)};
    const auto series = by_hours ? fold_hours(stretch) : fold_raw(stretch);
    if (!series) return series.error();
    from_ns = stretch.to_ns;
    if (*series < kManySeries) length_ns = doubled(length_ns);
  }
  return {};
}

Result<void> check(const MetricsQuery& query) {
  if (query.limit < 1 || query.limit > kMostRows) {
    return Error{ErrorKind::config, "limit: must be from 1 to " + std::to_string(kMostRows)};
  }
  if (query.last && (*query.last < 1 || *query.last > kMostLast)) {
    return Error{ErrorKind::config, "last: must be from 1 to " + std::to_string(kMostLast)};
  }
  if (query.last && query.aggregation != Aggregation::none) {
    return Error{ErrorKind::config, "last: counts raw readings, and there is an aggregation"};
  }
  if (query.window.count() < 0) return Error{ErrorKind::config, "window: must not be negative"};
  if (query.window.count() > 0 && query.aggregation == Aggregation::none) {
    return Error{ErrorKind::config, "window: needs an aggregation"};
  }
  return {};
}

}  // namespace

Result<MetricsPage> metrics_page(ReadingSource& source, const MetricsQuery& query) {
  if (const auto good = check(query); !good) return good.error();
  auto rows = PageRows::make(query.limit, query.page);
  if (!rows) return rows.error();
  Query run(source, query, *rows);
  Result<void> done;
  if (query.aggregation != Aggregation::none) {
    done = run.windows();
  } else if (query.last) {
    done = run.last(*query.last);
  } else {
    done = run.raw();
  }
  if (!done) return done.error();
  if (QuestionMemory::is_exceeded()) return QuestionMemory::error();
  MetricsPage page = rows->take();
  page.percentiles_from_sketches = run.sketched();
  return page;
}

}  // namespace vigile
