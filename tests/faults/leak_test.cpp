// SPDX-License-Identifier: Apache-2.0
// Memory over a long life: many deliveries by the real sink, many reloads of the real daemon. What is in use
// after a tenth of them must be what is in use at the end.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "delivery/delivery.h"
#include "faults/rounds.h"
#include "integration/daemon.h"
#include "sinks/registry.h"
#include "sinks/sink_batch.h"
#include "store/log.h"
#include "support/discarding_server.h"
#include "support/fake_clock.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

constexpr int kDeliveries = 100'000;
constexpr int kReloads = 4000;
constexpr double kNoiseKiB = 64;            // of what the allocator has given out
constexpr double kResidentNoiseKiB = 2048;  // of pages: threads come and go, each with an arena

double allocated_kib() {
  return static_cast<double>(::mallinfo2().uordblks + ::mallinfo2().hblkhd) / 1024;
}

double resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  double kib = 0;
  while (status >> word) {
    if (word == "VmRSS:") status >> kib;
  }
  return kib;
}

TEST(Leaks, DeliveriesLeaveNothingBehind) {
  const int deliveries = kDeliveries * fault_rounds();
  const DiscardingServer server;
  const TempDir dir;
  FakeClock clock;
  // Commits are what takes time here, and the disk is not what is tried.
  const std::filesystem::path memory = std::filesystem::path("/dev/shm") / dir.path().filename();
  std::filesystem::create_directory(memory);
  double after_a_tenth = 0;
  double at_the_end = 0;
  {
    auto log = std::move(*Log::open({.path = memory / "log.db", .max_size_bytes = 4 << 20}, clock));
    ASSERT_TRUE(log->set_sinks({"s"}));
    const SinkInfo* const influx = find_sink("influx");
    auto sink = influx->make(options_with_defaults(influx->options, {{"api", std::string("v1")},
                                                                     {"url", server.url()},
                                                                     {"database", std::string("d")}}),
                             {clock, "s", "1", "edge"});
    ASSERT_TRUE(sink) << sink.error().message;
    const auto delivery = Delivery::make({.sink = "s"}, *log, **sink, clock);
    for (int i = 0; i < deliveries; ++i) {
      const std::int64_t now = to_ns(clock.wall());
      ASSERT_TRUE(log->append(NewSegment{
          .first_ns = now, .last_ns = now, .points = 1, .lines = "m value=" + std::to_string(i) + " 1\n"}));
      delivery->flush();
      delivery->step({});
      clock.advance(1s);
      if (i % 64 == 0) {
        ASSERT_TRUE(log->maintain(clock.boot()));
      }
      if (i == deliveries / 10) after_a_tenth = allocated_kib();
    }
    at_the_end = allocated_kib();
    EXPECT_EQ(delivery->status().delivered_points, static_cast<std::uint64_t>(deliveries));
    EXPECT_EQ(server.requests(), static_cast<std::uint64_t>(deliveries));
  }
  std::filesystem::remove_all(memory);
  EXPECT_NEAR(at_the_end, after_a_tenth, kNoiseKiB);
  std::printf("leaks: %d deliveries; %.0f KiB in use after a tenth of them, %.0f KiB at the end\n",
              deliveries, after_a_tenth, at_the_end);
}

// Every reload takes an instance and a sink out and makes others.
std::string settings(const std::string& url, bool odd) {
  return R"(
site: {id: 1, name: test}
device: edge
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 1s}
      - )" +
         std::string(odd ? "cpu: {every: 1s}" : "http: {every: 1h, url: \"" + url + "\"}") + R"(
store: {path: @STORE@}
api: {socket: @SOCKET@}
sinks:
  - influx: {name: one, api: v1, url: ")" +
         url + R"(", database: d, every: )" + (odd ? "1s" : "2s") + "}\n";
}

TEST(Leaks, ReloadsLeaveNothingBehind) {
  const int reloads = kReloads * fault_rounds();
  const DiscardingServer server;
  Daemon daemon(settings(server.url(), false));
  daemon.start();
  const pid_t pid = daemon.process().pid();
  double after_a_tenth = 0;
  for (int i = 1; i <= reloads; ++i) {
    daemon.write_settings(settings(server.url(), i % 2 == 1));
    const Reply reply = daemon.exchange("POST", "/api/agent/reload");
    ASSERT_EQ(reply.status, 200) << i << ": " << reply.body;
    if (i == reloads / 10) after_a_tenth = resident_kib(pid);
  }
  const double at_the_end = resident_kib(pid);
  if (!kIsSanitized) {
    EXPECT_LE(at_the_end - after_a_tenth, kResidentNoiseKiB);
  }
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
  std::printf("leaks: %d reloads; resident %.0f KiB after a tenth of them, %.0f KiB at the end\n", reloads,
              after_a_tenth, at_the_end);
}

}  // namespace
}  // namespace vigile
