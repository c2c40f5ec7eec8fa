// SPDX-License-Identifier: Apache-2.0
// The server over a real socket: who may connect, and what a client may do to it.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "api/listener.h"
#include "served_agent.h"
#include "support/process.h"

namespace vigile {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(ApiServer, AnswersOnItsSocket) {
  ServedAgent served;
  const std::string answer = ask(served.socket(), "GET /healthz");
  EXPECT_EQ(status_of(answer), 200) << answer;
  EXPECT_EQ(body_of(answer), "{\"status\":\"ok\"}\n");
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
}

TEST(ApiServer, SocketIsForOwnerAndGroupAndGoesWithTheServer) {
  ServedAgent served;
  struct stat info {};
  ASSERT_EQ(::stat(served.socket().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0660U);
  ASSERT_EQ(::stat((served.directory / "run").c_str(), &info), 0);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  EXPECT_EQ(info.st_mode & 07777U, 0750U & ~mask);
  served.stop();
  EXPECT_NE(::stat(served.socket().c_str(), &info), 0);
}

TEST(ApiServer, ReplacesWhatADeadDaemonLeft) {
  const TempDir directory;
  const auto path = directory / "s.sock";
  {
    auto listener = UnixListener::open(path);
    ASSERT_TRUE(listener) << listener.error().message;
    std::filesystem::create_hard_link(path, directory / "left");
  }
  ASSERT_FALSE(std::filesystem::exists(path));
  std::filesystem::rename(directory / "left", path);  // bound once, nobody listens
  auto listener = UnixListener::open(path);
  EXPECT_TRUE(listener) << listener.error().message;
}

TEST(ApiServer, RefusesASocketOnWhichADaemonAnswers) {
  ServedAgent served;
  FakeAgent agent;
  ApiOptions options;
  options.socket = served.socket();
  const auto second = ApiServer::open(options, agent, served.clock);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(second.error().message, HasSubstr("(pid " + std::to_string(::getpid()) + ")"));
  EXPECT_EQ(status_of(ask(served.socket(), "GET /healthz")), 200) << "the first one is as it was";
}

}  // namespace
}  // namespace vigile
