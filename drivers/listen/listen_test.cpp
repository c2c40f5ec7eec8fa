// SPDX-License-Identifier: Apache-2.0
// Real sockets on loopback; the driver's clock is a test's.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fstream>

#include "core/unique_fd.h"
#include "drivers/listen/listen.h"
#include "drivers/listen/sockets.h"
#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

UniqueFd connect_to(int type, const std::string& path_or_port) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (path_or_port.starts_with('/')) {
    auto* const un = reinterpret_cast<sockaddr_un*>(&storage);
    un->sun_family = AF_UNIX;
    path_or_port.copy(un->sun_path, sizeof un->sun_path - 1);
    size = sizeof *un;
  } else {
    auto* const in = reinterpret_cast<sockaddr_in*>(&storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(static_cast<std::uint16_t>(std::stoi(path_or_port)));
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    size = sizeof *in;
  }
  UniqueFd fd(::socket(storage.ss_family, type | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) return {};
  return fd;
}

void push(const UniqueFd& to, std::string_view text) {
  ASSERT_EQ(::send(to.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

class ListenTest : public ::testing::Test {
 protected:
  std::string error_of(const std::string& yaml) {
    const auto made = kListenDriver.make(options_from_yaml(kListenDriver, yaml), {.clock = clock_});
    return made ? "fine" : made.error().message;
  }
  void make(const std::string& yaml) {
    auto made = kListenDriver.make(options_from_yaml(kListenDriver, yaml), {.clock = clock_});
    if (!made) throw std::runtime_error(made.error().message);
    driver_ = std::move(*made);
  }
  std::string sample() {
    TextOutput out(kListenDriver);
    const auto done = driver_->sample({clock_.boot(), clock_.boot() + 5s, {}}, out);
    clock_.advance(1s);
    if (!done)
      out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
    return replace_all(out.text, dir_.path().string(), "DIR");
  }

  TempDir dir_;
  FakeClock clock_;
  std::unique_ptr<Driver> driver_;
};

TEST_F(ListenTest, LinesOverEachKindOfSocket) {
  for (const std::string scheme : {"udp", "tcp", "unix", "unixgram"}) {
    const std::string port = std::to_string(free_port());
    const std::string path = dir_ / scheme;
    const bool is_unix = scheme.starts_with("unix");
    make("{address: '" + scheme + "://" + (is_unix ? path : "127.0.0.1:" + port) + "'}");
    EXPECT_THAT(sample(), HasSubstr(" points=0i,refused=0i,lost=0i,connections=0i"));
    const bool is_stream = scheme == "tcp" || scheme == "unix";
    const UniqueFd to = connect_to(is_stream ? SOCK_STREAM : SOCK_DGRAM, is_unix ? path : port);
    ASSERT_TRUE(to) << scheme;
    push(to, "press force=1\npress force\npress force=3 1793491200000000000\n");
    std::string got;
    ASSERT_TRUE(eventually([&] { return (got = sample()).find("point:") != std::string::npos; })) << scheme;
    EXPECT_THAT(got, HasSubstr("point: press force=1\npoint: press force=3 1793491200000000000\n")) << scheme;
    EXPECT_THAT(got, HasSubstr(" points=2i,refused=1i,")) << scheme;
    EXPECT_THAT(got, HasSubstr("line 2, column 12: expected '=' after the field key: \"press force\""))
        << scheme;
    if (is_unix) {
      struct stat status {};
      ASSERT_EQ(::stat(path.c_str(), &status), 0);
      EXPECT_EQ(status.st_mode & 07777, 0660u);
      driver_.reset();
      EXPECT_NE(::stat(path.c_str(), &status), 0) << "it is left behind";
    }
  }
}

TEST_F(ListenTest, ALineComesInPiecesAndTheLastMayHaveNoEnd) {
  make("{address: 'unix://" + (dir_ / "s").string() + "'}");
  sample();
  UniqueFd to = connect_to(SOCK_STREAM, dir_ / "s");
  push(to, "press for");
  EXPECT_THAT(sample(), HasSubstr("points=0i,refused=0i,lost=0i,connections=1i"));
  push(to, "ce=1\npress force=2");
  EXPECT_THAT(sample(), HasSubstr("point: press force=1\nlisten,"));
  to.reset();
  EXPECT_THAT(
      sample(),
      HasSubstr(
          "point: press force=2\nlisten,address=unix://DIR/s points=1i,refused=0i,lost=0i,connections=0i"));
}

TEST_F(ListenTest, WhatIsTooMuchIsRefusedAndCounted) {
  make("{address: 'unix://" + (dir_ / "s").string() + "', max_points: 10, max_line: 64, max_connections: 2}");
  sample();
  const UniqueFd first = connect_to(SOCK_STREAM, dir_ / "s");
  const UniqueFd second = connect_to(SOCK_STREAM, dir_ / "s");
  const UniqueFd third = connect_to(SOCK_STREAM, dir_ / "s");
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += "a n=" + std::to_string(i) + "\n";
  push(first, flood);
  std::string got = sample();
  EXPECT_THAT(got, HasSubstr("points=20i,refused=80i,lost=0i,connections=2i,"));  // two seconds' worth
  EXPECT_THAT(got, HasSubstr("line 21: is one too many"));
  push(first, flood);
  EXPECT_THAT(sample(), HasSubstr("points=10i,refused=90i,"));
  clock_.advance(9s);
  push(first, flood);
  EXPECT_THAT(sample(), HasSubstr("points=100i,refused=0i,"));
  // A line without end costs max_line of memory; what comes after it is taken.
  push(second, std::string(1000, 'x'));
  EXPECT_THAT(sample(), HasSubstr("error: full: unix://DIR/s: a line of more than max_line, 64 bytes"));
  push(second, "xxx\na n=7\n");
  EXPECT_THAT(sample(), HasSubstr("point: a n=7\nlisten,address=unix://DIR/s points=1i,refused=0i,"));
}

TEST_F(ListenTest, DatagramsWithoutRoomAreCountedThoughNothingFollows) {
  const std::string port = std::to_string(free_port());
  make("{address: 'udp://127.0.0.1:" + port + "', receive_buffer: 4096}");
  sample();
  const UniqueFd to = connect_to(SOCK_DGRAM, port);
  for (int i = 0; i < 200; ++i) push(to, "a n=" + std::to_string(i) + "\n");
  const std::string got = sample();
  const auto taken = static_cast<int>(std::count(got.begin(), got.end(), '\n')) - 2;
  const std::string lost = std::to_string(200 - taken);
  EXPECT_GT(200 - taken, 100);
  EXPECT_THAT(got, HasSubstr(",lost=" + lost + "i,"));
  EXPECT_THAT(got, HasSubstr("refused=0i,"));
  EXPECT_THAT(got, HasSubstr("127.0.0.1:" + port + ": " + lost +
                             " datagrams came when receive_buffer was full, and are lost\n"));
  // Once, though the kernel says it again with the next datagram.
  push(to, "a n=1000\n");
  const std::string next = sample();
  EXPECT_THAT(next, HasSubstr("point: a n=1000\n"));
  EXPECT_THAT(next, HasSubstr(",lost=" + lost + "i,"));
  EXPECT_THAT(next, testing::Not(HasSubstr("error")));
}

TEST_F(ListenTest, ConnectionsThatAreSilentGiveWay) {
  make("{address: 'unix://" + (dir_ / "s").string() + "', max_connections: 2, idle_timeout: 10s}");
  sample();
  const UniqueFd first = connect_to(SOCK_STREAM, dir_ / "s");
  const UniqueFd second = connect_to(SOCK_STREAM, dir_ / "s");
  EXPECT_THAT(sample(), HasSubstr("connections=2i,connections_refused=0i,connections_closed=0i"));
  push(first, "a n=1\n");
  EXPECT_THAT(sample(), HasSubstr("point: a n=1\n"));
  // The one that was silent for longest goes, and with it the half of a line.
  push(second, "a n=1");
  EXPECT_THAT(sample(), HasSubstr("connections=2i"));
  push(first, "a n=2\n");
  EXPECT_THAT(sample(), HasSubstr("point: a n=2\n"));
  const UniqueFd third = connect_to(SOCK_STREAM, dir_ / "s");
  push(third, "a n=3\n");
  std::string got = sample();
  EXPECT_THAT(got, HasSubstr("point: a n=3\nlisten,"));
  EXPECT_THAT(got,
              HasSubstr("refused=1i,lost=0i,connections=2i,connections_refused=0i,connections_closed=1i"));
  EXPECT_THAT(got, HasSubstr("unix://DIR/s: a connection was silent in the middle of a line, and is closed"));
  char byte = 0;
  EXPECT_EQ(::recv(second.get(), &byte, 1, MSG_DONTWAIT), 0);
  // Of those that have just sent nobody gives way.
  push(first, "a n=4\n");
  push(third, "a n=5\n");
  const UniqueFd fourth = connect_to(SOCK_STREAM, dir_ / "s");
  got = sample();
  EXPECT_THAT(got, HasSubstr("connections=2i,connections_refused=1i,connections_closed=1i"));
  EXPECT_THAT(got, HasSubstr("error: full: unix://DIR/s: more than max_connections, 2, at a time"));
  // What is silent for idle_timeout is closed, wanted or not.
  clock_.advance(8s);
  push(first, "a n=6\n");
  EXPECT_THAT(sample(), HasSubstr("connections=2i,connections_refused=1i,connections_closed=1i"));
  EXPECT_THAT(sample(), HasSubstr("connections=1i,connections_refused=1i,connections_closed=2i"));
}

TEST_F(ListenTest, AConnectionThatHasNeverSentGivesWayToOneThatHas) {
  make("{address: 'unix://" + (dir_ / "s").string() + "', max_connections: 2}");
  sample();
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 5; ++i) silent.push_back(connect_to(SOCK_STREAM, dir_ / "s"));
  UniqueFd sender = connect_to(SOCK_STREAM, dir_ / "s");
  push(sender, "a n=1\n");
  sender.reset();  // as nc does
  std::string got = sample();
  EXPECT_THAT(got, HasSubstr("point: a n=1\n"));
  EXPECT_THAT(got, HasSubstr("connections=1i,connections_refused=3i,connections_closed=1i"));
}

TEST_F(ListenTest, ASocketFileInTheWay) {
  const std::string path = dir_ / "s";
  make("{address: 'unix://" + path + "'}");
  EXPECT_THAT(sample(), HasSubstr("points=0i"));
  auto other = std::move(driver_);
  make("{address: 'unix://" + path + "'}");
  EXPECT_EQ(sample(), "error: unavailable: unix://DIR/s: bind: Address already in use\n");
  // One that nobody listens on any more, as after kill -9.
  const std::string left = dir_ / "left";
  {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    left.copy(name.sun_path, sizeof name.sun_path - 1);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }
  make("{address: 'unix://" + left + "'}");
  EXPECT_THAT(sample(), HasSubstr("points=0i"));
  // A file that is no socket is not ours to remove.
  std::ofstream(dir_ / "file") << "x";
  make("{address: 'unix://" + (dir_ / "file").string() + "'}");
  EXPECT_THAT(sample(), HasSubstr("error: unavailable: "));
  EXPECT_TRUE(std::filesystem::exists(dir_ / "file"));
}

TEST_F(ListenTest, BadSettingsSayWhatWouldBeRight) {
  EXPECT_EQ(error_of("address: 'udp://127.0.0.1:8094'"), "fine");
  EXPECT_EQ(error_of("address: 'tcp://[::1]:8094'"), "fine");
  EXPECT_EQ(error_of("{address: 'udp://0.0.0.0:8094', public: true}"), "fine");
  EXPECT_THAT(error_of("address: 'udp://0.0.0.0:8094'"), HasSubstr("say public: true if that is meant"));
  EXPECT_THAT(error_of("address: 'udp://localhost:8094'"), HasSubstr("is not like udp://127.0.0.1:8094"));
  EXPECT_THAT(error_of("address: 'udp://127.0.0.1:x'"), HasSubstr("is not like"));
  EXPECT_THAT(error_of("address: 'unix://relative'"), HasSubstr("is not like"));
  EXPECT_THAT(error_of("address: 'unix:///" + std::string(200, 'x') + "'"), HasSubstr("at most 107 bytes"));
  EXPECT_EQ(error_of("{address: 'unix:///s', mode: rw}"), "mode: \"rw\" is not like \"0660\"");
  EXPECT_EQ(error_of("{address: 'unix:///s', format: statsd, forward: true}"),
            "forward: has no effect with format: statsd");
  EXPECT_EQ(error_of("{address: 'unix:///s', dialect: dogstatsd}"),
            "dialect: has no effect without format: statsd");
}

TEST_F(ListenTest, StatsdIsGatheredOverTheInterval) {
  make("{address: 'unixgram://" + (dir_ / "s").string() + "', format: statsd}");
  sample();
  const UniqueFd to = connect_to(SOCK_DGRAM, dir_ / "s");
  push(to, "jobs:1|c\njobs:2|c|@0.5\njobs:1|c|#line:7\ntemp:21.5|g\nuser:a|s\nuser:b|s\nuser:a|s\n");
  push(to, "wait:10|ms\nwait:20|ms|@0.5\nwait:30|h\n");
  EXPECT_EQ(sample(),
            "statsd jobs=5\nstatsd,line=7 jobs=1\nstatsd temp=21.5\n"
            "statsd wait_count=4,wait_mean=20,wait_min=10,wait_max=30,wait_p95=30\nstatsd user=2\n"
            "listen,address=unixgram://DIR/s points=10i,refused=0i,lost=0i,connections=0i,passed_over=0i\n");
  push(to, "temp:-1.5|g");
  EXPECT_THAT(sample(), HasSubstr("statsd temp=20\nlisten,"));
  EXPECT_THAT(sample(), testing::StartsWith("listen,"));
  push(to, "temp:+1|g");
  EXPECT_THAT(sample(), HasSubstr("statsd temp=21\nlisten,"));
}

TEST_F(ListenTest, StatsdThatIsNoReadingOrIsWrongMakesNone) {
  make("{address: 'unixgram://" + (dir_ / "s").string() + "', format: statsd, dialect: dogstatsd}");
  sample();
  const UniqueFd to = connect_to(SOCK_DGRAM, dir_ / "s");
  push(to,
       "_e{5,4}:title|text\n_sc|redis|0\nname:with:colon:7|c\nneg:-5|g\n"
       "temp:21.5|g|T1793491100\ntemp:22|g|T1893491100\nage:1|c|#time:7\n");
  const std::string got = sample();
  EXPECT_THAT(got, testing::StartsWith(
                       "statsd,time=7 age=1\nstatsd neg=-5\nstatsd temp=21.5 1793491100000000000\nlisten,"));
  EXPECT_THAT(got, HasSubstr("points=3i,refused=2i,lost=0i,connections=0i,passed_over=2i\n"));
  EXPECT_THAT(got, HasSubstr("\"name:with:colon:7|c\" has a value that is not a number"));
}

TEST_F(ListenTest, StatsdThatNoServerTakesAsMeantIsRefused) {
  make("{address: 'unixgram://" + (dir_ / "s").string() + "', format: statsd}");
  sample();
  const UniqueFd to = connect_to(SOCK_DGRAM, dir_ / "s");
  for (const std::string_view line :
       {std::string_view("caf\xe9:1|c"), std::string_view("a:1|c|#t:\xff"), std::string_view("a,\xff=t:1|c"),
        std::string_view("x\0y:1|g", 7), std::string_view("a:1|c|#time:7,time_:8")}) {
    push(to, line);
    EXPECT_THAT(sample(), HasSubstr("points=0i,refused=1i,")) << line;
  }
  push(to, "caf\xc3\xa9:1|c|#t:\xc3\xa9");
  EXPECT_THAT(sample(), testing::StartsWith("statsd,t=\u00e9 caf\u00e9=1\nlisten,"));
  push(to, "caf\xe9:1|c");
  EXPECT_THAT(sample(), HasSubstr("its name: is not text in UTF-8"));
}

}  // namespace
}  // namespace vigile
