// SPDX-License-Identifier: Apache-2.0
// A fleet of simulated agents, a real Mosquitto, one real gateway (vigiled) and a real InfluxDB on this
// machine: what connecting, running, and coming back all at once cost, and whether anything is lost.
//   fleet_bench [AGENTS [SECONDS]] [settings]     default 1000 agents, 30 s of running
// With `settings` each agent has a second session that waits for them (`remote_settings`), and 4 KiB of them
// are published for all.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>

#include "bench/simulated_fleet.h"
#include "integration/daemon.h"
#include "support/influx_server.h"
#include "support/mosquitto_server.h"

namespace vigile {
namespace {

using Time = FleetTime;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kBufferedMessages = 30;  // of an agent that was away for five minutes
constexpr int kSettingsBytes = 4096;

Time now() {
  return std::chrono::steady_clock::now();
}

double since(Time begin) {
  return std::chrono::duration<double>(now() - begin).count();
}

// What a process has used, in seconds; its resident memory in KiB.
double cpu_s(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string word;
  double ticks = 0;
  for (int i = 1; i <= 15 && stat >> word; ++i) {
    if (i >= 14) ticks += std::stod(word);
  }
  return ticks / double(::sysconf(_SC_CLK_TCK));
}

long resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atol(line.c_str() + 6);
  }
  return 0;
}

std::string gateway(const std::string& broker, const std::string& influx) {
  return "site: {id: 1, name: centre}\ndevice: gateway\nequipment:\n  - id: broker\n    drivers:\n      - "
         "mqtt: {every: 1s, url: \"" +
         broker +
         "\", client_id: gateway, topics: [\"vigile/+/+/points\"], forward: true}\n"
         "store: {path: @STORE@}\napi: {socket: @SOCKET@}\nsinks:\n  - influx: {api: v1, url: \"" +
         influx + "\", database: fleet, every: 1s}\n";
}

double percentile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(double(values.size()) * part))];
}

// The most connections tried in one second.
std::size_t peak(std::vector<Time> times) {
  std::sort(times.begin(), times.end());
  std::size_t most = 0;
  for (std::size_t begin = 0, end = 0; end < times.size(); ++end) {
    while (times[end] - times[begin] > seconds(1)) ++begin;
    most = std::max(most, end - begin + 1);
  }
  return most;
}

struct Bench {
  Fleet& fleet;
  MosquittoServer& broker;
  InfluxServer& influx;

  // Until InfluxDB has every point that was made; its count.
  std::uint64_t until_all_stored() {
    std::uint64_t stored = 0;
    Time looked{};
    fleet.run_until(
        [&] {
          if (now() - looked < milliseconds(500)) return false;
          looked = now();
          stored = influx.count("fleet", "equipment_metrics", "device =~ /^press-/");
          return stored >= fleet.points;
        },
        now() + seconds(120));
    return stored;
  }

  // Retained, as signed settings are.
  void publish_settings(const TempDir& directory) {
    const std::string file = directory.path() / "settings";
    std::ofstream(file) << std::string(kSettingsBytes, '#');
    const std::uint64_t before = fleet.settings_received;
    const Time begin = now();
    const ChildProcess publisher({"mosquitto_pub", "-p", std::to_string(broker.port()), "-q", "1", "-r", "-t",
                                  std::string(kFleetSettingsTopic), "-f", file},
                                 directory.path() / "publisher");
    fleet.run_until([&] { return fleet.settings_received - before >= fleet.agents(); }, begin + seconds(60));
    std::printf("%-34s %d bytes, at %llu of %zu agents after %.2f s\n", "settings published:", kSettingsBytes,
                static_cast<unsigned long long>(fleet.settings_received - before), fleet.agents(),
                since(begin));
  }

  void storm(const char* name, Retry retry) {
    fleet.retry = retry;
    fleet.sampling = false;
    until_all_stored();
    broker.stop();
    fleet.run_for(seconds(5));
    for (int i = kBufferedMessages; i > 0; --i) fleet.sample_all(kFleetEvery * i);
    fleet.connects.clear();
    const std::uint64_t buffered = kBufferedMessages * kFleetMetrics * fleet.agents();
    const Time begin = now();
    broker.start();
    const double up_s = fleet.until_all_up();
    fleet.run_until([&] { return fleet.all_acknowledged(); }, now() + seconds(120));
    const double acknowledged_s = since(begin);
    const std::uint64_t stored = until_all_stored();
    std::printf(
        "%-34s all %zu back after %.1f s, peak %zu connects/s, %zu in all; %llu buffered points acknowledged "
        "after %.1f s, "
        "in InfluxDB after %.1f s (%.0f points/s); lost %lld\n",
        name, fleet.sessions(), up_s, peak(fleet.connects), fleet.connects.size(),
        static_cast<unsigned long long>(buffered), acknowledged_s, since(begin),
        double(buffered) / since(begin),
        static_cast<long long>(fleet.points) - static_cast<long long>(stored));
  }
};

