// SPDX-License-Identifier: Apache-2.0
// Batches that are refused as too large by something that does not mean it.
#include <gmock/gmock.h>

#include "delivery_fixture.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using State = DeliveryStatus::State;

const Outcome kTooLarge = {.kind = Outcome::Kind::too_large, .message = "HTTP 413"};

TEST_F(DeliveryTest, WhatRefusesASingleShortLineAsTooLargeIsABrokenPath) {
  for (const int points : {1, 200}) {
    sink_ = {};
    sink_.least_limit = 16 << 10;
    make({.every = 1s});
    for (int i = 0; i < 2000 / points; ++i) append(points);
    sink_.answer = [](const std::string&) { return kTooLarge; };
    run_for(60s);
    EXPECT_EQ(delivery_->status().state, State::paused);
    EXPECT_THAT(delivery_->status().reason, HasSubstr("HTTP 413: a single line is refused as too large"));
    EXPECT_THAT(delivery_->status().reason, HasSubstr("proxy"));
    EXPECT_EQ(backlog(), 2000u);
    EXPECT_LE(sink_.requests, 25);
    run_for(3600s);
    EXPECT_LE(sink_.requests, 25 + 13);  // one in five minutes
    EXPECT_TRUE(log_->dead_letters("s", 0, 10)->empty());

    sink_.answer = [](const std::string&) { return Outcome{.kind = Outcome::Kind::accepted}; };
    delivery_->flush();
    run_for(2s);
    EXPECT_EQ(sink_.stored.size(), 2000u);
    EXPECT_EQ(backlog(), 0u);
    EXPECT_TRUE(log_->dead_letters("s", 0, 10)->empty());
  }
}

TEST_F(DeliveryTest, OneLineOfARealSizeIsADeadLetterAndShortOnesBesideItArrive) {
  sink_.least_limit = 16 << 10;
  make({.every = 1s});
  ASSERT_TRUE(
      log_->append({.points = 3, .lines = "a v=1 1\n" + std::string(20000, 'x') + " v=1 1\nb v=1 1\n"}));
  sink_.answer = [](const std::string& lines) {
    return lines.size() > 18000 ? kTooLarge : Outcome{.kind = Outcome::Kind::accepted};
  };
  run_for(2s);
  EXPECT_EQ(sink_.stored, (std::vector<std::string>{"a v=1 1", "b v=1 1"}));
  EXPECT_EQ(log_->dead_letters("s", 0, 10)->size(), 1u);
}

TEST_F(DeliveryTest, OnceNothingIsTooLargeAnyMoreBatchesGrowAgain) {
  sink_.least_limit = 16 << 10;
  make({.every = 1s});
  for (int i = 0; i < 30; ++i) append(100);
  sink_.answer = [](const std::string&) { return kTooLarge; };
  run_for(60s);
  sink_.answer = [](const std::string&) { return Outcome{.kind = Outcome::Kind::accepted}; };
  delivery_->flush();
  run_for(1s);
  EXPECT_EQ(backlog(), 0u);
  const int before = sink_.requests;
  for (int i = 0; i < 30; ++i) append(100);
  run_for(1s);
  EXPECT_EQ(backlog(), 0u);
  EXPECT_LE(sink_.requests - before, 10);
  for (int i = 0; i < 30; ++i) append(100);
  run_for(2s);
  for (int i = 0; i < 300; ++i) append(100);
  const int grown = sink_.requests;
  run_for(1s);
  EXPECT_EQ(backlog(), 0u);
  EXPECT_LE(sink_.requests - grown, 10);
}

}  // namespace
}  // namespace vigile
