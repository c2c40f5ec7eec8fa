// SPDX-License-Identifier: Apache-2.0
#include "equipment/log_readings.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <utility>

#include "core/logging.h"
#include "equipment/question_memory.h"

namespace vigile {

namespace {

// Folded series that are held before a smaller part of the span is taken at a time: some five megabytes.
constexpr std::size_t kMostFolded = 2048;
constexpr std::int64_t kFirstBuckets = 24;  // of the first part
constexpr int kMostTries = 20;
constexpr std::size_t kMostChanges = 1'000'000;
constexpr std::size_t kChangeBytes = 2 * (sizeof(StatusChange) + kNodeBytes);

bool empty(TimeSpan span) {
  return span.from_ns >= span.to_ns;
}

TimeSpan common(TimeSpan a, TimeSpan b) {
  return {std::max(a.from_ns, b.from_ns), std::min(a.to_ns, b.to_ns)};
}

std::int64_t add_clamped(std::int64_t time_ns, std::int64_t step_ns, std::int64_t steps) {
  std::int64_t distance = 0;
  std::int64_t sum = 0;
  if (__builtin_mul_overflow(step_ns, steps, &distance) || __builtin_add_overflow(time_ns, distance, &sum)) {
    return std::numeric_limits<std::int64_t>::max();
  }
  return sum;
}

}  // namespace

struct LogReadings::Tools {
  LineReadings lines;
  PayloadDecoder inflate;
  SummaryDecoder decoder;
  SummaryDecoder::Wanted wanted;
  std::map<std::int64_t, SeriesSummaries> folded;  // by start of the bucket
  std::size_t series = 0;                          // in it
  bool used_summaries = false;
  HeldMemory held;  // by folded

  Tools(const MetricNamer& namer, const ReadingFilter& filter, const std::string& site_id)
      : lines(namer, filter.equipment_id, filter.metrics, site_id), wanted{filter.equipment_id, {}} {
    if (!filter.metrics.empty()) {
      wanted.metric_wanted = [this](std::string_view metric) { return lines.wants_metric(metric); };
    }
  }
  Tools(const Tools&) = delete;
  Tools& operator=(const Tools&) = delete;

