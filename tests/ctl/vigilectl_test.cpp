// SPDX-License-Identifier: Apache-2.0
// vigilectl as a program, against a real server.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "api/listener.h"
#include "core/file.h"
#include "served_agent.h"
#include "support/process.h"

namespace vigile {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string kProgram = VIGILE_BINARY_DIR "/bin/vigilectl";

struct Ran {
  int status = -1;
  std::string out;
  std::string err;
};

// `command` is words of the shell after "vigilectl".
Ran run(const std::string& socket, const std::string& command) {
  const TempDir directory;
  const std::string script = "exec " + kProgram + " " + command + " >" + (directory / "out").string() +
                             " 2>" + (directory / "err").string();
  ChildProcess child({"/bin/sh", "-c", script}, directory / "both", {"VIGILE_SOCKET=" + socket});
  Ran ran;
  ran.status = child.wait(std::chrono::seconds(30)).value_or(-1);
  ran.out = read_file(directory / "out", 64 << 20).value_or("");
  ran.err = read_file(directory / "err").value_or("");
  return ran;
}

TEST(Vigilectl, StatusOfAHealthyAgent) {
  ServedAgent served;
  served.agent.agent_status = example_status();
  const Ran ran = run(served.socket(), "status");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("Lyon-Nord (site 12) · press-07"));
  EXPECT_THAT(ran.out, Not(HasSubstr("\x1b"))) << "colours are for terminals";
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST(Vigilectl, StatusOfAFailingAgentIsNo) {
  ServedAgent served;
  served.agent.agent_status = example_status();
  served.agent.agent_status.healthy = false;
  served.agent.agent_status.unhealthy_reason = "no commit for 40 s";
  EXPECT_EQ(run(served.socket(), "status").status, 1);
  const Ran ran = run(served.socket(), "status --json");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("\"unhealthy_reason\":\"no commit for 40 s\""));
}

TEST(Vigilectl, SaysWhyThereIsNoDaemon) {
  const TempDir directory;
  const std::string path = (directory / "s.sock").string();
  Ran ran = run(path, "status");
  EXPECT_EQ(ran.status, 3);
  EXPECT_EQ(ran.err, "vigilectl: no daemon at " + path + ": there is no such socket; is vigiled running?\n");
  EXPECT_THAT(ran.out, IsEmpty());
  {
    auto listener = UnixListener::open(path);
    ASSERT_TRUE(listener);
    std::filesystem::create_hard_link(path, directory / "left");
  }
  ran = run((directory / "left").string(), "status");
  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, HasSubstr("nobody listens there"));
}

TEST(Vigilectl, UsageErrorsAreTwo) {
  EXPECT_EQ(run("/nowhere", "").status, 2);
  EXPECT_EQ(run("/nowhere", "dance").status, 2);
  EXPECT_EQ(run("/nowhere", "status --colour").status, 2);
  const Ran help = run("/nowhere", "--help");
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("Exit status: 0 fine, 1 the answer is no, 2 usage, 3 no daemon."));
}

}  // namespace
}  // namespace vigile
