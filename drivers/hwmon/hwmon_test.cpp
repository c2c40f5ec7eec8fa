// SPDX-License-Identifier: Apache-2.0
#include "drivers/hwmon/hwmon.h"

#include <gtest/gtest.h>

#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

TEST(Hwmon, Testcases) {
  run_testcases(kHwmonDriver);
}

TEST(Hwmon, SurvivesMutations) {
  mutate_captured(kHwmonDriver, "temp1_input", [](std::string_view text) -> Result<void> {
    const auto parsed = parse_reading(text, 0, "/sys/class/hwmon/hwmon0/temp1_input");
    if (!parsed) return parsed.error();
    return {};
  });
}

TEST(Hwmon, KnowsItsAttributes) {
  const auto name_of = [](std::string_view attribute) {
    const auto parsed = parse_attribute_name(attribute);
    return parsed ? std::string(kHwmonDriver.metrics[parsed->kind].name) + " " + std::string(parsed->sensor)
                  : std::string("none");
  };
  EXPECT_EQ(name_of("temp1_input"), "temperature temp1");
  EXPECT_EQ(name_of("fan12_input"), "fan_speed fan12");
  EXPECT_EQ(name_of("in0_input"), "voltage in0");
  EXPECT_EQ(name_of("curr1_input"), "current curr1");
  EXPECT_EQ(name_of("power1_average"), "power power1");
  EXPECT_EQ(name_of("humidity1_input"), "humidity humidity1");
  for (const char* other : {"temp1_max", "temp1_average", "temp_input", "intrusion0_alarm", "in_input",
                            "name", "", "_", "temp1", "tempx_input", "fan1_target"}) {
    EXPECT_EQ(name_of(other), "none") << other;
  }
}

TEST(Hwmon, ReadsEachKindInItsUnit) {
  const auto read = [](std::string_view attribute, std::string_view text) {
    return *parse_reading(text, parse_attribute_name(attribute)->kind, attribute);
  };
  EXPECT_EQ(read("temp1_input", "45123"), 45.123);
  EXPECT_EQ(read("fan1_input", "1280"), 1280);
  EXPECT_EQ(read("in0_input", "3312"), 3.312);
  EXPECT_EQ(read("curr1_input", "-250"), -0.25);
  EXPECT_EQ(read("power1_average", "15500000"), 15.5);
  EXPECT_EQ(read("humidity1_input", "45300"), 45.3);
  EXPECT_FALSE(parse_reading("", 0, "temp1_input"));
  EXPECT_FALSE(parse_reading("12 3", 0, "temp1_input"));
}

}  // namespace
}  // namespace vigile
