// SPDX-License-Identifier: Apache-2.0
#include "net/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile::net {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const SystemClock kClock;

Limit within(std::chrono::nanoseconds time) {
  return {kClock, kClock.boot() + time};
}

std::vector<std::string> texts(const Result<std::vector<Address>>& addresses) {
  if (!addresses) return {addresses.error().message};
  std::vector<std::string> all;
  for (const Address& one : *addresses) all.push_back(one.text);
  return all;
}

TEST(Resolve, FamiliesTakeTurnsBeginningWithThePreferredOne) {
  ::setenv("VIGILE_TEST_NAMES",
           "a.test=127.0.0.1,127.0.0.2,127.0.0.3,::1 b.test=::1,::2,127.0.0.1 c.test=127.0.0.9", 1);
  EXPECT_THAT(texts(resolve("a.test", 1, within(10s))),
              ElementsAre("127.0.0.1", "::1", "127.0.0.2", "127.0.0.3"));
  EXPECT_THAT(texts(resolve("b.test", 1, within(10s))), ElementsAre("::1", "127.0.0.1", "::2"));
  EXPECT_THAT(texts(resolve("c.test", 1, within(10s))), ElementsAre("127.0.0.9"));
}

TEST(Resolve, AddressesHaveThePort) {
  const auto four = resolve("127.0.0.5", 8081, within(10s));
  ASSERT_TRUE(four);
  EXPECT_EQ(ntohs(reinterpret_cast<const sockaddr_in*>(&four->front().bytes)->sin_port), 8081);
  const auto six = resolve("::1", 502, within(10s));
  ASSERT_TRUE(six);
  EXPECT_EQ(ntohs(reinterpret_cast<const sockaddr_in6*>(&six->front().bytes)->sin6_port), 502);
}

TEST(Resolve, AnAbsentNameIsNotFound) {
  const auto absent = resolve("no-such-host.invalid", 1, within(60s));
  ASSERT_FALSE(absent);
  EXPECT_THAT(absent.error().message, HasSubstr("no-such-host.invalid: "));
}

TEST(Resolve, ASilentResolverIsWaitedForUntilTheDeadlineOrAStop) {
  TempDir dir;
  const std::string hang = (dir / "hang").string();
  std::ofstream(hang) << "";
  ::setenv("VIGILE_TEST_HANG", hang.c_str(), 1);
  ::setenv("VIGILE_TEST_NAMES", "hanging.test=127.0.0.7", 1);
  for (int i = 0; i < 2; ++i) {  // the second waits for the lookup of the first
    const auto late = resolve("hanging.test", 1, within(20ms));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), (Error{ErrorKind::timeout,
                                   "hanging.test: the name servers do not answer in time; "
                                   "check this device's DNS"}));
  }
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(resolve("hanging.test", 1, {kClock, kClock.boot() + 1h, stop.get_token()}).error(),
            (Error{ErrorKind::unavailable, "hanging.test: stopped"}));
  EXPECT_THAT(texts(resolve("127.0.0.8", 1, within(1h))), ElementsAre("127.0.0.8"));  // nothing to look up
  std::filesystem::remove(hang);
  EXPECT_THAT(texts(resolve("hanging.test", 1, within(60s))), ElementsAre("127.0.0.7"));
  ::unsetenv("VIGILE_TEST_HANG");
}

TEST(Resolve, WhatAnsweredLastComesFirst) {
  std::vector<Address> addresses = {{.text = "a"}, {.text = "b"}, {.text = "c"}};
  put_first(addresses, "c");
  EXPECT_THAT(texts(addresses), ElementsAre("c", "a", "b"));
  put_first(addresses, "gone");
  EXPECT_THAT(texts(addresses), ElementsAre("c", "a", "b"));
}

}  // namespace
}  // namespace vigile::net
