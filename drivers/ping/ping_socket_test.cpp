// SPDX-License-Identifier: Apache-2.0
// Real ICMP sockets, on loopback. What this process may not open is skipped.
#include "drivers/ping/ping_socket.h"

#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "drivers/ping/ping.h"
#include "drivers/testcase/testcase.h"
#include "support/own_network.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const SystemClock kClock;

net::Limit within_a_minute() {
  return {kClock, kClock.boot() + 60s};
}

struct Sampled {
  Result<void> result;
  std::string text;
};

Sampled ping(const std::string& options, std::stop_token stop = {}) {
  const auto driver =
      std::move(*kPingDriver.make(options_from_yaml(kPingDriver, "{" + options + "}"), {.clock = kClock}));
  TextOutput out(kPingDriver);
  auto result = driver->sample({kClock.boot(), kClock.boot() + 20s, stop}, out);
  return {std::move(result), out.text};
}

bool may_not(const Result<void>& result) {
  return !result && result.error().kind == ErrorKind::permission;
}

void expect_replies_from_loopback() {
  for (const char* address : {"127.0.0.1", "::1"}) {
    const Sampled got = ping("address: \"" + std::string(address) + "\", interval: 10ms");
    if (may_not(got.result)) GTEST_SKIP() << got.result.error().message;
    if (!got.result && got.result.error().message.find("send: ") != std::string::npos)
      continue;  // no IPv6 here
    ASSERT_TRUE(got.result) << got.result.error().message;
    EXPECT_THAT(got.text, HasSubstr("loss=0,up=1i\navailability up ")) << got.text;
    EXPECT_TRUE(ping("address: \"" + std::string(address) + "\", count: 1, size: 20000").result) << address;
  }
}

TEST(PingSocket, IsAnsweredByLoopback) {
  expect_replies_from_loopback();
}

TEST(PingSocket, IsADatagramSocketWhereThatIsAllowed) {
  const bool allowed = in_own_network([] {
    std::ofstream("/proc/sys/net/ipv4/ping_group_range") << "0 2147483647" << std::flush;
    const auto socket = open_ping_socket("127.0.0.1", 0, within_a_minute());
    ASSERT_TRUE(socket);
    ASSERT_FALSE((*socket)->raw());
    expect_replies_from_loopback();
    const auto result = ping("address: 192.0.2.1, interval: 10ms").result;
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "192.0.2.1: no reply to 3 packets: send: Network is unreachable");
  });
  if (!allowed) GTEST_SKIP() << "no network namespaces";
}

TEST(PingSocket, IsARawSocketElsewhere) {
  const bool allowed = in_own_network([] {
    std::ofstream("/proc/sys/net/ipv4/ping_group_range") << "1 0" << std::flush;
    const auto socket = open_ping_socket("127.0.0.1", 0, within_a_minute());
    ASSERT_TRUE(socket) << socket.error().message;
    ASSERT_TRUE((*socket)->raw());
    expect_replies_from_loopback();
  });
  if (!allowed) GTEST_SKIP() << "no network namespaces";
}

TEST(PingSocket, AfterARunWithoutAnAnswerTheNextAddressOfTheNameIsAsked) {
  const bool allowed = in_own_network([] {
    ::setenv("VIGILE_TEST_NAMES", "ping.test=192.0.2.1,127.0.0.1", 1);
    const auto driver = std::move(*kPingDriver.make(
        options_from_yaml(kPingDriver, "{address: ping.test, interval: 10ms}"), {.clock = kClock}));
    const auto sample = [&] {
      TextOutput out(kPingDriver);
      return driver->sample({kClock.boot(), kClock.boot() + 20s, {}}, out).has_value();
    };
    EXPECT_FALSE(sample());
    EXPECT_TRUE(sample());
    EXPECT_TRUE(sample()) << "it stays with the one that answers";
  });
  if (!allowed) GTEST_SKIP() << "no network namespaces";
}

TEST(PingSocket, WaitsNoLongerThanAStop) {
  const auto socket = open_ping_socket("127.0.0.1", 0, within_a_minute());
  if (!socket) GTEST_SKIP() << socket.error().message;
  std::stop_source stop;
  const std::jthread stopping([&] { stop.request_stop(); });
  std::vector<std::uint8_t> buffer(200);
  const BootTime begin = kClock.boot();
  while (!stop.stop_requested()) {
    ASSERT_TRUE((*socket)->receive(buffer, begin + 60s, stop.get_token()));
  }
  EXPECT_LT(kClock.boot() - begin, 30s);
  EXPECT_FALSE(ping("address: 127.0.0.1", stop.get_token()).result);
}

TEST(PingSocket, SaysWhatItCannotFind) {
  const auto socket = open_ping_socket("no-such-host.invalid", 0, within_a_minute());
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error().message, HasSubstr("no-such-host.invalid: "));
}

}  // namespace
}  // namespace vigile
