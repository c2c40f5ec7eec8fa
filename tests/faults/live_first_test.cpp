// SPDX-License-Identifier: Apache-2.0
// The real vigiled with `order: live_first`, a backlog, and an uplink (a throttled proxy) on which the
// backlog takes its time: what is read now must be at the server before the backlog has gone. The promise
// itself, to the flush interval, is held on a test's clock in tests/delivery.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "faults/rounds.h"
#include "integration/daemon.h"
#include "support/influx_server.h"
#include "support/tcp_proxy.h"

namespace vigile {
namespace {

// Four hours of 60 metrics every 10 s: a minute and more on the uplink, of which the looks take a quarter.
constexpr double kBacklog = 86'400;
constexpr double kLiveRate = 60;  // readings a second
constexpr int kUplinkKib = 16;    // a second
constexpr std::size_t kLooks = 8;

std::string settings(const std::string& url, double rate, double limit) {
  return R"(
site: {id: 1, name: test}
device: edge
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 100ms, rate: )" +
         std::to_string(static_cast<int>(rate)) + ", limit: " + std::to_string(static_cast<int>(limit)) +
         R"(, tags: {run: "${RUN}"}}
store: {path: @STORE@, commit_every: 100ms}
api: {socket: @SOCKET@}
sinks:
  - influx: {api: v1, url: ")" +
         url + R"(", database: live, every: 1s, order: live_first, backlog_rate: 100MiB, batch_bytes: 32KiB}
)";
}

TEST(LiveFirst, FreshReadingsArriveWhileTheBacklogDrains) {
  InfluxServer influx;
  influx.create_database("live");
  TcpProxy uplink(influx.port());
  uplink.refuse(true);
  const std::string url = "http://127.0.0.1:" + std::to_string(uplink.port());
  Daemon daemon(settings(url, 40'000, kBacklog));
  daemon.start({"RUN=old"});
  ASSERT_TRUE(eventually([&] { return daemon.number("/log/appended_points") >= kBacklog; }));
  ASSERT_EQ(daemon.stop(), 0) << daemon.output();

  uplink.refuse(false);
  uplink.throttle(kUplinkKib << 10);
  daemon.write_settings(settings(url, kLiveRate, 0));
  daemon.start({"RUN=new"});
  const auto stored = [&](const std::string& run) {
    return static_cast<double>(influx.count("live", "equipment_metrics", "\"run\" = '" + run + "'"));
  };
  std::vector<double> drained_meanwhile;
  double old = 0;
  while (drained_meanwhile.size() < kLooks) {
    const double read = daemon.number("/drivers/0/points");
    ASSERT_TRUE(eventually([&] { return stored("new") >= read; }, std::chrono::minutes(3))) << read;
    const double drained = stored("old");
    ASSERT_LT(drained, kBacklog) << "what was read before look " << drained_meanwhile.size()
                                 << " arrived when the backlog had gone";
    drained_meanwhile.push_back(drained - old);
    old = drained;
    // The next look is after one more second of readings.
    ASSERT_TRUE(eventually([&] { return daemon.number("/drivers/0/points") >= read + kLiveRate; }));
  }
  EXPECT_GT(old, 0) << "the backlog does not drain";
  std::sort(drained_meanwhile.begin(), drained_meanwhile.end());
  uplink.throttle(0);
  ASSERT_TRUE(eventually([&] { return stored("old") >= kBacklog; }, std::chrono::minutes(2)))
      << stored("old");
  EXPECT_EQ(stored("old"), kBacklog);
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
  std::printf(
      "live first: %.0f points of backlog on an uplink of %d KiB/s, %.0f readings a second beside it: these "
      "arrived after %.0f points of backlog (median of %zu looks), %.0f went in all meanwhile; lost 0\n",
      kBacklog, kUplinkKib, kLiveRate, drained_meanwhile[kLooks / 2], kLooks, old);
}

}  // namespace
}  // namespace vigile
