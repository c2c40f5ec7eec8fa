// SPDX-License-Identifier: Apache-2.0
// One bit flips in the number of one row of vigiled's log, under it or before its next start. A real server
// gets all but that segment, and how much is lost is said.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <vector>

#include "faults/rounds.h"
#include "integration/daemon.h"
#include "support/influx_server.h"
#include "support/row_numbers.h"

namespace vigile {
namespace {

constexpr double kReadings = 2000;
constexpr int kFlips = 12;

std::string settings(const InfluxServer& influx) {
  return R"(
site: {id: 1, name: test}
device: edge
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 20ms, rate: 2000, limit: 2000, tags: {run: "${RUN}"}}
store: {path: @STORE@, max_size: 1MiB, commit_every: 20ms}
api: {socket: @SOCKET@}
sinks:
  - influx: {name: central, api: v1, url: ")" +
         influx.url() + R"(", database: order, every: 200ms}
)";
}

TEST(Order, AFlippedBitInARowNumberCostsOneSegmentAndIsReported) {
  InfluxServer influx;
  influx.create_database("order");
  std::mt19937_64 random(20261201);
  for (int round = 0; round < kFlips * fault_rounds(); ++round) {
    influx.stop();
    const std::string run = "r" + std::to_string(round);
    const bool is_running = round % 2 == 0;
    Daemon daemon(settings(influx));
    daemon.start({"RUN=" + run});
    ASSERT_TRUE(eventually([&] { return daemon.number("/drivers/0/points") >= kReadings; }));
    ASSERT_TRUE(eventually([&] {
      daemon.request("POST", "/api/agent/flush");
      return daemon.number("/log/points") >= kReadings;
    }));
    if (!is_running) {
      ASSERT_EQ(daemon.stop(), 0) << daemon.output();
    }

    std::vector<RowNumber> rows = row_numbers(daemon.store());
    ASSERT_GT(rows.size(), 10u);
    const RowNumber row = rows[random() % rows.size()];
    const std::size_t bit = random() % (8 * row.bytes);
    SCOPED_TRACE(run + (is_running ? ", running" : ", started anew") + ": segment " +
                 std::to_string(row.seq) + ", bit " + std::to_string(bit));
    ASSERT_GT(flip_row_number(daemon.store(), row.seq, bit), 0);

    if (is_running) {  // what it reads next is not what it remembers of before
      EXPECT_EQ(
          daemon.exchange("POST", "/api/equipment/sim/metrics/", R"({"metric_name": "after", "value": 1})")
                  .status /
              100,
          2);
    }
    influx.start();
    if (!is_running) daemon.start({"RUN=after"});
    EXPECT_TRUE(eventually([&] {
      daemon.request("POST", "/api/agent/flush");
      return daemon.number("/log/damaged_segments") >= 1 && daemon.number("/sinks/0/lag_points") == 0;
    })) << daemon.get("/api/agent/status");
    EXPECT_EQ(daemon.number("/log/damaged_segments"), 1);
    const double lost = daemon.number("/log/damaged_points");
    EXPECT_GT(lost, 0);
    const auto arrived = [&] {
      return static_cast<double>(influx.count("order", "equipment_metrics", "run = '" + run + "'"));
    };
    EXPECT_TRUE(eventually([&] { return arrived() >= kReadings - lost; })) << arrived();
    // The first segment holds the change to online, too, which is of no run.
    EXPECT_EQ(arrived() + lost, kReadings + (row.seq == 1 ? 1 : 0));
    EXPECT_EQ(daemon.stop(), 0) << daemon.output();
    EXPECT_NE(daemon.output().find("lost 1 segments with"), std::string::npos) << daemon.output();
    std::printf("order: segment %3llu, bit %2zu, %-13s lost %3.0f of %.0f readings\n",
                static_cast<unsigned long long>(row.seq), bit,
                is_running ? "running:" : "started anew:", lost, kReadings);
  }
}

}  // namespace
}  // namespace vigile
