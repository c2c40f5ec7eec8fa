// SPDX-License-Identifier: Apache-2.0
#include "drivers/thermal/thermal.h"

#include <gtest/gtest.h>

#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

TEST(Thermal, Testcases) {
  run_testcases(kThermalDriver);
}

TEST(Thermal, SurvivesMutations) {
  mutate_captured(kThermalDriver, "temp", [](std::string_view text) -> Result<void> {
    const auto parsed = parse_zone_temperature(text, "/sys/class/thermal/thermal_zone0/temp");
    if (!parsed) return parsed.error();
    return {};
  });
}

TEST(Thermal, ReadsThousandths) {
  EXPECT_EQ(*parse_zone_temperature("45123", "temp"), 45.123);
  EXPECT_EQ(*parse_zone_temperature("-5000", "temp"), -5.0);
  EXPECT_FALSE(parse_zone_temperature("", "temp"));
  EXPECT_FALSE(parse_zone_temperature("45.1", "temp"));
}

}  // namespace
}  // namespace vigile
