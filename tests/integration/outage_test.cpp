// SPDX-License-Identifier: Apache-2.0
// The outage test: 600,000 points at 10,000 a second, the server ended and restarted three times, vigiled
// killed with -9 twice. At the end the server has every committed sequence number, none with two contents,
// and the log has drained.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "integration/daemon.h"
#include "integration/sequence_ledger.h"
#include "support/influx_server.h"
#include "support/mosquitto_server.h"
#include "support/mqtt_subscriber.h"

namespace vigile {
namespace {

constexpr int kRuns = 3;                          // of vigiled; the first two end with SIGKILL
constexpr std::uint64_t kPointsPerRun = 200'000;  // before it is killed
constexpr std::uint64_t kLimit = 210'000;         // of the simulate driver: where the last run ends

std::string settings(const std::string& sink) {
  return R"(
site: {id: 1, name: test}
device: edge
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 200ms, rate: 10000, limit: 210000, tags: {run: "${RUN}"}}
store: {path: @STORE@, max_size: 512MiB}
api: {socket: @SOCKET@}
sinks:
)" + sink;
}

// Plays the outage against `daemon`; `interrupt` ends and restarts the server.
template <class Interrupt>
void play(Daemon& daemon, Interrupt interrupt) {
  for (int run = 0; run < kRuns; ++run) {
    daemon.start({"RUN=r" + std::to_string(run)});
    const bool last = run == kRuns - 1;
    ASSERT_TRUE(
        eventually([&] { return daemon.number("/committed_points") > 50'000; }, std::chrono::seconds(60)))
        << daemon.output();
    interrupt();
    const double enough = last ? double(kLimit) : double(kPointsPerRun);
    ASSERT_TRUE(
        eventually([&] { return daemon.number("/committed_points") >= enough; }, std::chrono::seconds(90)))
        << daemon.output();
    if (!last) daemon.kill_hard();
  }
  daemon.request("POST", "/api/agent/flush");
  ASSERT_TRUE(
      eventually([&] { return daemon.number("/sinks/0/lag_points") == 0; }, std::chrono::seconds(120)))
      << daemon.get("/api/agent/status") << daemon.output();
}

void report(const char* what, const SequenceLedger& committed, std::uint64_t received) {
  std::printf(
      "%s: %llu points committed in %zu runs, %llu lines at the other end, none missing, none twice "
      "different\n",
      what, static_cast<unsigned long long>(committed.size()), committed.runs().size(),
      static_cast<unsigned long long>(received));
}

TEST(Outage, InfluxHasEveryCommittedPointOnce) {
  InfluxServer influx;
  influx.create_database("outage");
  Daemon daemon(
      settings("  - influx: {api: v1, url: \"" + influx.url() + "\", database: outage, every: 1s}\n"));
  play(daemon, [&] {
    influx.stop();
    ASSERT_TRUE(eventually([&] { return daemon.number("/sinks/0/failures") > 0; }));
    influx.start();
  });
  ASSERT_EQ(daemon.stop(), 0) << daemon.output();

  const SequenceLedger committed = SequenceLedger::from_log(daemon.store());
  EXPECT_EQ(committed.runs().size(), std::size_t{kRuns});
  for (const auto& [run, count] : committed.runs()) {
    EXPECT_EQ(committed.holes(run), 0u) << run;
    EXPECT_GE(count, kPointsPerRun) << run;
  }
  SequenceLedger stored;
  influx.for_each_row("outage", "SELECT \"value\", \"seq\", \"run\", \"metric_name\" FROM equipment_metrics",
                      [&](const InfluxServer::Row& row) {
                        stored.add(row.at("run"), std::stoull(row.at("seq")), row.at("metric_name"),
                                   std::stod(row.at("value")), std::stoll(row.at("time")));
                      });
  EXPECT_EQ(stored.conflicts(), 0u);
  EXPECT_EQ(committed.missing_in(stored), 0u);
  EXPECT_EQ(stored.missing_in(committed), 0u);
  report("InfluxDB", committed, stored.size());
}

TEST(Outage, MqttDeliversEveryCommittedPoint) {
  MosquittoServer broker({.persistent = true});
  MqttSubscriber subscriber(broker.port(), "vigile/1/edge/points");
  Daemon daemon(settings("  - mqtt: {url: \"" + broker.url() + "\", every: 1s}\n"));
  play(daemon, [&] {
    broker.stop();
    ASSERT_TRUE(eventually([&] { return daemon.number("/sinks/0/failures") > 0; }));
    broker.start();
  });
  ASSERT_EQ(daemon.stop(), 0) << daemon.output();

  const SequenceLedger committed = SequenceLedger::from_log(daemon.store());
  SequenceLedger received;
  std::uint64_t lines = 0;
  const auto take_all = [&] {
    lines = 0;
    for (const auto& [line, count] : subscriber.lines()) {
      received.add_line(line);
      lines += static_cast<std::uint64_t>(count);
    }
    return committed.missing_in(received) == 0;
  };
  EXPECT_TRUE(eventually(take_all, std::chrono::seconds(30)));
  EXPECT_EQ(committed.missing_in(received), 0u);
  EXPECT_EQ(received.missing_in(committed), 0u);
  EXPECT_EQ(received.conflicts(), 0u);
  for (const auto& [run, count] : committed.runs()) EXPECT_EQ(committed.holes(run), 0u) << run;
  report("MQTT", committed, lines);
}

}  // namespace
}  // namespace vigile
