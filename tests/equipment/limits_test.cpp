// SPDX-License-Identifier: Apache-2.0
#include "equipment/limits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace vigile {
namespace {

using namespace std::chrono_literals;

BootTime at(std::chrono::nanoseconds since_boot) {
  return BootTime(since_boot);
}

TEST(Limit, SpeaksAboveAndEndsAtTheLimitItself) {
  const LimitRule rule{.metric = "errors", .above = 0};
  LimitState state;
  state.value(rule, 0, at(0s));
  EXPECT_FALSE(state.is_breached());
  state.value(rule, 0.1, at(1s));
  EXPECT_TRUE(state.is_breached());
  state.value(rule, 0, at(2s));
  EXPECT_FALSE(state.is_breached());
}

TEST(Limit, SpeaksBelowAndEndsAtTheLimitItself) {
  const LimitRule rule{.metric = "t", .below = 5};
  LimitState state;
  state.value(rule, 4.9, at(0s));
  EXPECT_TRUE(state.is_breached());
  state.value(rule, 5, at(1s));
  EXPECT_FALSE(state.is_breached());
}

TEST(Limit, EndsOnlyAtItsClearMargin) {
  const LimitRule above{.metric = "m", .above = 90, .clear = 80};
  LimitState state;
  state.value(above, 85, at(0s));
  EXPECT_FALSE(state.is_breached()) << "between margin and limit it does not begin";
  state.value(above, 91, at(1s));
  state.value(above, 80.1, at(2s));
  EXPECT_TRUE(state.is_breached());
  state.value(above, 80, at(3s));
  EXPECT_FALSE(state.is_breached());

  const LimitRule below{.metric = "m", .below = 5, .clear = 8};
  state.value(below, 4, at(4s));
  state.value(below, 7.9, at(5s));
  EXPECT_TRUE(state.is_breached());
  state.value(below, 8, at(6s));
  EXPECT_FALSE(state.is_breached());
}

TEST(Limit, OnBothSidesSpeaksOutsideOfThem) {
  const LimitRule rule{.metric = "v", .above = 250, .below = 200};
  LimitState state;
  state.value(rule, 199, at(0s));
  EXPECT_TRUE(state.is_breached());
  state.value(rule, 251, at(1s));
  EXPECT_TRUE(state.is_breached());
  state.value(rule, 200, at(2s));
  EXPECT_FALSE(state.is_breached());
}

TEST(Limit, MustBeHeldWithoutABreak) {
  const LimitRule rule{.metric = "m", .above = 90, .held = 60s};
  LimitState state;
  state.value(rule, 95, at(0s));
  EXPECT_EQ(state.due(rule), at(60s));
  state.value(rule, 90, at(30s));  // at the limit is not past it
  EXPECT_FALSE(state.due(rule));
  state.value(rule, 95, at(40s));
  state.value(rule, 96, at(99s));
  EXPECT_FALSE(state.is_breached());
  EXPECT_EQ(state.due(rule), at(100s));
  state.value(rule, 97, at(100s));
  EXPECT_TRUE(state.is_breached());
  EXPECT_FALSE(state.due(rule));
}

TEST(Limit, TheLastReadingStandsWhileNoneCome) {
  const LimitRule rule{.metric = "m", .above = 90, .held = 60s};
  LimitState state;
  state.value(rule, 95, at(0s));
  state.tick(rule, at(60s) - 1ns);
  EXPECT_FALSE(state.is_breached());
  state.tick(rule, at(60s));
  EXPECT_TRUE(state.is_breached());
}

TEST(Limit, WhatIsNoNumberChangesNothing) {
  const LimitRule rule{.metric = "m", .above = 90, .held = 60s};
  LimitState state;
  state.value(rule, 95, at(0s));
  state.value(rule, std::nan(""), at(10s));
  EXPECT_EQ(state.due(rule), at(60s));
  state.tick(rule, at(60s));
  state.value(rule, std::nan(""), at(70s));
  EXPECT_TRUE(state.is_breached());
  EXPECT_EQ(state.last_value(), 95);
  state.value(rule, -std::numeric_limits<double>::infinity(), at(80s));
  EXPECT_FALSE(state.is_breached());
}

TEST(Limit, TakenUpFromBeforeIsConfirmedOrEndedByTheFirstReading) {
  const LimitRule rule{.metric = "m", .above = 90, .clear = 80, .held = 60s};
  LimitState ends(true);
  ends.value(rule, 79, at(0s));
  EXPECT_FALSE(ends.is_breached());
  LimitState lasts(true);
  lasts.value(rule, 85, at(0s));
  EXPECT_TRUE(lasts.is_breached());
}

TEST(Limit, SaysWhatItSees) {
  const LimitRule rule{.metric = "cpu_usage", .above = 90, .clear = 80, .held = 5min};
  EXPECT_EQ(describe(rule, "core=0", 95.5), "cpu_usage core=0 is 95.5, above 90 for 5m");
  EXPECT_EQ(describe(rule, "", 85), "cpu_usage is 85, not yet back to 80");
  EXPECT_EQ(describe({.metric = "t", .below = 5}, "", 1), "t is 1, below 5");
}

}  // namespace
}  // namespace vigile
