// SPDX-License-Identifier: Apache-2.0
// What answers cost on a full log: 10 equipments of 5 metrics every 10 s, a segment of 50 points each time.
// Builds the log through Log::append, folds it, then asks. Usage: history_bench [--days N (30)] [--dir D (a
// temporary one)] [--reuse]: a log that a run before left in D is asked again.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>

#include "equipment/log_readings.h"
#include "equipment/metrics_pages.h"
#include "equipment/performance.h"
#include "equipment/summary_codec.h"
#include "equipment/summary_keeper.h"
#include "store/log.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 24 * kHourNs;
constexpr std::int64_t kEvery = 10 * kSecond;
constexpr const char* kMetrics[] = {"cpu_usage", "memory_usage", "response_time", "temperature",
                                    "availability"};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double status_mib(const char* key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::stod(line.substr(std::strlen(key) + 1)) / 1024;
  }
  return 0;
}

// Time, CPU and memory of one answer; the best time of three.
void measure(const char* what, double limit_ms, const std::function<std::string()>& run) {
  double best = 1e9;
  double cpu = 1e9;
  double memory = 0;
  std::string result;
  for (int i = 0; i < 3; ++i) {
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins here
    const double idle = status_mib("VmRSS:");
    const double cpu_before = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    result = run();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    cpu = std::min(cpu, 1e3 * (cpu_seconds() - cpu_before));
    best = std::min(best, took.count());
    memory = std::max(memory, status_mib("VmHWM:") - idle);
  }
  std::printf("%-52s %8.1f ms %8.1f ms CPU %6.1f MiB%s  %s\n", what, best, cpu, memory,
              limit_ms > 0 && best > limit_ms ? "  OVER" : "", result.c_str());
  std::fflush(stdout);
}

struct Site {
  std::mt19937_64 random{1};
  std::normal_distribution<double> normal{0, 1};
  double values[50] = {};

  std::string lines(std::int64_t time_ns) {
    std::string text;
    for (int i = 0; i < 50; ++i) {
      const int equipment = i / 5 + 1;
      double& value = values[i];
      value = std::fabs(0.99 * value + 0.5 + normal(random));
      char line[400];
      const int size = std::snprintf(
          line, sizeof line,
          "equipment_metrics,equipment_id=%d,equipment_name=Serveur\\ principal\\ %d,equipment_type=server,"
          "ip_address=192.168.1.%d,metric_name=%s,site_id=12,site_name=Lyon-Nord value=%.*f %lld\n",
          equipment, equipment, equipment + 10, kMetrics[i % 5], i % 5 == 4 ? 0 : 2, i % 5 == 4 ? 1.0 : value,
          static_cast<long long>(time_ns + equipment * 1'234'567));
      text.append(line, static_cast<std::size_t>(size));
    }
    return text;
  }
};

void build(Log& log, std::int64_t from_ns, std::int64_t to_ns) {
  Site site;
  int day = 0;
  for (std::int64_t time_ns = from_ns; time_ns < to_ns; time_ns += kEvery) {
    if ((time_ns - from_ns) % kDay == 0) {
      std::printf("day %d\n", ++day);
      std::fflush(stdout);
    }
    NewSegment segment;
    segment.lines = site.lines(time_ns);
    segment.points = 50;
    segment.first_ns = time_ns + 1'234'567;
    segment.last_ns = time_ns + 12'345'670;
    if (const auto done = log.append(segment); !done) {
      std::printf("%s\n", done.error().message.c_str());
      std::exit(1);
    }
  }
}

