// SPDX-License-Identifier: Apache-2.0
// What the whole daemon costs, by the kernel's counts of its process. Each figure is printed with its unit
// and its workload. Not a test: nothing passes or fails here.
//   agent_bench [intake] [sparse] [catch-up] [influx]     all of them by default; about five minutes
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "core/file.h"
#include "drivers/simulate/simulate.h"
#include "integration/daemon.h"
#include "sampling/line_writer.h"
#include "store/log.h"
#include "support/discarding_server.h"
#include "support/influx_server.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

// The kernel's counts of one process.
struct Usage {
  double cpu_seconds = 0;
  double write_bytes = 0;
  double voluntary_switches = 0;  // of all its threads
  double resident = 0;
  double private_dirty = 0;
};

double number_after(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key);
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + key.size(), nullptr);
}

Usage usage_of(pid_t pid) {
  Usage usage;
  const std::filesystem::path proc = "/proc/" + std::to_string(pid);
  usage.write_bytes = number_after(read_file(proc / "io").value_or(""), "\nwrite_bytes:");
  usage.resident = number_after(read_file(proc / "status").value_or(""), "VmRSS:") * 1024;
  usage.private_dirty = number_after(read_file(proc / "smaps_rollup").value_or(""), "Private_Dirty:") * 1024;
  const std::string stat = read_file(proc / "stat").value_or("");
  unsigned long user = 0;
  unsigned long system = 0;
  const std::size_t name_end = stat.rfind(')');
  if (name_end != std::string::npos) {
    std::sscanf(stat.c_str() + name_end, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                &system);
  }
  usage.cpu_seconds = static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(proc / "task", gone)) {
    usage.voluntary_switches +=
        number_after(read_file(task.path() / "status").value_or(""), "\nvoluntary_ctxt_switches:");
  }
  return usage;
}

void wait_for(std::chrono::nanoseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  eventually([&] { return std::chrono::steady_clock::now() >= end; }, std::chrono::seconds(3600));
}

void print(const char* what, double value, const char* unit, const char* target) {
  std::printf("  %-46s %14.3f %-9s (target %s)\n", what, value, unit, target);
  std::fflush(stdout);
}

std::string site(const std::string& equipment, const std::string& sinks) {
  return "site: {id: 12, name: Lyon-Nord}\ndevice: bench\nequipment:\n" + equipment +
         "store: {path: @STORE@, max_size: 2GiB}\napi: {socket: @SOCKET@}\n" +
         (sinks.empty() ? "" : "sinks:\n" + sinks);
}

std::string influx_sink(const std::string& url, const std::string& more = "") {
  return "  - influx: {url: \"" + url + "\", token: t, org: o, bucket: b" + more + "}\n";
}

// 1,000 readings a second of one simulated server, for a minute: what a reading costs on its way in.
void intake() {
  std::printf("intake: simulate, 1,000 points/s over 20 series, commit_every 1 s, no sink, 60 s\n");
  Daemon daemon(
      site("  - {id: 1, name: Serveur principal, type: server, drivers: [simulate: {every: 1s, rate: 1000, "
           "series: 20}]}\n",
           ""));
  daemon.start();
  wait_for(3s);
  const Usage before = usage_of(daemon.process().pid());
  const double points_before = daemon.number("/committed_points");
  wait_for(60s);
  const Usage after = usage_of(daemon.process().pid());
  const double points = daemon.number("/committed_points") - points_before;
  print("CPU a point, driver to commit", (after.cpu_seconds - before.cpu_seconds) / points * 1e6, "us",
        "<= 4");
  print("written to storage a point", (after.write_bytes - before.write_bytes) / points, "B", "<= 50");
  print("stored a point, compressed", daemon.number("/log/payload_bytes") / daemon.number("/log/points"), "B",
        "<= 25");
  daemon.stop();
}

