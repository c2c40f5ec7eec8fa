// SPDX-License-Identifier: Apache-2.0
// vigiled killed with -9 at random moments of its life, from its first instruction on, sampling, committing
// and delivering to a real InfluxDB. Nothing that was committed may be missing there, doubled or changed.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>

#include "faults/rounds.h"
#include "integration/daemon.h"
#include "integration/sequence_ledger.h"
#include "support/influx_server.h"

namespace vigile {
namespace {

constexpr int kRounds = 500;
constexpr int kLongestLifeMs = 280;

std::string settings(const std::string& url) {
  return R"(
site: {id: 1, name: test}
device: edge
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 20ms, rate: 3000, limit: 6000, tags: {run: "${RUN}"}}
store: {path: @STORE@, commit_every: 50ms}
api: {socket: @SOCKET@}
sinks:
  - influx: {api: v1, url: ")" +
         url + R"(", database: kills, every: 50ms}
)";
}

TEST(Kill, AtRandomMomentsLosesNothingThatWasCommitted) {
  const int rounds = kRounds * fault_rounds();
  InfluxServer influx;
  influx.create_database("kills");
  Daemon daemon(settings(influx.url()));
  std::mt19937_64 random(20261124);
  double appended = 0;
  int alive = 0;
  int longest_ms = kLongestLifeMs;
  for (int round = 0; round < rounds; ++round) {
    daemon.start({"RUN=r" + std::to_string(round)}, false);
    // A life of random length is what is tried here, so real time it is.
    ::poll(nullptr, 0, static_cast<int>(random() % longest_ms));
    const double said = round % 4 == 0 ? daemon.number("/log/appended_points") : -1;
    ASSERT_TRUE(daemon.process().running()) << "ended by itself: " << daemon.output();
    daemon.kill_hard();
    if (round % 4 != 0) continue;
    // Where a start takes longer, lives are longer: about half of them are to get as far as committing.
    longest_ms = said > appended ? std::max(kLongestLifeMs, longest_ms * 9 / 10)
                                 : std::min(longest_ms * 5 / 4, 10 * kLongestLifeMs);
    if (said < 0) continue;
    ++alive;
    EXPECT_GE(said, appended) << "round " << round << ": a commit of an earlier life is gone";
    appended = said;
  }
  daemon.start({"RUN=last"});
  EXPECT_GE(daemon.number("/log/appended_points"), appended);
  ASSERT_TRUE(eventually([&] {
    return daemon.number("/drivers/0/points") >= 6000 && daemon.number("/sinks/0/lag_points") <= 1;
  })) << daemon.get("/api/agent/status");
  ASSERT_TRUE(eventually([&] {
    daemon.request("POST", "/api/agent/flush");
    return daemon.number("/sinks/0/lag_points") == 0;
  })) << daemon.get("/api/agent/status");
  EXPECT_EQ(daemon.number("/log/damaged_segments"), 0);
  EXPECT_EQ(daemon.number("/log/dropped_points"), 0);
  EXPECT_EQ(daemon.number("/log/dead_letters"), 0);
  EXPECT_EQ(daemon.text("/log/set_aside"), "");
  ASSERT_EQ(daemon.stop(), 0) << daemon.output();

  const SequenceLedger committed = SequenceLedger::from_log(daemon.store());
  SequenceLedger stored;
  influx.for_each_row("kills", "SELECT \"value\", \"seq\", \"run\", \"metric_name\" FROM equipment_metrics",
                      [&](const InfluxServer::Row& row) {
                        if (row.at("seq").empty()) return;
                        stored.add(row.at("run"), std::stoull(row.at("seq")), row.at("metric_name"),
                                   std::stod(row.at("value")), std::stoll(row.at("time")));
                      });
  std::uint64_t holes = 0;
  for (const auto& [run, count] : committed.runs()) holes += committed.holes(run);
  EXPECT_EQ(holes, 0u);
  EXPECT_EQ(committed.conflicts(), 0u);
  EXPECT_EQ(stored.conflicts(), 0u);
  EXPECT_EQ(committed.missing_in(stored), 0u);
  EXPECT_EQ(stored.missing_in(committed), 0u);
  // Many lives must have been long enough to commit something, or this has tried little.
  EXPECT_GT(committed.runs().size(), static_cast<std::size_t>(rounds) / 5);
  std::printf(
      "kill -9: %d times (%d of them asked for its count first), %zu lives committed %llu points; missing at "
      "InfluxDB %llu, holes %llu, with two values %llu\n",
      rounds, alive, committed.runs().size(), static_cast<unsigned long long>(committed.size()),
      static_cast<unsigned long long>(committed.missing_in(stored)), static_cast<unsigned long long>(holes),
      static_cast<unsigned long long>(stored.conflicts()));
}

}  // namespace
}  // namespace vigile