  template <class Change>  // of the series' summary
  void change(std::int64_t bucket_start_ns, const SeriesName& name, Change&& change) {
    SeriesSummary& summary = summary_of(folded[bucket_start_ns], name);
    if (summary.count == 0) {
      ++series;
      held.hold(sizeof(SeriesSummaries::value_type) + kNodeBytes + SeriesKey(name).memory_bytes());
    }
    const std::size_t before = summary.memory_bytes();
    change(summary);
    held.hold(summary.memory_bytes() - before);
  }
  void clear() {
    folded.clear();
    series = 0;
    held.release();
  }
};

LogReadings::LogReadings(History& history, MetricNamer namer, SiteIdSource site_id)
    : history_(history), namer_(std::move(namer)), site_id_(std::move(site_id)) {}

Result<void> LogReadings::scan(const ReadingFilter& filter, const std::function<bool(const Reading&)>& use) {
  Tools tools(namer_, filter, site_id_ ? site_id_() : "");
  const auto done = read_raw(filter.span, false, tools, use);
  if (!done) return done.error();
  return {};
}

// False when `use` ended it.
Result<bool> LogReadings::read_raw(TimeSpan span, bool unsummarised_only, Tools& tools,
                                   const std::function<bool(const Reading&)>& use) {
  if (empty(span)) return true;
  bool more = true;
  const auto done = history_.read_segments(span, unsummarised_only, [&](const StoredSegment& segment) {
    // The log has checked the compressed bytes.
    const auto lines = tools.inflate.decode(segment.view(), PayloadDecoder::Check::deflate);
    if (!lines) {
      log::warning(
          "equipment: "
          "segment " +
          std::to_string(segment.seq) + " is left out: " + lines.error().message);
      return true;
    }
    more = tools.lines.read(*lines, span, use);
    return more;
  });
  if (!done) return done.error();
  return more;
}

Result<std::optional<std::int64_t>> LogReadings::raw_since_ns() {
  constexpr std::int64_t kEver = std::numeric_limits<std::int64_t>::min();
  const auto gone_ns = history_.removed_until_ns();
  if (!gone_ns) return std::optional<std::int64_t>();
  // Is anything remembered of it?
  bool remembered = false;
  SummaryDecoder decoder;
  const auto done = history_.read_summaries(kEver, add_clamped(*gone_ns, 1, 1), [&](const SummaryRow& row) {
    const auto read =
        decoder.decode(row.hour_ns, row.payload, {}, [&](const SeriesName&, const SeriesSummary& summary) {
          remembered = remembered || summary.first_ns <= *gone_ns;
        });
    return !read || !remembered;  // a damaged row says nothing
  });
  if (!done) return done.error();
  if (!remembered) return std::optional<std::int64_t>();
  return std::optional(add_clamped(*gone_ns, 1, 1));
}

// How a part of an hour can be told. Raw readings that are gone are still in the hour's summaries: these are
// taken whole, which is exact when all of it lies in the span, and widens the span otherwise.
Result<LogReadings::Edge> LogReadings::edge(std::int64_t hour_ns, TimeSpan part, const ReadingFilter& filter,
                                            Tools& tools) {
  const auto gone_ns = history_.removed_until_ns();
  if (!gone_ns || *gone_ns < part.from_ns) return Edge::raw;
  bool found = false;
  bool inside = true;
  const auto done = history_.read_summaries(hour_ns, add_clamped(hour_ns, 1, 1), [&](const SummaryRow& row) {
    const auto read = tools.decoder.decode(
        row.hour_ns, row.payload, tools.wanted, [&](const SeriesName&, const SeriesSummary& summary) {
          found = true;
          if (summary.first_ns < filter.span.from_ns || summary.last_ns >= filter.span.to_ns) inside = false;
        });
    return read.has_value();
  });
  if (!done) return done.error();
  if (!found) return Edge::raw;
  return inside ? Edge::inside : Edge::widened;
}

Result<LogReadings::Plan> LogReadings::plan(const ReadingFilter& filter, bool may_use_summaries,
                                            Tools& tools) {
  const TimeSpan span = filter.span;
  Plan plan;
  plan.coverage.span = span;
  plan.left = span;
  if (empty(span) || !may_use_summaries) return plan;
  const std::int64_t first_hour = floor_to(span.from_ns, kHourNs);
  const std::int64_t end_hour = ceil_to(span.to_ns, kHourNs);
  const std::int64_t first_whole = ceil_to(span.from_ns, kHourNs);
  const std::int64_t end_whole = floor_to(span.to_ns, kHourNs);
  if (first_whole > end_whole) {  // within one hour
    const auto kind = edge(first_hour, span, filter, tools);
    if (!kind) return kind.error();
    if (*kind == Edge::raw) return plan;
    plan.left = {};
    plan.middle = {first_hour, end_hour};
    if (*kind == Edge::widened) plan.coverage.span = plan.middle;
    return plan;
  }
  plan.left = {span.from_ns, first_whole};
  plan.middle = {first_whole, end_whole};
  plan.right = {end_whole, span.to_ns};
  if (!empty(plan.left)) {
    const auto kind = edge(first_hour, plan.left, filter, tools);
    if (!kind) return kind.error();
    if (*kind != Edge::raw) {
      plan.left = {};
      plan.middle.from_ns = first_hour;
    }
    if (*kind == Edge::widened) plan.coverage.span.from_ns = first_hour;
  }
  if (!empty(plan.right)) {
    const auto kind = edge(end_whole, plan.right, filter, tools);
    if (!kind) return kind.error();
    if (*kind != Edge::raw) {
      plan.right = {};
      plan.middle.to_ns = end_hour;
    }
    if (*kind == Edge::widened) plan.coverage.span.to_ns = end_hour;
  }
  return plan;
}

// Folds what of the plan lies in `part`; false when that is too much at once, or became summaries meanwhile.
Result<bool> LogReadings::fold_part(const Plan& plan, TimeSpan part, std::int64_t bucket_ns, Tools& tools) {
  const auto bucket_of = [&](std::int64_t time_ns) {
    return bucket_ns == 0 ? plan.coverage.span.from_ns : floor_to(time_ns, bucket_ns);
  };
  const auto fits = [&] {
    return !QuestionMemory::is_exceeded() &&
           (bucket_ns == 0 || tools.series <= kMostFolded || tools.folded.size() <= 1);
  };
  const auto add = [&](const Reading& reading) {
    tools.change(bucket_of(reading.time_ns), {reading.equipment_id, reading.metric, reading.tags},
                 [&](SeriesSummary& summary) { summary.add(reading.time_ns, reading.value); });
    return fits();
  };
  bool fit = true;
  if (const TimeSpan middle = common(plan.middle, part); !empty(middle)) {
    // An hour at the edge that is taken whole may begin before the span does.
    const auto done =
        history_.read_summaries(floor_to(middle.from_ns, kHourNs), middle.to_ns, [&](const SummaryRow& row) {
          const std::int64_t bucket = bucket_of(row.hour_ns);
          const auto read = tools.decoder.decode(
              row.hour_ns, row.payload, tools.wanted,
              [&](const SeriesName& name, const SeriesSummary& summary) {
                tools.used_summaries = true;
                tools.change(bucket, name, [&](SeriesSummary& whole) { whole.merge(summary); });
              });
          if (!read) log::warning("equipment: " + read.error().message + "; they are left out");
          fit = fits();
          return fit;
        });
    if (!done) return done.error();
    if (!fit) return false;
    auto raw = read_raw(middle, true, tools, add);
    if (!raw || !*raw) return raw;
  }
  for (const TimeSpan edge : {common(plan.left, part), common(plan.right, part)}) {
    auto raw = read_raw(edge, false, tools, add);
    if (!raw || !*raw) return raw;
  }
  return true;
}

Result<ReadingCoverage> LogReadings::fold(const ReadingFilter& filter, bool may_use_summaries,
                                          std::int64_t bucket_ns, const FoldedSeries& use) {
  Tools tools(namer_, filter, site_id_ ? site_id_() : "");
  auto planned = plan(filter, may_use_summaries, tools);
  if (!planned) return planned.error();
  const TimeSpan whole = planned->coverage.span;
  std::int64_t buckets = kFirstBuckets;
  std::int64_t from_ns = whole.from_ns;
  int tries = 0;
  while (from_ns < whole.to_ns) {
    TimeSpan part{from_ns, whole.to_ns};
    if (bucket_ns != 0) {
      part.to_ns = std::min(part.to_ns, add_clamped(floor_to(from_ns, bucket_ns), bucket_ns, buckets));
    }
    tools.clear();
    // Between reading summaries and the segments that have none yet, some of these may have got theirs: they
    // would be counted twice, or not at all.
    const std::uint64_t version = history_.summaries_version();
    const auto done = fold_part(*planned, part, bucket_ns, tools);
    if (!done) return done.error();
    if (QuestionMemory::is_exceeded()) return QuestionMemory::error();
    if (!*done) {
      buckets = std::max<std::int64_t>(buckets / 2, 1);
      continue;
    }
    if (history_.summaries_version() != version) {
      if (++tries == kMostTries) {
        return Error{ErrorKind::unavailable, "readings: summaries change all the time: try again later"};
      }
      continue;
    }
    for (const auto& [start_ns, summaries] : tools.folded) {
      for (const auto& [key, summary] : summaries)
        use(key.equipment_id, key.metric, key.tags, start_ns, summary);
      if (QuestionMemory::is_exceeded()) return QuestionMemory::error();
    }
    if (tools.series < kMostFolded / 4 && buckets < (std::int64_t{1} << 40)) buckets *= 2;
    from_ns = part.to_ns;
  }
  planned->coverage.from_summaries = tools.used_summaries;
  return planned->coverage;
}

Result<std::vector<StatusChange>> LogReadings::status_changes(const std::string& equipment_id,
                                                              TimeSpan span) {
  auto changes = history_.last_status_changes(equipment_id, span.from_ns);
  if (!changes) return changes;
  // Each is copied once more into periods or reports.
  const std::uint64_t most =
      std::min<std::uint64_t>(kMostChanges, QuestionMemory::limit_bytes() / kChangeBytes);
  auto within = history_.status_changes(equipment_id, span, most + 1);
  if (!within) return within;
  if (within->size() > most) {
    (void)QuestionMemory::hold(within->size() * kChangeBytes);
    return QuestionMemory::error();
  }
  changes->insert(changes->end(), std::make_move_iterator(within->begin()),
                  std::make_move_iterator(within->end()));
  return changes;
}

Result<std::vector<TimeSpan>> LogReadings::gaps(TimeSpan span) {
  return history_.gaps(span);
}

}  // namespace vigile
