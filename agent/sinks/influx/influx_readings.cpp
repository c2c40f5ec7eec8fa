// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/influx_readings.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "equipment/line_readings.h"
#include "equipment/question_memory.h"
#include "point/line_encode.h"
#include "sinks/influx/readings_query.h"

namespace vigile::influx_sink {

namespace {

constexpr std::size_t kTextBytes = std::size_t{64} << 10;
constexpr std::int64_t kLastNs = 9223372036854775806;  // that servers take
constexpr std::size_t kMostChanges = 1'000'000;

// Nothing is from before 1970, and servers have limits.
TimeSpan within_servers(TimeSpan span) {
  return {std::max<std::int64_t>(span.from_ns, 0), std::min(span.to_ns, kLastNs)};
}

std::vector<std::string> if_any(const std::string& value) {
  return value.empty() ? std::vector<std::string>() : std::vector<std::string>{value};
}

std::int64_t integer(const AnswerCell& cell) {
  std::int64_t number = 0;
  std::from_chars(cell.text.data(), cell.text.data() + cell.text.size(), number);
  return number;
}

// The parts of a status change, which Flux brings one field at a time.
class Changes {
 public:
  bool add(const ReadingsRow& row) {
    const std::string& old_status = row.tag("old_status");
    StatusChange& change =
        changes_[{row.time_ns, row.tag("equipment_id"), old_status, row.tag("new_status")}];
    change.equipment_id = row.tag("equipment_id");
    change.time_ns = row.time_ns;
    change.old_status = old_status == "new" ? "unknown" : old_status;
    change.new_status = row.tag("new_status");
    for (const auto& [field, cell] : row.fields) {
      if (field == "reason") change.reason = cell.text;
      if (field == "until_ns") change.until_ns = integer(cell);
      if (field == "decided_after_ns") change.decided_after_ns = integer(cell);
    }
    return changes_.size() < kMostChanges;
  }
  std::vector<StatusChange> take() {
    std::vector<StatusChange> all;
    for (auto& [key, change] : changes_) all.push_back(std::move(change));
    return all;
  }

