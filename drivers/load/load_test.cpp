// SPDX-License-Identifier: Apache-2.0
#include "drivers/load/load.h"

#include <gtest/gtest.h>

#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

Result<void> without_value(bool parsed, const Error& error) {
  if (parsed) return {};
  return error;
}

TEST(Load, Testcases) {
  run_testcases(kLoadDriver);
}

TEST(Load, SurvivesMutations) {
  mutate_captured(kLoadDriver, "loadavg", [](std::string_view text) {
    const auto parsed = parse_loadavg(text, "/proc/loadavg");
    return without_value(parsed.has_value(), parsed ? Error{} : parsed.error());
  });
  mutate_captured(kLoadDriver, "uptime", [](std::string_view text) {
    const auto parsed = parse_uptime(text, "/proc/uptime");
    return without_value(parsed.has_value(), parsed ? Error{} : parsed.error());
  });
  mutate_captured(kLoadDriver, "online", [](std::string_view text) {
    return without_value(count_cpu_list(text).has_value(), Error{ErrorKind::parse, "online: not a list"});
  });
}

TEST(Load, CountsProcessors) {
  EXPECT_EQ(count_cpu_list("0"), 1u);
  EXPECT_EQ(count_cpu_list("0-3"), 4u);
  EXPECT_EQ(count_cpu_list("0-3,6,8-9"), 7u);
  for (const char* bad : {"", "-", "3-0", "0-", ",1", "0-99999999999", "a"}) {
    EXPECT_FALSE(count_cpu_list(bad)) << bad;
  }
}

TEST(Load, RefusesWhatIsCutOff) {
  EXPECT_TRUE(parse_loadavg("0.13 0.03 0.01 1/93 6328", "loadavg"));
  EXPECT_FALSE(parse_loadavg("0.13 0.03 0.01 1/93", "loadavg"));
  EXPECT_FALSE(parse_loadavg("0.13 0.03 0.01", "loadavg"));
  EXPECT_FALSE(parse_loadavg("nan 0.03 0.01 1/93 6328", "loadavg"));
  EXPECT_EQ(*parse_uptime("3594.29 7094.53", "uptime"), 3594.29);
  EXPECT_FALSE(parse_uptime("3594.2", "uptime"));
}

}  // namespace
}  // namespace vigile
