// SPDX-License-Identifier: Apache-2.0
// The server over a real socket: who may connect, and what a client may do to it.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <vector>

#include "api/listener.h"
#include "core/file.h"
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

TEST(ApiServer, RefusesWhatIsNoPlaceForASocket) {
  const TempDir directory;
  std::ofstream(directory / "file") << "x";
  EXPECT_THAT(UnixListener::open(directory / "file").error().message,
              HasSubstr("something that is not a socket"));
  EXPECT_TRUE(std::filesystem::exists(directory / "file"));
  EXPECT_THAT(UnixListener::open("relative.sock").error().message, HasSubstr("expected an absolute path"));
  EXPECT_THAT(UnixListener::open(directory / std::string(200, 'x')).error().message,
              HasSubstr("at most 107 are possible"));
  EXPECT_THAT(UnixListener::open(directory / "file/s.sock").error().message, HasSubstr("Not a directory"));
}

TEST(ApiServer, LeavesTheSocketOfAnotherAlone) {
  const TempDir directory;
  const auto path = directory / "s.sock";
  {
    auto first = UnixListener::open(path);
    ASSERT_TRUE(first);
    std::filesystem::remove(path);
    auto second = UnixListener::open(path);
    ASSERT_TRUE(second);
    first = Error{ErrorKind::io, "closed"};
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ApiServer, StartsAgainWithTheSocketThatItInherited) {
  const TempDir directory;
  const auto path = directory / "systemd.sock";
  auto listener = UnixListener::open(path);
  ASSERT_TRUE(listener);
  ApiOptions options;
  options.inherited_fd = listener->fd();
  for (int i = 0; i < 2; ++i) {
    ServedAgent served(options);
    EXPECT_EQ(status_of(ask(path, "GET /healthz")), 200);
    served.stop();
    EXPECT_TRUE(std::filesystem::exists(path)) << "it is not ours to remove";
  }
  FakeAgent agent;
  const FakeClock clock;
  const UniqueFd pipe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  options.inherited_fd = pipe.get();
  EXPECT_THAT(ApiServer::open(options, agent, clock).error().message, HasSubstr("not a listening socket"));
}

// ---- TCP

std::string ask_tcp(std::uint16_t port, const std::string& headers) {
  RawClient client(port);
  client.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n");
  return client.receive_all();
}

TEST(ApiServer, TcpNeedsTheToken) {
  ApiOptions options;
  options.listen = "127.0.0.1:0";
  options.token = "s3cret";
  ServedAgent served(options);
  const std::uint16_t port = served.server->tcp_port();
  ASSERT_NE(port, 0);
  const std::string refused = ask_tcp(port, "");
  EXPECT_EQ(status_of(refused), 401);
  EXPECT_THAT(refused, HasSubstr("WWW-Authenticate: Bearer realm=\"vigile\"\r\n"));
  EXPECT_EQ(body_of(refused), "{\"error\":\"a bearer token is needed here\"}\n");
  EXPECT_EQ(status_of(ask_tcp(port, "Authorization: Bearer wrong!\r\n")), 401);
  EXPECT_EQ(status_of(ask_tcp(port, "Authorization: Bearer s3cret\r\n")), 200);
  EXPECT_EQ(status_of(ask(served.socket(), "GET /healthz")), 200) << "the socket's mode is its guard";
}

TEST(ApiServer, TcpIsForLoopbackAndNeverWithoutAToken) {
  FakeAgent agent;
  const FakeClock clock;
  for (const char* listen : {"0.0.0.0:8786", "192.0.2.1:80", "example.org:80", "127.0.0.1", "127.0.0.1:99999",
                             ":80", "127.0.0.1:", "[::]:80"}) {
    ApiOptions options;
    options.listen = listen;
    options.token = "s3cret";
    const auto server = ApiServer::open(options, agent, clock);
    ASSERT_FALSE(server) << listen;
    EXPECT_EQ(server.error().kind, ErrorKind::config);
    EXPECT_THAT(server.error().message, HasSubstr("expected a loopback address and a port"));
  }
  ApiOptions options;
  options.listen = "127.0.0.1:0";
  EXPECT_THAT(ApiServer::open(options, agent, clock).error().message, HasSubstr("a token is needed"));
}

// ---- Limits

TEST(ApiServer, ErrorsAreJson) {
  ServedAgent served;
  std::string answer = ask(served.socket(), "GET /nothing");
  EXPECT_EQ(status_of(answer), 404);
  EXPECT_EQ(body_of(answer), "{\"error\":\"no such path: /nothing\"}\n");
  answer = ask(served.socket(), "PUT /healthz");
  EXPECT_EQ(status_of(answer), 405);
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_EQ(body_of(answer), "{\"error\":\"expected GET, HEAD\"}\n");
}

TEST(ApiServer, RefusesLargeHeaders) {
  ServedAgent served;
  RawClient client(served.socket());
  client.send("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ");
  for (int i = 0; i < 40 && client.send(std::string(1000, 'x')); ++i) {
  }
  EXPECT_EQ(status_of(client.receive_all()), 431);
  const std::string long_path = "GET /" + std::string(30'000, 'x');
  EXPECT_THAT(status_of(ask(served.socket(), long_path)), testing::AnyOf(414, 431));
  EXPECT_EQ(status_of(ask(served.socket(), "GET /healthz")), 200);
}

TEST(ApiServer, RefusesLargeBodies) {
  ServedAgent served;
  const std::string answer =
      ask(served.socket(), "POST /api/agent/flush", "Content-Length: 2000000\r\n", std::string(100'000, 'x'));
  EXPECT_EQ(status_of(answer), 413) << "before it has come";
  EXPECT_THAT(body_of(answer), StartsWith("{\"error\":"));
  EXPECT_EQ(
      status_of(ask(served.socket(), "POST /api/agent/flush", "Content-Length: 99999999999999999999\r\n")) /
          100,
      4);
  const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
  EXPECT_EQ(status_of(ask(served.socket(), "POST /api/agent/flush", "Transfer-Encoding: chunked\r\n",
                          chunk + "0\r\n\r\n")),
            413);
  EXPECT_EQ(served.agent.flushes, 0);
  EXPECT_EQ(status_of(ask(served.socket(), "POST /api/agent/flush", "Content-Length: 2\r\n", "{}")), 200);
}

TEST(ApiServer, ABodyWithoutEndIsCutOff) {
  ServedAgent served;
  RawClient client(served.socket());
  client.send("POST /api/agent/flush HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
  int sent = 0;
  while (sent < 1000 && client.send(chunk)) ++sent;
  EXPECT_LT(sent, 200) << "4 MiB, and what the kernel holds";
  EXPECT_EQ(served.agent.flushes, 0);
}

TEST(ApiServer, AHalfRequestIsTimedOut) {
  ApiOptions options;
  options.idle_timeout = std::chrono::seconds(1);
  ServedAgent served(options);
  RawClient half(served.socket());
  half.send("GET /healthz HTTP/1.1\r\nHo");
  RawClient silent(served.socket());
  EXPECT_EQ(half.receive_all(), "");
  EXPECT_EQ(silent.receive_all(), "");
}

TEST(ApiServer, AStreamOutlivesTheIdleTimeout) {
  ApiOptions options;
  options.idle_timeout = std::chrono::seconds(1);
  ServedAgent served(options);
  RawClient stream(served.socket());
  stream.send("GET /api/agent/points HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(stream.receive_until("\r\n\r\n"));
  RawClient silent(served.socket());
  EXPECT_EQ(silent.receive_all(), "") << "a whole idle time has passed";
  served.agent.commit("cpu x=1 1\n");
  EXPECT_TRUE(stream.receive_until("cpu x=1 1\n"));
}

TEST(ApiServer, TwoHundredAtOnceAreAllAnswered) {
  ServedAgent served;
  std::vector<std::jthread> clients;
  std::atomic<int> answered{0};
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back([&] {
      if (status_of(ask(served.socket(), "GET /api/agent/status")) == 200) ++answered;
    });
  }
  clients.clear();
  EXPECT_EQ(answered, 200);
}

TEST(ApiServer, WhoComesWhenAllPlacesAreTakenWaits) {
  ApiOptions options;
  options.max_connections = 4;
  ServedAgent served(options);
  std::vector<std::unique_ptr<RawClient>> keeping;
  for (int i = 0; i < 4; ++i) {
    keeping.push_back(std::make_unique<RawClient>(served.socket()));
    keeping.back()->send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(keeping.back()->receive_until("\"ok\""));
  }
  RawClient late(served.socket());
  late.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  pollfd ready{late.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&ready, 1, 100), 0) << "the clock stands still, so nobody gives way";
  keeping.pop_back();
  EXPECT_TRUE(late.receive_until("\"ok\""));
}

TEST(ApiServer, HalfRequestsGiveWayWhenOthersWait) {
  ApiOptions options;
  options.max_connections = 8;
  options.give_way = std::chrono::milliseconds(20);
  ServedAgent served(options);
  std::vector<std::unique_ptr<RawClient>> hostile;
  for (int i = 0; i < 100; ++i) {
    hostile.push_back(std::make_unique<RawClient>(served.socket()));
    hostile.back()->send("GET /healthz HTTP/1.1\r\nX: ");
  }
  RawClient honest(served.socket());
  honest.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  // Its turn comes when those before it have each had their 20 ms.
  for (int i = 0; i < 200 && honest.received.empty(); ++i) {
    served.clock.advance(options.give_way);
    pollfd ready{honest.fd(), POLLIN, 0};
    if (::poll(&ready, 1, 50) == 1) honest.receive();
  }
  EXPECT_EQ(status_of(honest.received), 200);
}

TEST(ApiServer, StreamsKeepTheirPlacesWhenOthersWait) {
  ApiOptions options;
  options.max_connections = 2;
  options.give_way = std::chrono::nanoseconds(0);
  ServedAgent served(options);
  RawClient stream(served.socket());
  stream.send("GET /api/agent/points HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(stream.receive_until("\r\n\r\n"));
  std::vector<std::unique_ptr<RawClient>> others;
  for (int i = 0; i < 20; ++i) others.push_back(std::make_unique<RawClient>(served.socket()));
  EXPECT_EQ(status_of(ask(served.socket(), "GET /healthz")), 200) << "after all of them have given way";
  served.agent.commit("cpu x=1 1\n");
  EXPECT_TRUE(stream.receive_until("cpu x=1 1\n"));
}

TEST(ApiServer, AnswersThatNobodyReadsAreBounded) {
  ApiOptions options;
  options.held_bytes = 1 << 20;
  ServedAgent served(options);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    served.agent.fake_log.letters.push_back({id, "s", 0, std::string(80'000, 'x'), "r"});
  }
  std::vector<std::unique_ptr<RawClient>> lazy;
  int refused = 0;
  for (int i = 0; i < 30; ++i) {
    lazy.push_back(std::make_unique<RawClient>(served.socket()));
    const int small = 4096;
    ::setsockopt(lazy.back()->fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    lazy.back()->send("GET /api/agent/dead-letters HTTP/1.1\r\nHost: x\r\n\r\n");
    pollfd ready{lazy.back()->fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&ready, 1, 20'000), 1);
    char start[13] = {};
    ASSERT_EQ(::recv(lazy.back()->fd(), start, 12, MSG_PEEK), 12);
    refused += std::string_view(start) == "HTTP/1.1 503" ? 1 : 0;
  }
  EXPECT_GT(refused, 0);
  EXPECT_EQ(status_of(ask(served.socket(), "GET /healthz")), 200) << "small answers are always given";
  lazy.clear();
  EXPECT_TRUE(
      eventually([&] { return status_of(ask(served.socket(), "GET /api/agent/dead-letters")) == 200; }));
}

TEST(ApiServer, GarbageIsAnsweredOrClosed) {
  ApiOptions options;
  options.idle_timeout = std::chrono::seconds(1);
  ServedAgent served(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (const std::string_view text :
       {std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
        std::string_view("\0\0\0\0\r\n\r\n", 8), std::string_view("GET\r\n\r\n"),
        std::string_view("GET /healthz HTTP/9.9\r\n\r\n"),
        std::string_view("POST /api/agent/flush HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
        std::string_view(
            "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")}) {
    clients.push_back(std::make_unique<RawClient>(served.socket()));
    clients.back()->send(text);
    EXPECT_EQ(status_of(ask(served.socket(), "GET /healthz")), 200);
  }
  for (const auto& client : clients) {
    client->receive_all();
    EXPECT_NE(status_of(client->received) / 100, 2) << client->received;
  }
  EXPECT_EQ(served.agent.flushes, 0);
}

TEST(ApiServer, KeepsAConnectionForSeveralRequests) {
  ServedAgent served;
  RawClient client(served.socket());
  for (int i = 0; i < 3; ++i) {
    client.received.clear();
    client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(client.receive_until("{\"status\":\"ok\"}\n"));
  }
}

// Voluntary context switches of one thread.
std::uint64_t switches_of(const std::string& task) {
  const std::string text = read_file("/proc/self/task/" + task + "/status").value_or("");
  const std::size_t at = text.find("\nvoluntary_ctxt_switches:");
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + 25));
}

TEST(ApiServer, SleepsWhileNobodyAsks) {
  std::vector<std::string> before;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    before.push_back(entry.path().filename());
  }
  ServedAgent served;
  ASSERT_EQ(status_of(ask(served.socket(), "GET /healthz")), 200);
  RawClient stream(served.socket());  // an open stream costs nothing either
  stream.send("GET /api/agent/points HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(stream.receive_until("\r\n\r\n"));
  std::vector<std::string> tasks;  // the serving thread and its worker
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    if (std::find(before.begin(), before.end(), entry.path().filename()) == before.end()) {
      tasks.push_back(entry.path().filename());
    }
  }
  ASSERT_EQ(tasks.size(), 2U);
  // Once what it had to do is done, a whole second passes without it.
  EXPECT_TRUE(eventually([&] {
    const std::uint64_t before_rest = switches_of(tasks[0]) + switches_of(tasks[1]);
    ::poll(nullptr, 0, 1000);
    return switches_of(tasks[0]) + switches_of(tasks[1]) == before_rest;
  }));
}

}  // namespace
}  // namespace vigile
