// SPDX-License-Identifier: Apache-2.0
#include "drivers/tcp/tcp.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "core/unique_fd.h"
#include "drivers/testcase/testcase.h"
#include "support/process.h"
#include "support/silent_address.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

// A listening socket on loopback; with a backlog of 0 that is full, a further connection gets no answer.
struct Listener {
  explicit Listener(int backlog = 8) : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd.get(), backlog), 0);
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port); }
  UniqueFd fd;
  std::uint16_t port = 0;
};

struct Answer {
  Result<void> result;
  std::string text;
};

Answer sample(const std::string& address, std::chrono::nanoseconds deadline = 10s, std::stop_token stop = {},
              const std::string& more = "") {
  static const SystemClock clock;
  const auto driver =
      std::move(*kTcpDriver.make(options_from_yaml(kTcpDriver, "{address: \"" + address + "\"" + more + "}"),
                                 DriverEnvironment{.clock = clock}));
  TextOutput out(kTcpDriver);
  auto result = driver->sample({clock.boot(), clock.boot() + deadline, stop}, out);
  return {std::move(result), out.text};
}

TEST(Tcp, MeasuresAConnection) {
  const Listener listener;
  const Answer answer = sample(listener.address());
  EXPECT_TRUE(answer.result);
  EXPECT_NE(answer.text.find("tcp,address=" + listener.address() + " up=1i,response_time="),
            std::string::npos)
      << answer.text;
}

TEST(Tcp, SaysThatItIsRefused) {
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  const Answer answer = sample(address);
  ASSERT_FALSE(answer.result);
  EXPECT_EQ(answer.result.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(answer.result.error().message, address + ": Connection refused");
  EXPECT_NE(answer.text.find("up=0i"), std::string::npos) << answer.text;
}

TEST(Tcp, GivesUpAtItsTimeoutDeadlineOrAStop) {
  Listener full(0);
  std::vector<UniqueFd> waiting;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(full.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    (void)::connect(waiting.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  EXPECT_EQ(sample(full.address(), 50ms).result.error().kind, ErrorKind::timeout);
  EXPECT_EQ(sample(full.address(), 10s, {}, ", timeout: 50ms").result.error().kind, ErrorKind::timeout);
  std::stop_source stop;
  std::jthread stopping([&] { stop.request_stop(); });
  const Answer stopped = sample(full.address(), 60s, stop.get_token(), ", timeout: 60s");
  EXPECT_FALSE(stopped.result);
  EXPECT_EQ(stopped.text, "");  // not its fault: nothing is said of availability
}

TEST(Tcp, ASilentAddressOfANameDoesNotMakeItUnreachable) {
  const Listener listener;
  const SilentAddress silent("127.0.0.2", listener.port);
  ::setenv("VIGILE_TEST_NAMES", "press.test=127.0.0.2,127.0.0.1", 1);
  const Answer answer = sample("press.test:" + std::to_string(listener.port), 60s, {}, ", timeout: 60s");
  ASSERT_TRUE(answer.result) << answer.result.error().message;
  EXPECT_NE(answer.text.find("up=1i"), std::string::npos) << answer.text;
}

// A line "<address> -> <host> <port>", or "<address> -> error".
TEST(Tcp, ReadsAddresses) {
  std::ifstream lines(testcases_of(kTcpDriver) / "addresses.txt");
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const std::size_t arrow = line.find("-> ");
    ASSERT_NE(arrow, std::string::npos) << line;
    const std::string address = line.substr(0, arrow == 0 ? 0 : arrow - 1);
    const auto parsed = parse_host_port(address);
    EXPECT_EQ(parsed ? parsed->host + " " + std::to_string(parsed->port) : "error", line.substr(arrow + 3))
        << address;
    if (!parsed) {
      EXPECT_EQ(parsed.error().kind, ErrorKind::config);
    }
  }
  EXPECT_GE(count, 10);
}

}  // namespace
}  // namespace vigile