 private:
  std::map<std::tuple<std::int64_t, std::string, std::string, std::string>, StatusChange> changes_;
};

}  // namespace

InfluxReadings::InfluxReadings(InfluxSettings settings, std::string site_id, std::string device)
    : settings_(std::move(settings)), site_id_(std::move(site_id)), device_(std::move(device)) {}

// Rows become lines again, so that names and tags of series are made as they are from the log.
Result<void> InfluxReadings::scan(const ReadingFilter& filter,
                                  const std::function<bool(const Reading&)>& use) {
  const TimeSpan span = within_servers(filter.span);
  ReadingsQuery query{.measurement = "equipment_metrics",
                      .fields = {"value"},
                      .conditions = {{"site_id", if_any(site_id_)},
                                     {"equipment_id", if_any(filter.equipment_id)},
                                     {"metric_name", filter.metrics}},
                      .from_ns = span.from_ns,
                      .to_ns = span.to_ns};
  LineReadings lines({}, filter.equipment_id, filter.metrics);
  std::string head;
  std::string text;
  const auto take_row = [&](const ReadingsRow& row) {
    if (!row.same_tags) {
      head = query.measurement;
      for (const auto& [key, value] : row.tags) append_tag(key, value, head);
      head += " value=";
    }
    for (const auto& [field, cell] : row.fields) {
      text += head + cell.text;
      append_time(row.time_ns, text);
    }
    if (text.size() < kTextBytes) return true;
    const bool more = lines.read(text, span, use);
    text.clear();
    return more;
  };
  InfluxClient client(settings_);
  if (const auto done = run_readings_query(client, query, take_row); !done) return done.error();
  (void)lines.read(text, span, use);
  return {};
}

Result<ReadingCoverage> InfluxReadings::fold(const ReadingFilter& filter, bool /*may_use_summaries*/,
                                             std::int64_t bucket_ns, const FoldedSeries& use) {
  std::map<std::int64_t, SeriesSummaries> buckets;
  HeldMemory held;
  const auto add = [&](const Reading& reading) {
    const std::int64_t bucket = bucket_ns == 0 ? filter.span.from_ns : floor_to(reading.time_ns, bucket_ns);
    SeriesSummary& summary =
        summary_of(buckets[bucket], {reading.equipment_id, reading.metric, reading.tags});
    const std::size_t before = summary.count == 0 ? 0 : summary.memory_bytes();
    summary.add(reading.time_ns, reading.value);
    return held.hold(summary.memory_bytes() - before + (before == 0 ? kNodeBytes : 0));
  };
  if (const auto done = scan(filter, add); !done) return done.error();
  if (QuestionMemory::is_exceeded()) return QuestionMemory::error();
  for (const auto& [start_ns, summaries] : buckets) {
    for (const auto& [key, summary] : summaries)
      use(key.equipment_id, key.metric, key.tags, start_ns, summary);
  }
  return ReadingCoverage{.from_summaries = false, .span = filter.span};
}

Result<std::vector<StatusChange>> InfluxReadings::status_changes(const std::string& equipment_id,
                                                                 TimeSpan span) {
  const TimeSpan asked = within_servers(span);
  ReadingsQuery query{.measurement = "equipment_status_changes",
                      .fields = {"status_value", "reason", "until_ns", "decided_after_ns"},
                      .tags = {"equipment_id", "new_status", "old_status"},
                      .conditions = {{"site_id", if_any(site_id_)}, {"equipment_id", if_any(equipment_id)}},
                      .from_ns = asked.from_ns,
                      .to_ns = asked.to_ns};
  InfluxClient client(settings_);
  Changes within;
  const auto read = [&](Changes& changes) {
    return run_readings_query(client, query, [&](const ReadingsRow& row) { return changes.add(row); });
  };
  if (const auto done = read(within); !done) return done.error();

  query.from_ns = 0;
  query.to_ns = asked.from_ns;
  query.latest = true;  // of each pair of statuses: the latest of these is the one
  Changes before;
  if (const auto done = read(before); !done) return done.error();
  std::map<std::string, StatusChange> last;
  for (StatusChange& change : before.take()) {
    std::string id = change.equipment_id;
    last[std::move(id)] = std::move(change);  // they come in the order of time
  }
  std::vector<StatusChange> all;
  all.reserve(last.size());
  for (auto& [id, change] : last) all.push_back(std::move(change));
  std::stable_sort(all.begin(), all.end(),
                   [](const StatusChange& a, const StatusChange& b) { return a.time_ns < b.time_ns; });
  for (StatusChange& change : within.take()) all.push_back(std::move(change));
  return all;
}

Result<std::vector<TimeSpan>> InfluxReadings::gaps(TimeSpan span) {
  // A gap's line is stamped with its end, so those that end after the span count, too.
  const TimeSpan asked = within_servers(span);
  const ReadingsQuery query{.measurement = "agent_gaps",
                            .fields = {"from_ns", "to_ns"},
                            .tags = {"device"},
                            .conditions = {{"site_id", if_any(site_id_)}, {"device", if_any(device_)}},
                            .from_ns = asked.from_ns + 1,
                            .to_ns = kLastNs};
  std::map<std::int64_t, TimeSpan> found;  // by the time of their points
  InfluxClient client(settings_);
  const auto done = run_readings_query(client, query, [&](const ReadingsRow& row) {
    for (const auto& [field, cell] : row.fields) {
      (field == "from_ns" ? found[row.time_ns].from_ns : found[row.time_ns].to_ns) = integer(cell);
    }
    return true;
  });
  if (!done) return done.error();
  std::vector<TimeSpan> gaps;
  for (const auto& [time_ns, gap] : found) {
    if (gap.from_ns < span.to_ns && gap.to_ns > span.from_ns) gaps.push_back(gap);
  }
  std::sort(gaps.begin(), gaps.end(), [](const TimeSpan& a, const TimeSpan& b) {
    return std::pair(a.from_ns, a.to_ns) < std::pair(b.from_ns, b.to_ns);
  });
  return gaps;
}

Result<std::unique_ptr<ReadingSource>> make_influx_readings(const Options& sink_options, bool native_layout,
                                                            const std::string& site_id,
                                                            const std::string& device) {
  if (native_layout) {
    return Error{ErrorKind::config,
                 "a server is asked in `layout: equipment` alone: with `layout: native` the names of metrics "
                 "are not on the wire"};
  }
  auto settings = read_settings(sink_options);
  if (!settings) return settings.error();
  return std::unique_ptr<ReadingSource>(
      std::make_unique<InfluxReadings>(std::move(*settings), site_id, device));
}

}  // namespace vigile::influx_sink
