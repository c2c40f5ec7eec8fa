// SPDX-License-Identifier: Apache-2.0
#include "net/connect_any.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "support/process.h"
#include "support/silent_address.h"

namespace vigile::net {
namespace {

using namespace std::chrono_literals;

const SystemClock kClock;

Limit within(std::chrono::nanoseconds time, std::stop_token stop = {}) {
  return {kClock, kClock.boot() + time, std::move(stop)};
}

void name_is(const std::string& addresses) {
  ::setenv("VIGILE_TEST_NAMES", ("press.test=" + addresses).c_str(), 1);
}

// 10 ms later whenever it is asked, however slow the machine.
class CountingClock final : public Clock {
 public:
  WallTime wall() const override { return {}; }
  BootTime boot() const override { return boot_from_ns(10'000'000 * ++asked_); }
  bool wall_is_set() const override { return false; }
  std::string boot_id() const override { return ""; }

 private:
  mutable std::atomic<std::int64_t> asked_ = 0;
};

TEST(ConnectAny, TheFirstAddressThatConnectsWins) {
  std::uint16_t port = 0;
  const UniqueFd server = listen_on_loopback(port);
  name_is("127.0.0.1,127.0.0.2");
  const auto connected = connect_any("press.test", port, within(60s));
  ASSERT_TRUE(connected) << connected.error().message;
  EXPECT_EQ(connected->address.text, "127.0.0.1");
  EXPECT_GT(connected->took.count(), 0);
}

TEST(ConnectAny, ASilentAddressDoesNotHoldUpTheNext) {
  std::uint16_t port = 0;
  const UniqueFd server = listen_on_loopback(port);
  const SilentAddress first("127.0.0.2", port), second("127.0.0.3", port);
  name_is("127.0.0.2,127.0.0.3,127.0.0.1");
  const auto connected = connect_any("press.test", port, within(60s));
  ASSERT_TRUE(connected) << connected.error().message;
  EXPECT_EQ(connected->address.text, "127.0.0.1");
}

TEST(ConnectAny, ARefusingAddressDoesNotHoldUpTheNext) {
  std::uint16_t port = 0;
  const UniqueFd server = listen_on_loopback(port);
  name_is("127.0.0.2,127.0.0.1");
  const auto connected = connect_any("press.test", port, within(60s));
  ASSERT_TRUE(connected) << connected.error().message;
  EXPECT_EQ(connected->address.text, "127.0.0.1");
}

TEST(ConnectAny, WithLittleTimeEachAddressHasItsShare) {
  std::uint16_t port = 0;
  const UniqueFd server = listen_on_loopback(port);
  const SilentAddress silent("127.0.0.2", port);
  const CountingClock clock;
  const auto addresses = std::vector{resolve("127.0.0.2", port, within(1s))->front(),
                                     resolve("127.0.0.1", port, within(1s))->front()};
  const auto connected = connect_any(addresses, {clock, clock.boot() + 200ms});
  ASSERT_TRUE(connected) << connected.error().message;
  EXPECT_EQ(connected->address.text, "127.0.0.1");
}

TEST(ConnectAny, AFailureNamesEachAddressAndItsCause) {
  const std::uint16_t port = free_port();
  const SilentAddress silent("127.0.0.2", port);
  const CountingClock clock;
  const auto addresses = std::vector{resolve("127.0.0.2", port, within(1s))->front(),
                                     resolve("127.0.0.3", port, within(1s))->front()};
  EXPECT_EQ(connect_any(addresses, {clock, clock.boot() + 200ms}).error(),
            (Error{ErrorKind::timeout, "127.0.0.2: no answer in time; 127.0.0.3: Connection refused"}));
  name_is("127.0.0.3,127.0.0.4");
  EXPECT_EQ(connect_any("press.test", port, within(60s)).error(),
            (Error{ErrorKind::unavailable, "127.0.0.3: Connection refused; 127.0.0.4: Connection refused"}));
  EXPECT_EQ(connect_any("127.0.0.3", port, within(60s)).error(),
            (Error{ErrorKind::unavailable, "Connection refused"}));
  EXPECT_EQ(connect_any("127.0.0.2", port, within(20ms)).error(),
            (Error{ErrorKind::timeout, "no answer in time"}));
}

TEST(ConnectAny, AStopEndsIt) {
  const std::uint16_t port = free_port();
  const SilentAddress silent("127.0.0.2", port);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(connect_any("127.0.0.2", port, within(1h, stop.get_token())).error(),
            (Error{ErrorKind::unavailable, "stopped"}));
}

}  // namespace
}  // namespace vigile::net
