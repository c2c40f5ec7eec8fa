// SPDX-License-Identifier: Apache-2.0
#include "drivers/network/network.h"

#include <gtest/gtest.h>

#include "drivers/kernel_text/name_filter.h"
#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

TEST(Network, Testcases) {
  run_testcases(kNetworkDriver);
}

TEST(Network, SurvivesMutations) {
  std::vector<InterfaceCounters> interfaces;
  mutate_captured(kNetworkDriver, "dev",
                  [&](std::string_view text) { return parse_net_dev(text, "/proc/net/dev", interfaces); });
}

TEST(Network, TellsRunningOverFromStartingAnew) {
  const std::uint64_t near_the_top = 4'294'900'000;  // 67,296 below 2^32
  const NetCounters before = {near_the_top, 5'000, 900, 40, 0, 0, 0, 0};
  NetCounters now = {10'000, 6'000, 950, 50, 0, 0, 0, 0};
  const auto risen = counters_risen(before, now, 10, 100);
  ASSERT_TRUE(risen);
  EXPECT_EQ((*risen)[0], 77'296u);
  EXPECT_EQ((*risen)[1], 1'000u);

  EXPECT_FALSE(counters_risen(before, now, 10, 0)) << "more than the link carries";
  now[2] = 3;
  EXPECT_FALSE(counters_risen(before, now, 10, 100)) << "two counters went back together";
  EXPECT_FALSE(counters_risen({near_the_top, near_the_top}, {10, 10}, 10, 100)) << "both near the top";
  EXPECT_FALSE(counters_risen({1'000'000}, {10}, 3600, 10'000)) << "stood in the lower half";
  EXPECT_FALSE(counters_risen({(std::uint64_t{1} << 32) + 5}, {10}, 10, 100)) << "has more than 32 bits";
  EXPECT_FALSE(counters_risen({3'000'000'000}, {10}, 10, 100)) << "1.29 GB in 10 s on 100 Mbit/s";
  EXPECT_TRUE(counters_risen({3'000'000'000}, {10}, 10, 10'000)) << "1.29 GB in 10 s on 10 Gbit/s";
}

TEST(NameFilter, ChoosesAndExcludes) {
  const NameFilter all({}, {"lo", "veth*"});
  EXPECT_TRUE(all.accepts("eth0"));
  EXPECT_FALSE(all.accepts("lo"));
  EXPECT_FALSE(all.accepts("veth12ab"));
  const NameFilter some({"eth*", "lo"}, {"lo", "eth1"});
  EXPECT_TRUE(some.accepts("eth0"));
  EXPECT_FALSE(some.accepts("eth1"));
  EXPECT_FALSE(some.accepts("wlan0"));
  EXPECT_TRUE(some.accepts("lo")) << "spelled out";
}

}  // namespace
}  // namespace vigile
