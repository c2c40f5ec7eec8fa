// SPDX-License-Identifier: Apache-2.0
// When an outage is said to have begun, which several failed checks decided.
#include <gtest/gtest.h>

#include "equipment/status_machine.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

TEST(OutageBeginning, AnOutageBeginsWithItsFirstFailedCheck) {
  StatusMachine machine({.deciders = {"1/http", "1/ping"}, .offline_after = 5});
  BootTime now{100s};
  (void)machine.availability("1/http", true, "", now);
  (void)machine.availability("1/ping", true, "", now);
  now += 1s;
  (void)machine.availability("1/http", false, "timeout",
                             now);  // a row that is broken is no part of the outage
  now += 1s;
  (void)machine.availability("1/http", true, "", now);
  now += 1s;
  const BootTime first = now;
  std::optional<StatusTransition> change;
  for (int i = 0; i < 5; ++i, now += 1s) {
    EXPECT_FALSE(change);
    change = machine.availability("1/http", false, "timeout", now);
    (void)machine.availability("1/ping", i % 2 == 0, "timeout", now);
  }
  ASSERT_TRUE(change);
  EXPECT_EQ(change->new_status, Status::offline);
  EXPECT_EQ(change->began, first);
  change = machine.availability("1/http", true, "", now);
  EXPECT_FALSE(change && change->began) << "it ends when that is decided";
}

TEST(OutageBeginning, AnOutageDoesNotBeginBeforeTheChangeBeforeIt) {
  StatusMachine machine(
      {.deciders = {"1/http"}, .offline_after = 3, .limits = {{.metric = "m", .above = 1}}});
  BootTime now{100s};
  (void)machine.availability("1/http", true, "", now);
  now += 1s;
  (void)machine.availability("1/http", false, "timeout", now);
  now += 1s;
  EXPECT_EQ(machine.value("m", {}, 2, now)->new_status, Status::warning);
  const BootTime warned = now;
  now += 1s;
  (void)machine.availability("1/http", false, "timeout", now);
  now += 1s;
  const auto change = machine.availability("1/http", false, "timeout", now);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->began, warned);
}

TEST(OutageBeginning, WhatIsDecidedAtOnceBeginsThen) {
  StatusMachine machine({.deciders = {"1/http"}, .offline_after = 1});
  BootTime now{100s};
  EXPECT_FALSE(machine.availability("1/http", false, "timeout", now)->began);
  now += 1s;
  (void)machine.availability("1/http", true, "", now);
  now += 1s;
  EXPECT_FALSE(machine.availability(kApiSource, false, "unplugged", now)->began);
}

}  // namespace
}  // namespace vigile