// The same at 10,000 a second, where the process's fixed costs no longer show.
void intake_fast() {
  std::printf("intake, fast: simulate, 10,000 points/s over 200 series, commit_every 1 s, no sink, 30 s\n");
  Daemon daemon(
      site("  - {id: 1, name: Serveur principal, type: server, drivers: [simulate: {every: 1s, rate: 10000, "
           "series: 200}]}\n",
           ""));
  daemon.start();
  wait_for(3s);
  const Usage before = usage_of(daemon.process().pid());
  const double points_before = daemon.number("/committed_points");
  wait_for(30s);
  const Usage after = usage_of(daemon.process().pid());
  const double points = daemon.number("/committed_points") - points_before;
  print("CPU a point, driver to commit", (after.cpu_seconds - before.cpu_seconds) / points * 1e6, "us",
        "<= 4");
  print("written to storage a point", (after.write_bytes - before.write_bytes) / points, "B", "<= 50");
  daemon.stop();
}

// 60 metrics every 10 s, delivered every 10 s: an ordinary small site.
void sparse() {
  std::printf(
      "sparse: 12 simulated servers of 5 metrics every 10 s, an influx sink every 10 s to a server on "
      "loopback, 120 s\n");
  DiscardingServer server;
  std::string equipment;
  for (int i = 1; i <= 12; ++i) {
    equipment += "  - {id: " + std::to_string(i) + ", name: Serveur " + std::to_string(i) +
                 ", type: server, drivers: [simulate: {every: 10s, seed: " + std::to_string(i) + "}]}\n";
  }
  Daemon daemon(site(equipment, influx_sink(server.url())));
  daemon.start();
  wait_for(25s);
  const Usage before = usage_of(daemon.process().pid());
  const double points_before = daemon.number("/committed_points");
  wait_for(120s);
  const Usage after = usage_of(daemon.process().pid());
  std::printf("  (%.0f points in that time, %llu requests)\n",
              daemon.number("/committed_points") - points_before,
              static_cast<unsigned long long>(server.requests()));
  print("written to storage a minute", (after.write_bytes - before.write_bytes) / 2 / 1024, "KiB", "<= 60");
  print("voluntary context switches a minute", (after.voluntary_switches - before.voluntary_switches) / 2, "",
        "<= 120");
  print("CPU a minute", (after.cpu_seconds - before.cpu_seconds) / 2 * 1000, "ms", "-");
  print("private dirty, idle", after.private_dirty / 1048576, "MiB", "<= 3");
  print("resident, idle", after.resident / 1048576, "MiB", "<= 16");
  daemon.stop();
}

class Lines final : public Output {
 public:
  explicit Lines(LineWriter& writer) : writer_(writer) {}
  void add(const Sample& sample) override { writer_.write(sample, time += 1'000'000); }
  Result<void> add_point(const Point&, PointOrigin) override { return {}; }
  Result<void> commit() override { return {}; }
  void availability(bool, std::optional<double>, std::string_view) override {}
  std::int64_t time = 1'793'491'200'000'000'000;

 private:
  LineWriter& writer_;
};

// Fills a log with realistic readings, in segments of 1,000.
void fill(const std::filesystem::path& path, std::uint64_t points) {
  const SystemClock clock;
  LogOptions options;
  options.path = path;
  options.max_size_bytes = std::uint64_t{4} << 30;
  auto log = std::move(*Log::open(options, clock));
  (void)log->set_sinks({"influx"});
  const EquipmentIdentity equipment{"1", "Serveur principal", "server", "127.0.0.1"};
  LineWriter writer(WireFormat{.site_id = "12", .site_name = "Lyon-Nord"}, equipment, {});
  Lines out(writer);
  const auto curves = simulated_curves("server");
  for (std::uint64_t seq = 0; seq < points;) {
    writer.clear();
    for (int i = 0; i < 1000; ++i, ++seq) {
      const std::string_view metric = curves[seq % curves.size()].metric;
      const Value value{metric, metric, simulated_value(curves, 1, seq)};
      const ExtraField number{"seq", static_cast<std::int64_t>(seq)};
      out.add(Sample{.measurement = "simulate", .values = {&value, 1}, .extra = {&number, 1}});
    }
    const LineWriter::Lines& lines = writer.lines();
    (void)log->append(NewSegment{ClockState::set, lines.first_ns, lines.last_ns, lines.points, lines.text});
  }
}

struct CatchUp {
  double seconds = 0;
  Usage peak;
};

