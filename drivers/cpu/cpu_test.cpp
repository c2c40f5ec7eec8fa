// SPDX-License-Identifier: Apache-2.0
#include "drivers/cpu/cpu.h"

#include <gtest/gtest.h>

#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

TEST(Cpu, Testcases) {
  run_testcases(kCpuDriver);
}

TEST(Cpu, SurvivesMutations) {
  ProcStat stat;
  mutate_captured(kCpuDriver, "stat",
                  [&](std::string_view text) { return parse_proc_stat(text, "/proc/stat", true, stat); });
}

TEST(Cpu, SharesAddUpToTheInterval) {
  const CpuTimes before = {100, 0, 50, 1000, 10, 0, 0, 0};
  const CpuTimes now = {150, 10, 70, 1100, 20, 5, 3, 2};
  const auto shares = cpu_shares(before, now);
  ASSERT_TRUE(shares);
  EXPECT_DOUBLE_EQ(shares->states[0], 25.0);
  EXPECT_DOUBLE_EQ(shares->usage, 45.0);
  double sum = 0;
  for (const double share : shares->states) sum += share;
  EXPECT_DOUBLE_EQ(sum, 100.0);
}

TEST(Cpu, GoingBackYieldsNoRateButIowaitMaySlip) {
  const CpuTimes before = {1000, 0, 500, 9000, 400, 0, 0, 30};
  CpuTimes now = {1050, 0, 500, 9050, 390, 0, 0, 29};
  const auto slipped = cpu_shares(before, now);
  ASSERT_TRUE(slipped);
  EXPECT_DOUBLE_EQ(slipped->usage, 50.0);
  EXPECT_DOUBLE_EQ(slipped->states[static_cast<std::size_t>(CpuState::iowait)], 0.0);
  now[static_cast<std::size_t>(CpuState::user)] = 999;
  EXPECT_FALSE(cpu_shares(before, now)) << "user time never slips back";
  now = before;
  now[static_cast<std::size_t>(CpuState::user)] += 100;
  now[static_cast<std::size_t>(CpuState::idle)] = 10;
  EXPECT_FALSE(cpu_shares(before, now)) << "idle started anew";
  EXPECT_FALSE(cpu_shares(before, before)) << "no time passed";
}

}  // namespace
}  // namespace vigile
