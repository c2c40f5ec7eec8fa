// SPDX-License-Identifier: Apache-2.0
// store.write_budget against what the kernel says that the real daemon wrote (write_bytes of /proc/<pid>/io).
// Readings come at a steady rate, so that bytes a day are bytes a reading.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "integration/daemon.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

constexpr double kRate = 200;  // readings a second
constexpr double kBudgetMib = 3000;
constexpr double kBudgetAPoint = kBudgetMib * (1 << 20) / (kRate * 86'400);

std::string settings(bool has_budget) {
  const std::string budget = std::to_string(static_cast<int>(kBudgetMib));
  return R"(
site: {id: 1, name: test}
device: edge
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 50ms, rate: )" +
         std::to_string(static_cast<int>(kRate)) + R"(}
store: {path: @STORE@, commit_every: 50ms)" +
         (has_budget ? ", write_budget: " + budget + "MiB/day, commit_every_max: 5s" : "") + R"(}
api: {socket: @SOCKET@}
)";
}

double written(Daemon& daemon) {
  std::ifstream io("/proc/" + std::to_string(daemon.process().pid()) + "/io");
  double bytes = -1;
  for (std::string name; io >> name >> bytes;) {
    if (name == "write_bytes:") return bytes;
  }
  return -1;
}

// What the kernel counts for each of the next `points` readings.
double bytes_a_point(Daemon& daemon, double points) {
  const double before = daemon.number("/committed_points");
  const double bytes = written(daemon);
  EXPECT_GE(bytes, 0) << "the kernel does not count what is written";
  EXPECT_TRUE(eventually([&] { return daemon.number("/committed_points") >= before + points; }, 60s));
  return (written(daemon) - bytes) / (daemon.number("/committed_points") - before);
}

TEST(WriteBudget, IsHeldByCommittingLessOften) {
  Daemon daemon(settings(false));
  daemon.start();
  ASSERT_TRUE(eventually([&] { return daemon.number("/committed_points") > 0; }));
  const double without = bytes_a_point(daemon, 5 * kRate);
  ASSERT_GT(without, 1.5 * kBudgetAPoint) << "there is nothing to hold";

  daemon.write_settings(settings(true));
  ASSERT_EQ(daemon.exchange("POST", "/api/agent/reload").status, 200) << daemon.output();
  // It goes on until an interval is found that holds it, and says so.
  double with = without;
  int looks = 0;
  while (with > kBudgetAPoint && ++looks < 12) with = bytes_a_point(daemon, 5 * kRate);
  EXPECT_LE(with, kBudgetAPoint);
  const double window = daemon.number("/loss_window_s");
  EXPECT_GT(window, 0.05);
  EXPECT_LE(window, 5);
  EXPECT_NE(daemon.get("/api/agent/status").find("\"write_budget_exceeded\":false"), std::string::npos);
  ASSERT_EQ(daemon.stop(), 0) << daemon.output();
  std::printf(
      "write budget: %.0f readings a second, commits every 50 ms write %.0f bytes a reading, the budget is "
      "%.0f; held "
      "with %.0f and a loss window of %.2f s\n",
      kRate, without, kBudgetAPoint, with, window);
}

}  // namespace
}  // namespace vigile