int run(int agents, int running_s, bool with_settings) {
  const rlim_t sessions = static_cast<rlim_t>(agents) * (with_settings ? 2 : 1);
  const rlimit files{sessions + 4096, sessions + 4096};
  ::setrlimit(RLIMIT_NOFILE, &files);
  std::printf(
      "%d agents%s, %d points every 10 s each; Mosquitto, one gateway and InfluxDB on the same machine, %ld "
      "cores\n",
      agents, with_settings ? " with a second session for settings" : "", kFleetMetrics,
      ::sysconf(_SC_NPROCESSORS_ONLN));
  const TempDir session;
  MosquittoServer broker({.global_lines = {"max_queued_messages 0", "persistence true", "autosave_interval 0",
                                           "persistence_location " + session.path().string() + "/"}});
  InfluxServer influx;
  influx.create_database("fleet");
  Daemon central(gateway(broker.url(), influx.url()));
  central.start();
  if (!eventually([&] {
        return central.number("/drivers/0/runs") >= 2 && central.text("/drivers/0/last_error").empty();
      })) {
    std::fprintf(stderr, "the gateway does not reach the broker\n%s\n", central.output().c_str());
    return 1;
  }
  const long broker_before = resident_kib(broker.pid());
  Fleet fleet(agents, with_settings, broker.port());
  Bench bench{fleet, broker, influx};

  const double up_s = fleet.until_all_up();
  std::printf("%-34s %zu connected in %.2f s\n", "start, all at once:", fleet.up, up_s);
  std::printf("%-34s %.1f KiB a connection\n", "memory of the broker:",
              double(resident_kib(broker.pid()) - broker_before) / double(fleet.sessions()));
  if (with_settings) bench.publish_settings(session);

  fleet.start_sampling();
  fleet.run_for(kFleetEvery);
  fleet.latencies_ms.clear();
  const std::uint64_t messages = fleet.messages;
  const std::uint64_t bytes = fleet.bytes;
  const double cpu[] = {cpu_s(broker.pid()), cpu_s(central.process().pid()), cpu_s(influx.pid()),
                        cpu_s(::getpid())};
  const Time begin = now();
  fleet.run_for(seconds(running_s));
  const double took = since(begin);
  const double sent = double(fleet.messages - messages);
  const double points = sent * kFleetMetrics;
  std::printf(
      "%-34s %.0f messages/s, %.0f points/s, %.0f bytes/s at the broker; acknowledged in %.2f ms (median), "
      "%.2f ms (99 %%)\n",
      "running:", sent / took, points / took, double(fleet.bytes - bytes) / took,
      percentile(fleet.latencies_ms, 0.5), percentile(fleet.latencies_ms, 0.99));
  std::printf("%-34s broker %.1f, gateway %.1f, InfluxDB %.1f, all agents simulated %.1f\n",
              "processor time, us a point:", (cpu_s(broker.pid()) - cpu[0]) / points * 1e6,
              (cpu_s(central.process().pid()) - cpu[1]) / points * 1e6,
              (cpu_s(influx.pid()) - cpu[2]) / points * 1e6, (cpu_s(::getpid()) - cpu[3]) / points * 1e6);
  std::printf("%-34s broker %ld KiB, gateway %ld KiB\n", "resident:", resident_kib(broker.pid()),
              resident_kib(central.process().pid()));

  bench.storm("broker restarted, agents' backoff:", Retry::jittered);
  bench.storm("broker restarted, each second:", Retry::every_second);
  const std::uint64_t stored = influx.count("fleet", "equipment_metrics", "device =~ /^press-/");
  std::printf("%-34s %llu points made, %llu in InfluxDB\n",
              "in the end:", static_cast<unsigned long long>(fleet.points),
              static_cast<unsigned long long>(stored));
  return stored == fleet.points ? 0 : 1;
}

}  // namespace
}  // namespace vigile

int main(int argc, char** argv) {
  const bool with_settings = argc > 1 && std::strcmp(argv[argc - 1], "settings") == 0;
  if (with_settings) --argc;
  const int agents = argc > 1 ? std::atoi(argv[1]) : 1000;
  const int running_s = argc > 2 ? std::atoi(argv[2]) : 30;
  if (agents < 1 || agents > 20000 || running_s < 1) {
    std::fprintf(stderr, "usage: fleet_bench [AGENTS, up to 20000 [SECONDS]] [settings]\n");
    return 2;
  }
  return vigile::run(agents, running_s, with_settings);
}
