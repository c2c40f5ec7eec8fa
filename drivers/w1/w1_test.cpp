// SPDX-License-Identifier: Apache-2.0
#include "drivers/w1/w1.h"

#include <gtest/gtest.h>

#include "drivers/testcase/testcase.h"
#include "drivers/w1/w1_slave.h"

namespace vigile {
namespace {

TEST(W1, Testcases) {
  run_testcases(kW1Driver);
}

TEST(W1, SurvivesMutations) {
  mutate_captured(kW1Driver, "w1_slave", [](std::string_view text) -> Result<void> {
    const auto parsed = parse_w1_slave(text, "/sys/bus/w1/devices/28-0/w1_slave");
    if (!parsed) return parsed.error();
    return {};
  });
}

}  // namespace
}  // namespace vigile
