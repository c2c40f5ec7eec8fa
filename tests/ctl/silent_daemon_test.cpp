// SPDX-License-Identifier: Apache-2.0
// vigilectl against a daemon that takes connections and is silent, for ever or while it works.
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "api/listener.h"
#include "run_vigilectl.h"

namespace vigile {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(SilentDaemon, ConnectionsThatNobodyTakesEndWithAMessage) {
  const TempDir directory;
  const std::string path = (directory / "s.sock").string();
  const auto listener = UnixListener::open(path);
  ASSERT_TRUE(listener);
  // As a stopped process: the kernel takes the connections.
  for (const std::string command :
       {"status", "stats", "tail", "flush", "drivers", "version", "store check"}) {
    const Ran ran = run_vigilectl(path, "--timeout 100ms " + command);
    EXPECT_EQ(ran.status, 3) << command << ran.out;
    EXPECT_EQ(ran.err, "vigilectl: the daemon at " + path +
                           " does not answer: no sign of life for 100ms; is it stopped, or its machine "
                           "overloaded? --timeout waits longer\n")
        << command;
  }
  const Ran ran = run_vigilectl(path, "status");
  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, HasSubstr("no sign of life for 3s"));
  EXPECT_EQ(run_vigilectl(path, "--timeout 0 status").status, 2);
  EXPECT_EQ(run_vigilectl(path, "--timeout soon status").status, 2);
}

UniqueFd next_connection(const UnixListener& listener) {
  pollfd entry{listener.fd(), POLLIN, 0};
  if (::poll(&entry, 1, 60'000) != 1) return {};
  return UniqueFd(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
}

// The first line of the request that comes there.
std::string request_line(const UniqueFd& fd) {
  std::array<char, 4096> text{};
  const ssize_t count = ::read(fd.get(), text.data(), text.size());
  const std::string request(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  return request.substr(0, request.find('\r'));
}

void answer(const UniqueFd& fd, const std::string& body) {
  const std::string text =
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
      body;
  EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

TEST(SilentDaemon, OneThatWorksIsWaitedFor) {
  const TempDir directory;
  const std::string path = (directory / "s.sock").string();
  const auto listener = UnixListener::open(path);
  ASSERT_TRUE(listener);
  std::vector<std::string> lines;
  std::thread daemon([&] {
    const UniqueFd question = next_connection(*listener);
    lines.push_back(request_line(question));
    {
      const UniqueFd sign_of_life = next_connection(*listener);
      lines.push_back(request_line(sign_of_life));
      answer(sign_of_life, "");
    }
    answer(question, "{}");
  });
  const Ran ran = run_vigilectl(path, "--timeout 6s store --json");
  daemon.join();
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "{}");
  EXPECT_THAT(ran.err, IsEmpty());
  EXPECT_THAT(lines, testing::ElementsAre("GET /api/agent/store HTTP/1.1", "HEAD /healthz HTTP/1.1"));
}

}  // namespace
}  // namespace vigile
