// SPDX-License-Identifier: Apache-2.0
// What the driver exec started ends with the agent, also when that is killed by SIGKILL.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>

#include "core/unique_fd.h"
#include "integration/daemon.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

// A program, its child that does not mind SIGTERM, and what that one started.
constexpr const char* kScript = R"sh(#!/bin/sh
pids='@PIDS@'
sh -c 'trap "" TERM HUP INT; echo $$ >> "$0"; sleep 1000 & echo $! >> "$0"; wait' "$pids" &
echo $$ >> "$pids"
until [ "$(wc -l < "$pids")" -ge 3 ];
do :; done
echo done >> "$pids"
wait
)sh";

class ExecChildrenTest : public ::testing::TestWithParam<const char*> {
 protected:
  // Each that the program wrote down; empty until all are there.
  std::vector<pid_t> pids() const {
    std::ifstream in(dir_ / "pids");
    std::vector<pid_t> all;
    for (std::string line; std::getline(in, line);) {
      if (line == "done") return all;
      all.push_back(std::stoi(line));
    }
    return {};
  }
  void write_script() {
    std::string text = kScript;
    text.replace(text.find("@PIDS@"), 6, (dir_ / "pids").string());
    std::ofstream(dir_ / "program") << text;
    ASSERT_EQ(::chmod((dir_ / "program").c_str(), 0755), 0);
  }

  TempDir dir_;
};

TEST_P(ExecChildrenTest, AreGoneWithAnAgentThatIsKilled) {
  write_script();
  Daemon daemon("site: {id: 1}\nequipment:\n  - id: 1\n    drivers:\n      - exec: {every: 1s, command: ['" +
                (dir_ / "program").string() + "'], " + GetParam() +
                "}\nstore: {path: @STORE@}\napi: {socket: @SOCKET@}\n");
  daemon.start();
  std::vector<pid_t> all;
  ASSERT_TRUE(eventually([&] { return !(all = pids()).empty(); })) << daemon.output();
  ASSERT_EQ(all.size(), 3u);
  std::vector<UniqueFd> ends;
  for (const pid_t pid : all) {
    ends.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!ends.back()) GTEST_SKIP() << "a kernel without pidfd";
  }
  daemon.kill_hard();
  for (std::size_t i = 0; i < ends.size(); ++i) {
    pollfd end{ends[i].get(), POLLIN, 0};
    EXPECT_EQ(::poll(&end, 1, 60'000), 1) << all[i] << " runs on";
    if (end.revents == 0) ::kill(all[i], SIGKILL);
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, ExecChildrenTest,
                         ::testing::Values("mode: keep", "mode: once, timeout: 1000s, deadline: 1000s"));

}  // namespace
}  // namespace vigile
