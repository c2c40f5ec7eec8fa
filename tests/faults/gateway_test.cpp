// SPDX-License-Identifier: Apache-2.0
// A device that publishes to a real broker, two gateways that share what it publishes and write it to a real
// InfluxDB, one of which is killed with -9 at random moments: at the end each point is there, once.
#include <gtest/gtest.h>
#include <poll.h>

#include <cstdio>
#include <random>
#include <string>

#include "faults/rounds.h"
#include "integration/daemon.h"
#include "integration/sequence_ledger.h"
#include "support/influx_server.h"
#include "support/mosquitto_server.h"

namespace vigile {
namespace {

constexpr int kKills = 12;
constexpr int kLongestLifeMs = 600;
constexpr int kPoints = 8000;
constexpr int kLatePoints = 2000;  // after the kills

std::string device(const std::string& broker, int points) {
  return R"(
site: {id: 7, name: plant}
device: press
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 50ms, rate: 1000, limit: )" +
         std::to_string(points) + R"(, tags: {run: "${RUN}"}}
store: {path: @STORE@, commit_every: 50ms}
api: {socket: @SOCKET@}
sinks:
  - mqtt: {url: ")" +
         broker + R"(", every: 50ms, max_message: 1KiB}
)";
}

std::string gateway(const std::string& broker, const std::string& influx) {
  return R"(
site: {id: 1, name: centre}
device: gateway
equipment:
  - id: broker
    name: Broker
    type: server
    drivers:
      - mqtt: {every: 100ms, url: ")" +
         broker + R"(", client_id: "${CLIENT}", topics: ["$share/gateways/vigile/+/+/points"], forward: true}
store: {path: @STORE@, commit_every: 50ms}
api: {socket: @SOCKET@}
sinks:
  - influx: {api: v1, url: ")" +
         influx + R"(", database: gateways, every: 100ms}
)";
}

TEST(Gateways, OneIsKilledAgainAndAgainAndNothingIsLost) {
  const int kills = kKills * fault_rounds();
  // What waits for the one that is away must have room at the broker.
  MosquittoServer broker({.global_lines = {"max_queued_messages 0"}});
  InfluxServer influx;
  influx.create_database("gateways");
  Daemon first(gateway(broker.url(), influx.url()));
  Daemon second(gateway(broker.url(), influx.url()));
  first.start({"CLIENT=first"});
  second.start({"CLIENT=second"});
  const auto is_connected = [](Daemon& daemon) {
    return eventually([&] {
      return daemon.number("/drivers/0/runs") >= 2 && daemon.text("/drivers/0/last_error").empty();
    });
  };
  ASSERT_TRUE(is_connected(first)) << first.output();
  ASSERT_TRUE(is_connected(second)) << second.output();

  Daemon press(device(broker.url(), kPoints));
  press.start({"RUN=r"});
  std::mt19937_64 random(20261125);
  for (int kill = 0; kill < kills; ++kill) {
    // A life of random length is what is tried here, so real time it is.
    ::poll(nullptr, 0, static_cast<int>(random() % kLongestLifeMs));
    second.kill_hard();
    second.start({"CLIENT=second"}, false);
  }
  const auto all_published = [&](int points) {
    return eventually([&] {
      press.request("POST", "/api/agent/flush");
      return press.number("/drivers/0/points") >= points && press.number("/sinks/0/lag_points") == 0;
    });
  };
  ASSERT_TRUE(all_published(kPoints)) << press.get("/api/agent/status");
  // However long the kills took: now both are there, and both get their part.
  ASSERT_TRUE(is_connected(second)) << second.output();
  ASSERT_EQ(press.stop(), 0) << press.output();
  press.write_settings(device(broker.url(), kLatePoints));
  press.start({"RUN=late"});
  ASSERT_TRUE(all_published(kLatePoints)) << press.get("/api/agent/status");
  constexpr std::uint64_t kAll = kPoints + kLatePoints;
  const auto stored = [&] { return influx.count("gateways", "equipment_metrics", "\"run\" =~ /./"); };
  ASSERT_TRUE(eventually([&] { return stored() >= kAll; })) << stored() << "\n"
                                                            << second.get("/api/agent/status");
  const double by_first = first.number("/drivers/0/points");
  const double by_second = second.number("/drivers/0/points");
  // What is forwarded is no history of this site's.
  EXPECT_EQ(first.get("/api/equipment/sim/metrics").find("\"value\""), std::string::npos);
  ASSERT_EQ(press.stop(), 0);
  ASSERT_EQ(first.stop(), 0) << first.output();
  ASSERT_EQ(second.stop(), 0) << second.output();

  SequenceLedger arrived;
  influx.for_each_row("gateways",
                      "SELECT \"value\", \"seq\", \"run\", \"metric_name\" FROM equipment_metrics",
                      [&](const InfluxServer::Row& row) {
                        if (row.at("seq").empty()) return;
                        arrived.add(row.at("run"), std::stoull(row.at("seq")), row.at("metric_name"),
                                    std::stod(row.at("value")), std::stoll(row.at("time")));
                      });
  const SequenceLedger made = SequenceLedger::from_log(press.store());
  EXPECT_EQ(made.size(), kAll);
  EXPECT_EQ(made.missing_in(arrived), 0u);
  EXPECT_EQ(arrived.missing_in(made), 0u);
  EXPECT_EQ(arrived.conflicts(), 0u);
  EXPECT_GT(by_first, 0);
  EXPECT_GT(by_second, 0);
  std::printf(
      "two gateways, one killed with -9 %d times: %d points published, missing at InfluxDB %llu, doubled "
      "%llu\n",
      kills, kPoints + kLatePoints, static_cast<unsigned long long>(made.missing_in(arrived)),
      static_cast<unsigned long long>(arrived.conflicts()));
}

}  // namespace
}  // namespace vigile
