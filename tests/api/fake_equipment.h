// SPDX-License-Identifier: Apache-2.0
// An EquipmentService whose answers a test sets, and which remembers what it was asked. Any thread.
#pragma once

#include <atomic>
#include <charconv>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "core/mutex.h"
#include "equipment/service.h"

namespace vigile {

inline constexpr std::int64_t kFakeNow = 1793491200'000000000;  // 2026-11-01T00:00:00Z
inline constexpr std::int64_t kFakeHour = 3600'000000000;

class FakeEquipment final : public EquipmentService {
 public:
  FakeEquipment() {
    EquipmentState server;
    server.id = "1";
    server.name = "Serveur principal";
    server.type = "server";
    server.ip_address = "192.0.2.10";
    server.status = Status::online;
    server.since_ns = kFakeNow - 5 * kFakeHour;
    server.last_metric = "cpu_usage";
    server.last_value = 12.5;
    server.last_reading_ns = kFakeNow - 10'000000000;
    EquipmentState camera;
    camera.id = "cam 2";
    camera.name = "Caméra, nord";
    camera.type = "camera";
    states = {server, camera};
  }

  // Set before the server answers.
  std::vector<EquipmentState> states;
  MetricsPage page;
  AvailabilityReport report;
  PerformanceStats stats;
  std::vector<StatusPeriod> history;
  RemovalReport removal;
  std::optional<Error> failure;            // of everything but list() and find()
  std::function<void()> before_answering;  // may block: on the worker's thread

  // What was asked last.
  struct Asked {
    std::string id;
    std::vector<RecordedMetric> metrics;
    std::vector<Point> points;
    bool is_available = false;
    std::optional<double> cpu, memory, response_time;
    std::string reason;
    Status status = Status::unknown;
    std::optional<std::int64_t> until_ns;
    MetricsQuery query;
    TimeSpan span;
    std::vector<std::string> names;
    AvailabilityOptions options;
    std::string sink;
    std::int64_t before_ns = 0;
    bool undelivered = false;
    bool dry_run = false;
    int calls = 0;
    std::vector<bool> availabilities;  // of all calls
    std::vector<StatusChange>
        past_changes;  // of all calls; old_status says whether they are tagged simulated
    std::vector<RecordedMetric> all_metrics;  // of all calls
  };
  Asked asked() const {
    const MutexLock lock(mutex_);
    return asked_;
  }
  std::vector<bool> availabilities() const { return asked().availabilities; }
  std::vector<RecordedMetric> all_metrics() const { return asked().all_metrics; }
  void forget_asked() {
    const MutexLock lock(mutex_);
    asked_ = {};
  }

  std::string site_id() const override { return "12"; }
  std::int64_t now_ns() const override { return kFakeNow; }
  std::vector<EquipmentState> list() const override { return states; }
  Result<EquipmentState> find(std::string_view id) const override {
    for (const EquipmentState& state : states) {
      if (state.id == id) return state;
    }
    return Error{ErrorKind::not_found, "no equipment \"" + std::string(id) + "\"; there are: 1, cam 2"};
  }

  Result<void> record_metrics(std::string_view id, const std::vector<RecordedMetric>& metrics) override {
    return note(id, [&](Asked& asked) {
      asked.metrics = metrics;
      asked.all_metrics.insert(asked.all_metrics.end(), metrics.begin(), metrics.end());
    });
  }
  Result<std::uint64_t> record_points(std::string_view id, std::vector<Point> points) override {
    const std::uint64_t count = points.size();
    const auto noted = note(id, [&](Asked& asked) { asked.points = std::move(points); });
    if (!noted) return noted.error();
    return count;
  }
  Result<void> record_availability(std::string_view id, bool is_available,
                                   std::optional<double> response_time_ms, std::string_view reason) override {
    return note(id, [&](Asked& asked) {
      asked.is_available = is_available;
      asked.response_time = response_time_ms;
      asked.reason = reason;
      asked.availabilities.push_back(is_available);
    });
  }
  Result<void> record_performance(std::string_view id, std::optional<double> cpu_usage,
                                  std::optional<double> memory_usage,
                                  std::optional<double> response_time_ms) override {
    return note(id, [&](Asked& asked) {
      asked.cpu = cpu_usage;
      asked.memory = memory_usage;
      asked.response_time = response_time_ms;
    });
  }
  Result<EquipmentState> record_past_status(std::string_view id, Status status, std::string_view reason,
                                            std::int64_t time_ns,
                                            const std::map<std::string, std::string>& tags) override {
    const auto noted = note(id, [&](Asked& asked) {
      asked.past_changes.push_back({std::string(id), time_ns, tags.contains("simulated") ? "simulated" : "",
                                    std::string(to_string(status)), std::string(reason)});
    });
    if (!noted) return noted.error();
    return find(id);
  }
  Result<EquipmentState> record_status_change(std::string_view id, Status status, std::string_view reason,
                                              std::optional<std::int64_t> until_ns) override {
    const auto noted = note(id, [&](Asked& asked) {
      asked.status = status;
      asked.reason = reason;
      asked.until_ns = until_ns;
    });
    if (!noted) return noted.error();
    const auto known = find(id);
    if (!known) return known.error();
    EquipmentState state = *known;
    state.status = status;
    state.reason = reason;
    state.since_ns = kFakeNow;
    state.until_ns = until_ns;
    return state;
  }

