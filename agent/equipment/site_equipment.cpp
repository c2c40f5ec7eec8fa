// SPDX-License-Identifier: Apache-2.0
#include "equipment/site_equipment.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "equipment/metrics_pages.h"
#include "equipment/page_rows.h"
#include "equipment/performance.h"
#include "equipment/recordable.h"
#include "equipment/summary_codec.h"
#include "point/recordable.h"

namespace vigile {

namespace {

Error wrong(std::string message) {
  return Error{ErrorKind::config, std::move(message)};
}

std::vector<Tag> views(const std::map<std::string, std::string>& tags) {
  std::vector<Tag> all;
  for (const auto& [key, value] : tags) all.push_back(Tag{key, value});
  return all;
}

// Lines of one recording: those stamped by us count as the device's clock does, those that came with a time
// are of the wall clock whatever ours says.
class Lines {
 public:
  explicit Lines(const Stamp& now) : now_(now), parts_{NewSegment{.clock = now.clock}, NewSegment{}} {}

  // The text that a line with that time goes to, and its time.
  std::pair<std::string*, std::int64_t> place(std::optional<std::int64_t> time_ns) {
    NewSegment& part = parts_[time_ns ? 1 : 0];
    const std::int64_t time = time_ns.value_or(now_.now_ns);
    part.first_ns = part.points == 0 ? time : std::min(part.first_ns, time);
    part.last_ns = part.points == 0 ? time : std::max(part.last_ns, time);
    ++part.points;
    return {&part.lines, time};
  }
  // Of the lines that we stamped.
  const std::string& stamped() const { return parts_[0].lines; }
  std::span<const NewSegment> parts() const {
    const std::size_t first = parts_[0].points > 0 ? 0 : 1;
    return std::span(parts_).subspan(first, (parts_[1].points > 0 ? 2 : 1) - first);
  }

 private:
  const Stamp now_;
  std::array<NewSegment, 2> parts_;
};

// A span up to now was made a moment before it is answered: an outage at its end lasts, if nothing has
// changed since.
constexpr std::int64_t kStillNow = std::chrono::nanoseconds(std::chrono::minutes(1)).count();

// The first change in the span, if there is one. Looks a little ahead first: most often that is enough, and
// all changes of a year would be many.
Result<std::optional<StatusChange>> next_change(ReadingSource& readings, std::string_view id, TimeSpan span) {
  std::int64_t ahead = std::chrono::nanoseconds(std::chrono::hours(1)).count();
  for (std::int64_t from = span.from_ns; from <= span.to_ns; ahead *= 8) {
    const std::int64_t to = std::min(ahead, span.to_ns - from) + from + 1;
    auto changes = readings.status_changes(std::string(id), {from, to});
    if (!changes) return changes.error();
    for (StatusChange& change : *changes) {
      if (change.time_ns >= from) return std::optional(std::move(change));
    }
    from = to;
  }
  return std::optional<StatusChange>();
}

// How long after its beginning an outage may be decided, and still be looked for beyond the end of a span.
constexpr std::int64_t kLongestDoubt = std::chrono::nanoseconds(std::chrono::hours(24)).count();

std::int64_t beginning_of(const StatusChange& change) {
  return change.time_ns - change.decided_after_ns;
}

// The time that a caller's time is compared with; absent while the clock is not set.
std::optional<std::int64_t> known_now(const Stamp& stamp) {
  return stamp.clock == ClockState::unset ? std::nullopt : std::optional(stamp.now_ns);
}

}  // namespace

std::int64_t SiteEquipment::now_ns() const {
  return parts_.stamp().now_ns;
}

Result<void> SiteEquipment::commit(std::span<const NewSegment> lines) {
  const auto committed = parts_.commit(lines);
  if (committed) return {};
  return Error{committed.error().kind, "not committed: " + committed.error().message};
}

Result<void> SiteEquipment::record_metrics(std::string_view id, const std::vector<RecordedMetric>& metrics) {
  const auto equipment = parts_.directory.lines(id);
  if (!equipment) return equipment.error();
  const Stamp now = parts_.stamp();
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    if (const auto valid = check_recordable(metrics[i], id, known_now(now)); !valid) {
      return metrics.size() == 1 ? valid : wrong("[" + std::to_string(i) + "]." + valid.error().message);
    }
  }
  Lines lines(now);
  for (const RecordedMetric& metric : metrics) {
    const auto [text, time] = lines.place(metric.time_ns);
    if (!(*equipment)
             ->append_metric(metric.metric, metric.value, metric.tags, metric.additional_fields, time,
                             *text)) {
      return wrong("metric_name: \"" + metric.metric + "\" cannot be written");
    }
  }
  // Limits speak of what is now, not of what is told of the past.
  for (const RecordedMetric& metric : metrics) {
    if (!metric.time_ns) {
      parts_.directory.value(id, metric.metric, views(metric.tags), metric.value, now.boot);
    }
  }
  return commit(lines.parts());
}

