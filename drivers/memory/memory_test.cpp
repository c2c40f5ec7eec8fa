// SPDX-License-Identifier: Apache-2.0
#include "drivers/memory/memory.h"

#include <gtest/gtest.h>

#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

TEST(Memory, Testcases) {
  run_testcases(kMemoryDriver);
}

TEST(Memory, SurvivesMutations) {
  MemInfo info;
  mutate_captured(kMemoryDriver, "meminfo",
                  [&](std::string_view text) { return parse_meminfo(text, "/proc/meminfo", info); });
}

TEST(Memory, ComputesWhatOldKernelsDoNotTell) {
  MemInfo info{
      .total = 1000, .free = 100, .buffers = 50, .cached = 300, .reclaimable_slab = 20, .shared = 30};
  EXPECT_EQ(available_bytes(info), 440u);
  info.shared = 5000;  // never below what is free
  EXPECT_EQ(available_bytes(info), 100u);
  info.available = 700;
  EXPECT_EQ(available_bytes(info), 700u);
  info.available = 1200;  // seen in containers
  EXPECT_EQ(available_bytes(info), 1000u);
  EXPECT_FALSE(available_bytes({.total = 1000}));
}

}  // namespace
}  // namespace vigile