// Rows of hours in the year before, as one hour after another would have left them.
void build_year(History& history, std::int64_t to_ns) {
  Site site;
  std::vector<SeriesSummaries> hours(12);
  LineReadings lines(nullptr, "", {});
  for (SeriesSummaries& hour : hours) {
    for (std::int64_t time_ns = 0; time_ns < kHourNs; time_ns += kEvery) {
      lines.read(site.lines(time_ns), {0, kHourNs}, [&](const Reading& reading) {
        summary_of(hour, {reading.equipment_id, reading.metric, reading.tags})
            .add(reading.time_ns, reading.value);
        return true;
      });
    }
  }
  SummaryEncoder encoder;
  std::vector<SummaryRow> rows;
  std::uint64_t bytes = 0;
  for (int i = 1; i <= 365 * 24; ++i) {
    const std::int64_t hour_ns = to_ns - i * kHourNs;
    SeriesSummaries shifted = hours[static_cast<std::size_t>(i) % hours.size()];
    for (auto& [key, summary] : shifted) {
      summary.first_ns += hour_ns;
      summary.last_ns += hour_ns;
    }
    rows.push_back({hour_ns, encoder.encode(hour_ns, shifted)});
    bytes += rows.back().payload.size();
    if (rows.size() < 240) continue;
    if (const auto done = history.store_summaries(rows, {}); !done)
      std::printf("%s\n", done.error().message.c_str());
    rows.clear();
  }
  if (!rows.empty() && !history.store_summaries(rows, {})) std::printf("the last rows failed\n");
  std::printf("a year of summaries: %.1f MB, %.0f bytes an hour of 50 series\n",
              static_cast<double>(bytes) / 1e6, static_cast<double>(bytes) / (365 * 24));
}

void fold(History& history, const Clock& clock, int days) {
  std::ofstream("/proc/self/clear_refs") << "5";
  const double idle = status_mib("VmRSS:");
  const double cpu_before = cpu_seconds();
  SummaryKeeper keeper(history, clock, nullptr);
  double longest = 0;
  for (BootTime due = clock.boot(); due <= clock.boot();) {
    const auto start = std::chrono::steady_clock::now();
    due = keeper.step(clock.boot());
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    longest = std::max(longest, took.count());
  }
  const double cpu = cpu_seconds() - cpu_before;
  std::printf(
      "fold: %.2f s CPU, %.1f ms an hour (%.5f %% of a core), longest step %.0f ms, %.1f MiB above idle\n",
      cpu, 1e3 * cpu / (24 * days), 100 * cpu / (24 * days) / 3600, longest, status_mib("VmHWM:") - idle);
}

// One hour of normal running: its segments are read, folded, and its row is stored.
void fold_one_hour(Log& log, FakeClock& clock) {
  const std::int64_t start_ns = to_ns(clock.wall());
  build(log, start_ns, start_ns + kHourNs);
  clock.advance(std::chrono::hours(1) + std::chrono::minutes(1));
  const double cpu_before = cpu_seconds();
  SummaryKeeper keeper(log.history(), clock, nullptr);
  int steps = 0;
  for (BootTime due = clock.boot(); due <= clock.boot(); ++steps) due = keeper.step(clock.boot());
  const double cpu = cpu_seconds() - cpu_before;
  std::printf("fold of the hour just closed: %.1f ms CPU in %d steps (%.5f %% of a core)\n", 1e3 * cpu, steps,
              100 * cpu / 3600);
}

std::string rows_of(const Result<MetricsPage>& page) {
  if (!page) return page.error().message;
  return std::to_string(page->rows.size()) + " rows" + (page->next.empty() ? "" : ", more");
}