Result<std::uint64_t> SiteEquipment::record_points(std::string_view id, std::vector<Point> points) {
  const auto equipment = parts_.directory.lines(id);
  if (!equipment) return equipment.error();
  const Stamp now = parts_.stamp();
  Lines lines(now);
  std::uint64_t number = 0;
  for (Point& point : points) {
    ++number;
    const std::string place =
        "point " + std::to_string(number) + " (" + point.measurement.substr(0, 60) + "): ";
    if (const auto valid = make_recordable(point, id, known_now(now)); !valid) {
      return wrong(place + valid.error().message);
    }
    if (const std::string* const large = first_past_int64(point, (*equipment)->encode_options())) {
      return wrong(place + "fields." + large->substr(0, 60) +
                   ": is past 9223372036854775807; the setting `unsigned` (true or float) has it written");
    }
    const auto [text, time] = lines.place(point.time_ns);
    if (!(*equipment)->append_point(std::move(point), time, *text)) {
      return wrong(place + "none of its fields can be written");
    }
  }
  observe(id, lines.stamped(), now.boot);
  if (const auto committed = commit(lines.parts()); !committed) return committed.error();
  return number;
}

void SiteEquipment::observe(std::string_view id, const std::string& lines, BootTime at) {
  if (lines.empty()) return;
  const TimeSpan always{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  LineReadings readings(parts_.namer, std::string(id), {});
  (void)readings.read(lines, always, [&](const Reading& reading) {
    const auto pairs = tag_pairs(reading.tags);
    std::vector<Tag> tags;
    for (const auto& [key, value] : pairs) tags.push_back(Tag{key, value});
    parts_.directory.value(id, reading.metric, tags, reading.value, at);
    return true;
  });
}

Result<void> SiteEquipment::record_availability(std::string_view id, bool is_available,
                                                std::optional<double> response_time_ms,
                                                std::string_view reason) {
  const auto equipment = parts_.directory.lines(id);
  if (!equipment) return equipment.error();
  if (response_time_ms && !(std::isfinite(*response_time_ms) && *response_time_ms >= 0)) {
    return wrong("response_time: must be a number of milliseconds, 0 or more");
  }
  if (const auto valid = check_recordable_reason(reason); !valid) return valid;
  const Stamp now = parts_.stamp();
  Lines lines(now);
  const auto [text, time] = lines.place(std::nullopt);
  (void)(*equipment)->append_availability(is_available, response_time_ms, reason, time, *text);
  parts_.directory.availability(id, kApiSource, is_available, reason, now.boot);
  if (response_time_ms) {
    parts_.directory.value(id, "response_time", {}, *response_time_ms, now.boot);
  }
  return commit(lines.parts());
}

Result<void> SiteEquipment::record_performance(std::string_view id, std::optional<double> cpu_usage,
                                               std::optional<double> memory_usage,
                                               std::optional<double> response_time_ms) {
  std::vector<RecordedMetric> metrics;
  const std::pair<const char*, std::optional<double>> given[] = {
      {"cpu_usage", cpu_usage}, {"memory_usage", memory_usage}, {"response_time", response_time_ms}};
  for (const auto& [name, value] : given) {
    if (value) metrics.push_back(RecordedMetric{.metric = name, .value = *value});
  }
  if (metrics.empty()) return wrong("cpu_usage, memory_usage, response_time: at least one is needed");
  return record_metrics(id, metrics);
}

Result<EquipmentState> SiteEquipment::record_status_change(std::string_view id, Status status,
                                                           std::string_view reason,
                                                           std::optional<std::int64_t> until_ns) {
  if (const auto valid = check_recordable_reason(reason); !valid) return valid.error();
  auto state = parts_.directory.set_status(id, status, reason, until_ns);
  if (!state) return state;
  if (const auto committed = commit({}); !committed) return committed.error();
  return state;
}

Result<EquipmentState> SiteEquipment::record_past_status(std::string_view id, Status status,
                                                         std::string_view reason, std::int64_t time_ns,
                                                         const std::map<std::string, std::string>& tags) {
  const auto equipment = parts_.directory.lines(id);
  if (!equipment) return equipment.error();
  if (const auto valid = check_recordable_reason(reason); !valid) return valid.error();
  const Stamp now = parts_.stamp();
  // The rules of a reading hold for its tags and its time.
  const RecordedMetric as_metric{.metric = "status", .tags = tags, .time_ns = time_ns};
  if (const auto valid = check_recordable(as_metric, id, known_now(now)); !valid) return valid.error();
  if (now.clock == ClockState::unset || time_ns > now.now_ns) return wrong("time: must be in the past");
  const auto before = parts_.history.last_status_changes(id, time_ns);
  if (!before) return before.error();
  StatusChange change{.equipment_id = std::string(id),
                      .time_ns = time_ns,
                      .old_status = before->empty() ? "unknown" : before->front().new_status,
                      .new_status = std::string(to_string(status)),
                      .reason = std::string(reason)};
  NewSegment segment{.first_ns = time_ns, .last_ns = time_ns, .points = 1};
  if (!(*equipment)->append_status_change(change, before->empty(), segment.lines, tags)) {
    return wrong("status: cannot be written");
  }
  segment.changes.push_back(std::move(change));
  if (const auto committed = commit(std::span(&segment, 1)); !committed) return committed.error();
  return parts_.directory.find(id);
}

template <class Answer>
auto SiteEquipment::with_readings(std::string_view id, const AnswerSource& source, Answer answer)
    -> decltype(answer(std::declval<ReadingSource&>())) {
  if (const auto known = parts_.directory.find(id); !known) return known.error();
  if (source.sink.empty()) return answer(parts_.readings);
  auto server = parts_.server_readings(source.sink);
  if (!server) return server.error();
  return answer(**server);
}

Result<MetricsPage> SiteEquipment::get_equipment_metrics(const MetricsQuery& query,
                                                         const AnswerSource& source) {
  return with_readings(query.equipment_id, source,
                       [&](ReadingSource& readings) { return metrics_page(readings, query); });
}

Result<AvailabilityReport> SiteEquipment::calculate_availability(std::string_view id, TimeSpan span,
                                                                 const AvailabilityOptions& options,
                                                                 const AnswerSource& source) {
  return with_readings(id, source, [&](ReadingSource& readings) -> Result<AvailabilityReport> {
    std::int64_t now = now_ns();
    auto changes = readings.status_changes(std::string(id), span);
    if (!changes) return changes.error();
    auto gaps = readings.gaps(span);
    if (!gaps) return gaps.error();
    if (span.to_ns <= now) {
      auto next = next_change(readings, id, {span.to_ns, std::min(now, span.to_ns + kLongestDoubt)});
      if (!next) return next.error();
      if (!*next && now - span.to_ns <= kStillNow) now = span.to_ns;
      if (*next) changes->push_back(std::move(**next));
    }
    return vigile::calculate_availability(std::move(*changes), std::move(*gaps), span, now, options);
  });
}

Result<PerformanceStats> SiteEquipment::get_performance_stats(std::string_view id,
                                                              const std::vector<std::string>& metrics,
                                                              TimeSpan span, const AnswerSource& source) {
  return with_readings(id, source, [&](ReadingSource& readings) {
    return performance_stats(readings, std::string(id), metrics, span);
  });
}

Result<std::vector<StatusPeriod>> SiteEquipment::get_status_history(std::string_view id, TimeSpan span,
                                                                    const AnswerSource& source) {
  return with_readings(id, source, [&](ReadingSource& readings) -> Result<std::vector<StatusPeriod>> {
    const std::int64_t now = now_ns();
    auto changes = readings.status_changes(std::string(id), span);
    if (!changes) return changes.error();
    // What held at the edges of the span is told whole.
    auto next = next_change(readings, id, {span.to_ns, now});
    if (!next) return next.error();
    TimeSpan whole{span.from_ns, std::max(span.to_ns, now)};
    for (const StatusChange& change : *changes) whole.from_ns = std::min(whole.from_ns, change.time_ns);
    // A change that began in the span belongs to the answer, and its period ends with the change after it.
    for (bool is_in_span = true; *next && is_in_span;) {
      is_in_span = beginning_of(**next) < span.to_ns;
      whole.to_ns = (*next)->time_ns;
      changes->push_back(std::move(**next));
      if (!is_in_span) break;
      next = next_change(readings, id, {whole.to_ns + 1, now});
      if (!next) return next.error();
    }
    auto gaps = readings.gaps(whole);
    if (!gaps) return gaps.error();
    return status_history(std::move(*changes), std::move(*gaps), span, now);
  });
}

Result<RemovalReport> SiteEquipment::remove(std::int64_t before_ns, std::string_view equipment_id,
                                            bool undelivered, bool dry_run) {
  return parts_.keeper.remove(
      [&] { return parts_.history.remove(before_ns, equipment_id, undelivered, dry_run, strip_equipment); });
}

}  // namespace vigile
