// SPDX-License-Identifier: Apache-2.0
// Many agents at one server that comes back: their first flushes must be spread over the interval.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "faults/rounds.h"
#include "integration/daemon.h"
#include "support/scripted_http_server.h"

namespace vigile {
namespace {

constexpr int kAgents = 40;  // 200 with VIGILE_FAULT_ROUNDS=5
constexpr int kIntervalS = 6;

std::string settings(const std::string& url, int number) {
  return "site: {id: 1, name: fleet}\ndevice: edge-" + std::to_string(number) + R"(
equipment:
  - id: e)" +
         std::to_string(number) + R"(
    drivers:
      - simulate: {every: 1s}
store: {path: @STORE@}
api: {socket: @SOCKET@}
sinks:
  - influx: {api: v1, url: ")" +
         url + R"(", database: fleet, every: )" + std::to_string(kIntervalS) + "s}\n";
}

// When the agents first came, by the tenth of the interval.
class Arrivals {
 public:
  ScriptedAnswer take(const ScriptedRequest& request) {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    const std::size_t at = request.body.find("equipment_id=");
    if (at == std::string::npos) return {};
    const std::string id = request.body.substr(at, request.body.find(',', at) - at);
    if (seen_.insert(id).second) times_.push_back(std::chrono::duration<double>(now - begin_).count());
    return {};
  }
  void begin() {
    const std::lock_guard lock(mutex_);
    begin_ = std::chrono::steady_clock::now();
    seen_.clear();
    times_.clear();
  }
  std::vector<double> times() const {
    const std::lock_guard lock(mutex_);
    return times_;
  }

 private:
  mutable std::mutex mutex_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::set<std::string> seen_;
  std::vector<double> times_;
};

// The fullest fifth of the time between the first and the last.
double fullest_fifth(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  const double span = std::max(times.back() - times.front(), 0.001);
  std::array<int, 5> counts{};
  for (const double time : times) {
    ++counts[std::min<std::size_t>(static_cast<std::size_t>((time - times.front()) / span * 5), 4)];
  }
  return static_cast<double>(*std::max_element(counts.begin(), counts.end())) /
         static_cast<double>(times.size());
}

TEST(FleetStart, FirstFlushesAreSpreadOverTheInterval) {
  const int agents = kAgents * fault_rounds();
  Arrivals arrivals;
  ScriptedHttpServer server([&](const ScriptedRequest& r) {
    ScriptedAnswer answer = arrivals.take(r);
    answer.then = ScriptedAnswer::Then::close;  // it serves one connection at a time
    return answer;
  });
  std::vector<std::unique_ptr<Daemon>> fleet;
  arrivals.begin();
  for (int i = 0; i < agents; ++i) {
    fleet.push_back(std::make_unique<Daemon>(settings(server.url(), i)));
    fleet.back()->start({}, false);
  }
  ASSERT_TRUE(eventually([&] { return arrivals.times().size() == static_cast<std::size_t>(agents); },
                         std::chrono::seconds(60)))
      << arrivals.times().size();
  const std::vector<double> times = arrivals.times();
  const double fullest = fullest_fifth(times);
  const auto [first, last] = std::minmax_element(times.begin(), times.end());
  // Evenly it would be a fifth; all at once is 1.
  EXPECT_LE(fullest, 0.6);
  EXPECT_GE(*last - *first, kIntervalS / 3.0) << "they came together";
  for (auto& daemon : fleet) daemon->process().signal(SIGTERM);
  for (auto& daemon : fleet)
    EXPECT_EQ(daemon->process().wait(std::chrono::seconds(30)), 0) << daemon->output();
  std::printf(
      "fleet start: %d agents, flushes every %d s: first ones over %.1f s, %.0f %% of them in the fullest "
      "fifth\n",
      agents, kIntervalS, *last - *first, fullest * 100);
}

}  // namespace
}  // namespace vigile