void ask(History& history, std::int64_t now_ns, int days) {
  LogReadings readings(history, nullptr);
  const TimeSpan day{now_ns - kDay, now_ns};
  // With both edges within an hour.
  const TimeSpan month{now_ns - days * kDay + 17 * 60 * kSecond, now_ns - 23 * 60 * kSecond};
  const auto page = [&](TimeSpan span, Aggregation aggregation, std::chrono::nanoseconds window,
                        std::optional<std::uint64_t> last = {}) {
    MetricsQuery query;
    query.equipment_id = "3";
    query.span = span;
    query.aggregation = aggregation;
    query.window = window;
    query.last = last;
    return rows_of(metrics_page(readings, query));
  };
  const auto stats = [&](TimeSpan span) {
    const auto answer = performance_stats(readings, "3", {}, span);
    if (!answer) return answer.error().message;
    std::uint64_t count = 0;
    for (const auto& metric : answer->metrics) count += metric.count;
    return std::to_string(count) + " readings" + (answer->coverage.from_summaries ? ", from summaries" : "");
  };
  using namespace std::chrono_literals;
  measure("24 h: first page of raw metrics", 100, [&] { return page(day, Aggregation::none, 0ns); });
  measure("24 h: last 10 of each series", 100, [&] { return page(day, Aggregation::none, 0ns, 10); });
  measure("24 h: mean by 5 min", 100, [&] { return page(day, Aggregation::mean, 5min); });
  measure("24 h: p95 by 1 h", 100, [&] { return page(day, Aggregation::p95, 1h); });
  measure("24 h: stats of 5 metrics", 100, [&] { return stats(day); });
  measure("24 h: scan of availability", 100, [&] {
    double sum = 0;
    const auto done = readings.scan({"3", {"availability"}, day}, [&](const Reading& reading) {
      sum += reading.value;
      return true;
    });
    return done ? std::to_string(sum) : done.error().message;
  });
  measure("24 h of all 10 equipments: scan", 0, [&] {
    std::uint64_t count = 0;
    const auto done = readings.scan({"", {}, day}, [&](const Reading&) { return ++count > 0; });
    return done ? std::to_string(count) : done.error().message;
  });
  measure("whole log: stats", 500, [&] { return stats(month); });
  measure("whole log: mean by 1 h, first page", 500, [&] { return page(month, Aggregation::mean, 1h); });
  measure("whole log: p95 by 24 h", 500, [&] { return page(month, Aggregation::p95, 24h); });
  measure("whole log: last 10 of each series", 500, [&] { return page(month, Aggregation::none, 0ns, 10); });
  measure("whole log: first page of raw metrics", 500, [&] { return page(month, Aggregation::none, 0ns); });
  const TimeSpan year{now_ns - 365 * kDay, now_ns};
  measure("a year: stats", 1000, [&] { return stats(year); });
  measure("a year: mean by 24 h", 1000, [&] { return page(year, Aggregation::mean, 24h); });
  measure("a year: p99 by 24 h", 1000, [&] { return page(year, Aggregation::p99, 24h); });
  measure("a year of all 10 equipments: fold", 1000, [&] {
    std::uint64_t count = 0;
    const auto done = readings.fold({"", {}, year}, true, 0,
                                    [&](std::string_view, std::string_view, std::string_view, std::int64_t,
                                        const SeriesSummary& summary) { count += summary.count; });
    return done ? std::to_string(count) + " readings" : done.error().message;
  });
}

int run(int days, const std::filesystem::path& directory, bool reuse) {
  FakeClock clock;
  const std::int64_t now_ns = to_ns(clock.wall());
  LogOptions options;
  options.path = directory / "history.db";
  options.max_size_bytes = std::uint64_t{16} << 30;
  options.keep = options.keep_summaries = std::chrono::hours(10'000);
  auto log = Log::open(options, clock);
  if (!log) {
    std::printf("%s\n", log.error().message.c_str());
    return 1;
  }
  History& history = (*log)->history();
  if (!reuse) {
    const auto start = std::chrono::steady_clock::now();
    build(**log, now_ns - days * kDay, now_ns);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("%d days built in %.0f s, %.0f MB\n", days, took.count(),
                static_cast<double>((*log)->status().size_bytes) / 1e6);
    fold(history, clock, days);
    build_year(history, now_ns - days * kDay);
  }
  ask(history, now_ns, days);
  if (!reuse) fold_one_hour(**log, clock);
  return 0;
}

}  // namespace
}  // namespace vigile

int main(int argc, char** argv) {
  int days = 30;
  std::filesystem::path directory;
  bool reuse = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--days") == 0 && i + 1 < argc) {
      days = std::atoi(argv[++i]);
    } else if (std::strcmp(argv[i], "--dir") == 0 && i + 1 < argc) {
      directory = argv[++i];
    } else if (std::strcmp(argv[i], "--reuse") == 0) {
      reuse = true;
    } else {
      std::printf("usage: history_bench [--days N] [--dir D] [--reuse]\n");
      return 2;
    }
  }
  if (!directory.empty()) return vigile::run(days, directory, reuse);
  const vigile::TempDir temporary;
  return vigile::run(days, temporary.path(), reuse);
}
