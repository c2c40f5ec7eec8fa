// SPDX-License-Identifier: Apache-2.0
// The real vigiled with `order: live_first`, a backlog, and an uplink (a throttled proxy) on which the
// backlog takes its time: what is read now must be at the server soon all the same. The promise itself, to
// the flush interval, is held on a test's clock in tests/delivery.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "faults/rounds.h"
#include "integration/daemon.h"
#include "support/influx_server.h"
#include "support/tcp_proxy.h"

namespace vigile {
namespace {

constexpr double kBacklog = 21'600;  // an hour of 60 metrics every 10 s
constexpr double kLiveRate = 60;     // readings a second
constexpr int kLooks = 12;

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
         url + R"(", database: live, every: 1s, order: live_first, backlog_rate: 300KiB, batch_bytes: 32KiB}
)";
}

TEST(LiveFirst, FreshReadingsArriveWhileTheBacklogDrains) {
  InfluxServer influx;
  influx.create_database("live");
  TcpProxy uplink(influx.port());
  uplink.refuse(true);
  const std::string url = "http://127.0.0.1:" + std::to_string(uplink.port());
  Daemon daemon(settings(url, 20'000, kBacklog));
  daemon.start({"RUN=old"});
  ASSERT_TRUE(eventually([&] { return daemon.number("/log/appended_points") >= kBacklog; }));
  ASSERT_EQ(daemon.stop(), 0) << daemon.output();

  uplink.refuse(false);
  uplink.throttle(16 << 10);
  daemon.write_settings(settings(url, kLiveRate, 0));
  daemon.start({"RUN=new"});
  const auto stored = [&](const std::string& run) {
    return static_cast<double>(influx.count("live", "equipment_metrics", "\"run\" = '" + run + "'"));
  };
  std::vector<double> late_s;
  double old = 0;
  ASSERT_TRUE(eventually([&] { return stored("new") > 0; }));
  for (int look = 0; look < kLooks; ++look) {
    const double read = daemon.number("/drivers/0/points");
    const double before = stored("new");
    // The next look is after one more second of readings.
    ASSERT_TRUE(eventually([&] { return daemon.number("/drivers/0/points") >= read + kLiveRate; }));
    late_s.push_back((read - before) / kLiveRate);
    old = stored("old");
    if (old >= kBacklog) break;
  }
  EXPECT_LT(old, kBacklog) << "there was no backlog any more: nothing was tried";
  std::sort(late_s.begin(), late_s.end());
  const double median = late_s[late_s.size() / 2];
  // One interval of a second, a commit, a request, and a machine that may be busy.
  EXPECT_LE(median, 4);
  EXPECT_GT(old, 0) << "the backlog does not drain";
  uplink.throttle(0);
  ASSERT_TRUE(eventually([&] { return stored("old") >= kBacklog; })) << stored("old");
  EXPECT_EQ(stored("old"), kBacklog);
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
  std::printf(
      "live first: %.0f points of backlog on an uplink of 16 KiB/s, %.0f readings a second beside it: these "
      "were %.1f s "
      "late (median of %zu looks; flushed every 1 s), while %.0f of the backlog went; lost 0\n",
      kBacklog, kLiveRate, median, late_s.size(), old);
}

}  // namespace
}  // namespace vigile