  // Pages: `page` is cut by the query's limit; "next" is the number of the row that follows.
  Result<MetricsPage> get_equipment_metrics(const MetricsQuery& query, const AnswerSource& source) override {
    const auto noted = note(query.equipment_id, [&](Asked& asked) {
      asked.query = query;
      asked.span = query.span;
      asked.sink = source.sink;
    });
    if (!noted) return noted.error();
    std::size_t first = 0;
    const char* const page_end = query.page.data() + query.page.size();
    const auto parsed = std::from_chars(query.page.data(), page_end, first);
    if (!query.page.empty() && (parsed.ec != std::errc() || parsed.ptr != page_end))
      return Error{ErrorKind::config, "page: no page returned this"};
    MetricsPage part = page;
    part.rows.clear();
    for (std::size_t i = first; i < page.rows.size() && part.rows.size() < query.limit; ++i) {
      part.rows.push_back(page.rows[i]);
    }
    const std::size_t end = first + part.rows.size();
    if (end < page.rows.size()) part.next = std::to_string(end);
    return part;
  }
  Result<AvailabilityReport> calculate_availability(std::string_view id, TimeSpan span,
                                                    const AvailabilityOptions& options,
                                                    const AnswerSource& source) override {
    const auto noted = note(id, [&](Asked& asked) {
      asked.span = span;
      asked.options = options;
      asked.sink = source.sink;
    });
    if (!noted) return noted.error();
    AvailabilityReport answer = report;
    answer.span = span;
    // The second equipment has never been seen.
    if (id != "1") answer = AvailabilityReport{.span = span, .unknown_ns = span.to_ns - span.from_ns};
    return answer;
  }
  Result<PerformanceStats> get_performance_stats(std::string_view id, const std::vector<std::string>& metrics,
                                                 TimeSpan span, const AnswerSource& source) override {
    const auto noted = note(id, [&](Asked& asked) {
      asked.span = span;
      asked.names = metrics;
      asked.sink = source.sink;
    });
    if (!noted) return noted.error();
    PerformanceStats answer = stats;
    answer.coverage.span = span;
    if (id != "1") answer.metrics.clear();
    return answer;
  }
  Result<std::vector<StatusPeriod>> get_status_history(std::string_view id, TimeSpan span,
                                                       const AnswerSource& source) override {
    const auto noted = note(id, [&](Asked& asked) {
      asked.span = span;
      asked.sink = source.sink;
    });
    if (!noted) return noted.error();
    return history;
  }

  Result<RemovalReport> remove(std::int64_t before_ns, std::string_view equipment_id, bool undelivered,
                               bool dry_run) override {
    const auto noted = note(equipment_id, [&](Asked& asked) {
      asked.before_ns = before_ns;
      asked.undelivered = undelivered;
      asked.dry_run = dry_run;
    });
    if (!noted) return noted.error();
    return removal;
  }

 private:
  template <class Write>
  Result<void> note(std::string_view id, Write write) {
    if (before_answering) before_answering();
    const MutexLock lock(mutex_);
    ++asked_.calls;
    asked_.id = id;
    if (failure) return *failure;
    write(asked_);
    return {};
  }

  mutable Mutex mutex_;
  Asked asked_ GUARDED_BY(mutex_);
};

// 99 % over a day, with one outage that is over and one that lasts.
inline AvailabilityReport example_report() {
  AvailabilityReport report;
  report.availability_percent = 99.0;
  report.up_ns = 22 * kFakeHour;
  report.down_ns = kFakeHour / 4;
  report.warning_ns = kFakeHour;
  report.maintenance_ns = kFakeHour / 2;
  report.unknown_ns = kFakeHour;
  report.outages = 2;
  report.mtbf_seconds = 11 * 3600.0;
  report.mttr_seconds = 450.0;
  report.longest_outage_ns = 600'000000000;
  report.downtime = {{kFakeNow - 3 * kFakeHour, kFakeNow - 3 * kFakeHour + 600'000000000, 600'000000000,
                      "connection refused"},
                     {kFakeNow - 300'000000000, std::nullopt, 300'000000000, "no answer"}};
  return report;
}

inline PerformanceStats example_stats() {
  PerformanceStats stats;
  PerformanceStats::Metric cpu;
  cpu.metric = "cpu_usage";
  cpu.count = 8640;
  cpu.min = 1.5;
  cpu.max = 97.25;
  cpu.mean = 23.456;
  cpu.standard_deviation = 4.5;
  cpu.p50 = 22;
  cpu.p95 = 61;
  cpu.p99 = 88;
  cpu.first = 20;
  cpu.last = 12.5;
  cpu.trend_per_hour = -0.0125;
  PerformanceStats::Metric core = cpu;
  core.tags = "core=0";
  core.mean = 50;
  PerformanceStats::Metric pressure;
  pressure.metric = "memory_usage";
  pressure.count = 1;
  pressure.mean = std::numeric_limits<double>::quiet_NaN();
  stats.metrics = {cpu, core, pressure};
  return stats;
}

inline std::vector<StatusPeriod> example_history() {
  return {{Status::unknown, Status::online, kFakeNow - 5 * kFakeHour, kFakeNow - 3 * kFakeHour, kFakeHour, "",
           kFakeNow - 5 * kFakeHour},
          {Status::online, Status::offline, kFakeNow - 3 * kFakeHour, std::nullopt, 0, "connection refused",
           kFakeNow - 2 * kFakeHour}};
}

}  // namespace vigile
