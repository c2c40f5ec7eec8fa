// SPDX-License-Identifier: Apache-2.0
#include "drivers/agent/agent.h"

#include <gtest/gtest.h>

#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

TEST(Agent, Testcases) {
  run_testcases(kAgentDriver);
}

TEST(Agent, SurvivesMutations) {
  mutate_captured(kAgentDriver, "stat", [](std::string_view text) -> Result<void> {
    const auto parsed = parse_process_stat(text, "/proc/self/stat");
    if (!parsed) return parsed.error();
    return {};
  });
  for (const auto& [file, key] :
       {std::pair("status", "VmRSS"), {"io", "write_bytes"}, {"smaps_rollup", "Private_Dirty"}}) {
    mutate_captured(kAgentDriver, file,
                    [&, wanted = key, name = file](std::string_view text) -> Result<void> {
                      if (keyed_number(text, wanted)) return {};
                      return Error{ErrorKind::parse, std::string(name) + ": no number"};
                    });
  }
}

TEST(Agent, GroupsFiguresByTheirTags) {
  const FakeClock clock;
  DriverEnvironment environment{.clock = clock, .proc_root = "/nonexistent"};
  environment.agent_figures = [] {
    return std::vector<AgentFigure>{{"agent_log_points", "log_points", {}, std::int64_t{7}},
                                    {"agent_log_size", "log_size", {}, std::int64_t{9}},
                                    {"agent_sink_lag", "sink_lag", {{"sink", "a"}}, 1.5},
                                    {"agent_sink_lag", "sink_lag", {{"sink", "b"}}, 2.5}};
  };
  const auto driver = std::move(*kAgentDriver.make(Options(), environment));
  TextOutput out(kAgentDriver);
  EXPECT_EQ(driver->sample({clock.boot(), clock.boot(), {}}, out).error().kind, ErrorKind::not_found);
  EXPECT_EQ(out.text,
            "vigile log_points=7i,log_size=9i\nvigile,sink=a sink_lag=1.5\nvigile,sink=b sink_lag=2.5\n");
}

}  // namespace
}  // namespace vigile
