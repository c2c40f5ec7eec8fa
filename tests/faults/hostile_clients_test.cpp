// SPDX-License-Identifier: Apache-2.0
// The status socket of the real vigiled under clients that mean harm: thousands of connections, half
// requests, headers and bodies without end, garbage, streams that nobody reads. What it costs the sampling,
// and the memory. What each kind gets for an answer is in tests/api.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "core/unique_fd.h"
#include "faults/rounds.h"
#include "integration/daemon.h"
#include "support/sanitized.h"

namespace vigile {
namespace {

constexpr int kConnections = 10'000;
constexpr std::size_t kOpenAtOnce = 800;
constexpr double kMostGrowthMiB = 12;  // 4 MiB of answers and bodies, 8 streams, 64 connections, and some

std::string settings(std::uint16_t port) {
  return R"(
site: {id: 1, name: test}
device: edge
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 1s}
      - cpu: {every: 1s}
store: {path: @STORE@}
api: {socket: @SOCKET@, listen: "127.0.0.1:)" +
         std::to_string(port) + R"(", token: abcdefghijklmnop}
)";
}

// One connection of an attacker. Never blocks.
class Attack {
 public:
  Attack(const std::filesystem::path& socket, std::uint16_t port, unsigned kind, std::mt19937_64& random)
      : kind_(kind) {
    if (random() % 4 == 0) {
      fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      (void)::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    } else {
      fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
      (void)::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    send(opening(random));
  }
  // Some more of what has no end.
  void go_on() {
    if (kind_ == 2) send("X-More: " + std::string(4000, 'x') + "\r\n");
    if (kind_ == 3) send(std::string(60'000, 'y'));
    if (kind_ == 6) send("GET /api/agent/status HTTP/1.1\r\nHost: x\r\n\r\n");
  }

 private:
  std::string opening(std::mt19937_64& random) const {
    const std::string host = "Host: x\r\nAuthorization: Bearer abcdefghijklmnop\r\n";
    switch (kind_) {
      case 0:
        return "";
      case 1:
        return "GET /api/agent/sta";
      case 2:
        return "GET /api/agent/status HTTP/1.1\r\n" + host;
      case 3:
        return "POST /api/equipment/sim/metrics/ HTTP/1.1\r\n" + host + "Content-Length: 4000000000\r\n\r\n";
      case 4: {
        std::string garbage(200, '\0');
        for (char& byte : garbage) byte = static_cast<char>(random());
        return garbage + "\r\n\r\n";
      }
      case 5:  // a stream that nobody reads
        return "GET /api/agent/points?follow=true HTTP/1.1\r\n" + host + "\r\n";
      case 6:  // many requests whose answers nobody reads
        return "GET /api/agent/status HTTP/1.1\r\n" + host + "\r\n";
      default:
        return "PUT /healthz HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n";
    }
  }
  void send(std::string_view bytes) const {
    if (!bytes.empty()) (void)::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  const unsigned kind_;
  UniqueFd fd_;
};

double high_water_mib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  double kib = 0;
  while (status >> word) {
    if (word == "VmHWM:") status >> kib;
  }
  return kib / 1024;
}

std::size_t descriptors(pid_t pid) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    ++count;
  }
  return count;
}

TEST(HostileClients, TenThousandConnectionsCostTheSamplingNothing) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4096);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);

  const std::uint16_t port = free_port();
  Daemon daemon(settings(port));
  daemon.start();
  ASSERT_TRUE(eventually([&] { return daemon.number("/drivers/1/runs") >= 2; }));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(daemon.exchange("GET", "/api/agent/status").status, 200);
  const pid_t pid = daemon.process().pid();
  const double before_mib = high_water_mib(pid);
  const std::size_t before_descriptors = descriptors(pid);
  const double before_runs = daemon.number("/drivers/1/runs");

  const int rounds = kConnections * fault_rounds();
  std::mt19937_64 random(20261125);
  std::deque<Attack> open;
  for (int i = 0; i < rounds; ++i) {
    open.emplace_back(daemon.socket(), port, static_cast<unsigned>(random() % 8), random);
    if (open.size() > kOpenAtOnce) open.pop_front();
    for (int more = 0; more < 4; ++more) open[random() % open.size()].go_on();
  }
  ASSERT_TRUE(daemon.process().running()) << daemon.output();
  open.clear();

  ASSERT_TRUE(eventually([&] { return daemon.exchange("GET", "/healthz").status == 200; }));
  ASSERT_TRUE(eventually([&] { return daemon.number("/drivers/1/runs") >= before_runs + 3; }));
  ASSERT_TRUE(eventually([&] { return descriptors(pid) <= before_descriptors + 2; }))
      << descriptors(pid) << " descriptors, " << before_descriptors << " before";
  const double late = daemon.number("/drivers/0/late_ticks") + daemon.number("/drivers/1/late_ticks");
  EXPECT_EQ(late, 0) << "a tick of 1 s was missed";
  EXPECT_EQ(daemon.number("/drivers/0/errors") + daemon.number("/drivers/1/errors"), 0);
  const double grown = high_water_mib(pid) - before_mib;
  if (!kIsSanitized) {
    EXPECT_LE(grown, kMostGrowthMiB);
  }
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
  std::printf(
      "hostile clients: %d connections, up to %zu at once; sampling late by an interval: %.0f times; %.1f "
      "MiB "
      "more at most; readings lost 0\n",
      rounds, kOpenAtOnce, late, grown);
}

}  // namespace
}  // namespace vigile
