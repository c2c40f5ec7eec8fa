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
#include "drivers/listen/statsd.h"
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
    EXPECT_THAT(sample(), HasSubstr(" points=0i,refused=0i,lost=0i,connections=0i\n"));
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
  EXPECT_THAT(got, HasSubstr("points=20i,refused=80i,lost=0i,connections=2i\n"));  // two seconds' worth
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

TEST_F(ListenTest, DatagramsWithoutRoomAreCounted) {
  const std::string port = std::to_string(free_port());
  make("{address: 'udp://127.0.0.1:" + port + "', receive_buffer: 4096}");
  sample();
  const UniqueFd to = connect_to(SOCK_DGRAM, port);
  for (int i = 0; i < 200; ++i) push(to, "a n=" + std::to_string(i) + "\n");
  std::string got = sample();
  push(to, "a n=1000\n");  // the count comes with the next one
  got = sample();
  EXPECT_THAT(got, HasSubstr("point: a n=1000\n"));
  const std::size_t at = got.find("lost=");
  EXPECT_GT(std::stoi(got.substr(at + 5)), 100);
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
            "listen,address=unixgram://DIR/s points=10i,refused=0i,lost=0i,connections=0i\n");
  push(to, "temp:-1.5|g");
  EXPECT_THAT(sample(), HasSubstr("statsd temp=20\nlisten,"));
  EXPECT_THAT(sample(), testing::StartsWith("listen,"));
  push(to, "temp:+1|g");
  EXPECT_THAT(sample(), HasSubstr("statsd temp=21\nlisten,"));
}

TEST(Statsd, BadLinesSayWhatWouldBeRight) {
  listen::Statsd statsd;
  const auto error = [&](std::string_view line) {
    const auto done = statsd.add(line);
    return done ? "fine" : done.error().message;
  };
  EXPECT_EQ(error("a:1|c|@0.1|#x:y,z|c:abc|T123"), "fine");
  EXPECT_THAT(error("a"), HasSubstr("is not like name:1|c"));
  EXPECT_THAT(error(":1|c"), HasSubstr("is not like name:1|c"));
  EXPECT_EQ(error("a:one|c"), "has a value that is not a number");
  EXPECT_EQ(error("a:inf|g"), "has a value that is not a number");
  EXPECT_EQ(error("a:1|x"), "has a type that is none of c, g, ms, h, d, s");
  EXPECT_EQ(error("a:1|c|@2"), "has a rate that is not above 0 and at most 1, as @0.1");
  EXPECT_EQ(error("a:1|c|#:x"), "has a tag that is not like key:value");
  EXPECT_EQ(error(std::string(300, 'a') + ":1|c"), "has a name of more than 200 bytes");
}

TEST(Statsd, IsBounded) {
  listen::Statsd statsd;
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(statsd.add("wait:" + std::to_string(i) + "|ms"));
    ASSERT_TRUE(statsd.add("user:" + std::to_string(i) + "|s"));
  }
  const auto all = statsd.take();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].figures[0].value, 5000);
  EXPECT_NEAR(all[0].figures[4].value, 4750, 250);  // of a sample
  EXPECT_EQ(all[1].figures[0].value, 1000);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) refused += statsd.add("n" + std::to_string(i) + ":1|g") ? 0 : 1;
  EXPECT_EQ(refused, 1000);
}

}  // namespace
}  // namespace vigile