// Waits until nothing is left to deliver, watching the process.
CatchUp drain(Daemon& daemon) {
  CatchUp result;
  const auto begin = std::chrono::steady_clock::now();
  daemon.request("POST", "/api/agent/flush");
  double lag = 1;
  for (int i = 0; lag != 0; ++i) {
    const Usage now = usage_of(daemon.process().pid());
    result.peak.private_dirty = std::max(result.peak.private_dirty, now.private_dirty);
    result.peak.resident = std::max(result.peak.resident, now.resident);
    if (i % 10 == 9) lag = daemon.number("/sinks/0/lag_points");
    wait_for(10ms);
  }
  result.seconds = Seconds(std::chrono::steady_clock::now() - begin).count();
  return result;
}

void catch_up() {
  constexpr std::uint64_t kPoints = 10'000'000;
  std::printf(
      "catch-up: 10,000,000 points of about 200 B waiting in segments of 1,000, to a discarding HTTP server "
      "on loopback\n");
  DiscardingServer server;
  Daemon daemon(
      site("  - {id: 1, name: x, drivers: [cpu: {every: 10s}]}\n", influx_sink(server.url(), ", every: 1h")));
  fill(daemon.store(), kPoints);
  const auto begin = std::chrono::steady_clock::now();
  daemon.start();
  const double start_ms = Seconds(std::chrono::steady_clock::now() - begin).count() * 1000;
  print("start until the socket answers", start_ms, "ms", "<= 200");
  const Usage before = usage_of(daemon.process().pid());
  const CatchUp done = drain(daemon);
  const Usage after = usage_of(daemon.process().pid());
  print("points a second", static_cast<double>(kPoints) / done.seconds, "", ">= 2,000,000");
  print("CPU a point", (after.cpu_seconds - before.cpu_seconds) / kPoints * 1e6, "us", "<= 0.3");
  print("private dirty, peak", done.peak.private_dirty / 1048576, "MiB", "<= 12");
  print("resident, peak", done.peak.resident / 1048576, "MiB", "-");
  print("bytes sent a point", static_cast<double>(server.body_bytes()) / kPoints, "B", "-");
  daemon.stop();
}

void catch_up_influx() {
  constexpr std::uint64_t kPoints = 1'000'000;
  std::printf(
      "catch-up: 1,000,000 points of about 200 B waiting in segments of 1,000, to InfluxDB 1.x on loopback, "
      "on the same cores\n");
  InfluxServer influx;
  influx.create_database("bench");
  Daemon daemon(site("  - {id: 1, name: x, drivers: [cpu: {every: 10s}]}\n",
                     "  - influx: {api: v1, url: \"" + influx.url() + "\", database: bench, every: 1h}\n"));
  fill(daemon.store(), kPoints);
  daemon.start();
  const Usage before = usage_of(daemon.process().pid());
  const Usage server_before = usage_of(influx.pid());
  const CatchUp done = drain(daemon);
  const Usage after = usage_of(daemon.process().pid());
  const double server_cpu = usage_of(influx.pid()).cpu_seconds - server_before.cpu_seconds;
  print("points a second", static_cast<double>(kPoints) / done.seconds, "", "the server's own");
  print("CPU a point", (after.cpu_seconds - before.cpu_seconds) / kPoints * 1e6, "us", "-");
  print("the server's own CPU a point", server_cpu / kPoints * 1e6, "us", "-");
  print("stored there", static_cast<double>(influx.count("bench", "equipment_metrics", "equipment_id='1'")),
        "points", ">= 1,000,000");
  daemon.stop();
}

int run(int argc, char** argv) {
  const std::array<std::pair<const char*, void (*)()>, 5> benches = {{{"intake", intake},
                                                                      {"intake-fast", intake_fast},
                                                                      {"sparse", sparse},
                                                                      {"catch-up", catch_up},
                                                                      {"influx", catch_up_influx}}};
  for (const auto& [name, bench] : benches) {
    bool wanted = argc == 1;
    for (int i = 1; i < argc; ++i) wanted = wanted || std::strcmp(argv[i], name) == 0;
    if (wanted) bench();
  }
  return 0;
}

}  // namespace
}  // namespace vigile

int main(int argc, char** argv) {
  return vigile::run(argc, argv);
}
