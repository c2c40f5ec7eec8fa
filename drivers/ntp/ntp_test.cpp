// SPDX-License-Identifier: Apache-2.0
// Against Debian's chronyd, which only watches the clock (-x), and a private bus.
#include "drivers/ntp/ntp.h"

#include <gmock/gmock.h>
#include <systemd/sd-bus.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "drivers/ntp/offset.h"
#include "drivers/testcase/testcase.h"
#include "support/fake_bus.h"
#include "support/fake_clock.h"
#include "support/own_network.h"
#include "support/preloaded_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::StartsWith;

const SystemClock system_clock;

std::string sample(const std::string& yaml, const Clock& clock = system_clock) {
  auto driver = kNtpDriver.make(options_from_yaml(kNtpDriver, yaml), {.clock = clock});
  if (!driver) return driver.error().message;
  TextOutput out(kNtpDriver);
  const auto done = (*driver)->sample({clock.boot(), clock.boot() + 10s, {}}, out);
  if (!done)
    out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
  return out.text;
}

class Chronyd {
 public:
  explicit Chronyd(const std::string& lines = "local stratum 8\n")
      : port_(free_port()), command_port_(free_port()) {
    std::ofstream(dir_ / "conf")
        << lines << "allow 127.0.0.1\nport " << port_ << "\ncmdport " << command_port_
        << "\nbindaddress 127.0.0.1\nbindcmdaddress 127.0.0.1\nbindcmdaddress /\npidfile "
        << (dir_ / "pid").string() << "\n";
    process_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{"chronyd", "-x", "-d", "-u", "root", "-f", (dir_ / "conf").string()},
        dir_ / "log");
    if (!eventually([&] {
          return sample("{source: server, server: '" + server() + "', timeout: 100ms}")
                     .find("synchronised=1") != std::string::npos;
        }))
      throw std::runtime_error("chronyd: " + process_->output());
  }
  std::string server() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string commands() const { return "127.0.0.1:" + std::to_string(command_port_); }

 private:
  const TempDir dir_;
  const std::uint16_t port_, command_port_;
  std::unique_ptr<ChildProcess> process_;
};

TEST(Ntp, AServerAndChrony) {
  const Chronyd chronyd;
  EXPECT_THAT(sample("{source: server, server: '" + chronyd.server() + "'}"),
              ContainsRegex("^ntp,server=127.0.0.1,source=server "
                            "offset=-?[0-9.e-]+,synchronised=1i,stratum=8i,root_delay=[0-9.]+,"
                            "root_dispersion=[0-9.]+,response_time=[0-9.]+\navailability up "));
  const std::string got = sample("{source: chrony, chrony_address: '" + chronyd.commands() + "'}");
  EXPECT_THAT(got, ContainsRegex("^ntp,source=chrony offset=-?[0-9.e-]+,synchronised=1i,stratum=8i,"));
  EXPECT_THAT(sample("{source: chrony, chrony_address: '127.0.0.1:" + std::to_string(free_port()) +
                     "', timeout: 20s}"),
              ContainsRegex("error: (unavailable|timeout): chrony: chronyc"));
  EXPECT_THAT(
      sample("{source: server, timeout: 200ms, server: '127.0.0.1:" + std::to_string(free_port()) + "'}"),
      HasSubstr("error: unavailable: 127.0.0.1:"));
}

// A server of whom this machine's clock is half a second behind, and slow by 200 ppm.
class ServerAhead {
 public:
  explicit ServerAhead(const std::string& address = "127.0.0.1", std::uint16_t port = 0)
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    ::inet_pton(AF_INET, address.c_str(), &at.sin_addr);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::jthread([this] { run(); });
  }
  ~ServerAhead() { ::shutdown(fd_.get(), SHUT_RD); }
  std::uint16_t port() const { return port_; }
  void be_silent() { silent_ = true; }

 private:
  // Seconds and fractions since 1900.
  std::uint64_t now() const {
    const std::int64_t ns = to_ns(system_clock.wall());
    const std::int64_t shown = ns + 500'000'000 + (ns - begin_ns_) / 5000;
    return (static_cast<std::uint64_t>(shown / 1'000'000'000 + 2'208'988'800) << 32) +
           (static_cast<std::uint64_t>(shown % 1'000'000'000) << 32) / 1'000'000'000;
  }
  void run() {
    for (;;) {
      std::array<unsigned char, 512> packet{};
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t got =
          ::recvfrom(fd_.get(), packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 48) return;
      if (silent_) continue;
      const auto put = [&](std::size_t at, std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i)
          packet[at + static_cast<std::size_t>(i)] =
              static_cast<unsigned char>(value >> (8 * (bytes - 1 - i)));
      };
      std::copy(packet.begin() + 40, packet.begin() + 48, packet.begin() + 24);
      packet[0] = 0x24;
      packet[1] = 1;
      packet[3] = 0xec;
      put(4, 0, 8);
      put(12, 0x47505300, 4);  // "GPS"
      put(16, now(), 8);
      put(32, now(), 8);
      put(40, now(), 8);
      ::sendto(fd_.get(), packet.data(), 48, 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  const UniqueFd fd_;
  const std::int64_t begin_ns_ = to_ns(system_clock.wall());
  std::atomic<bool> silent_ = false;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

double field_of(const std::string& text, const std::string& name) {
  const std::size_t at = text.find(name + "=");
  return at == std::string::npos ? std::nan("") : std::stod(text.substr(at + name.size() + 1));
}

TEST(Ntp, AllSourcesHaveOneConventionOfSigns) {
  const ServerAhead ahead;
  const std::string server = "{source: server, server: '127.0.0.1:" + std::to_string(ahead.port()) + "'}";
  EXPECT_GT(field_of(sample(server), "offset"), 400);
  // chronyd finds the rate out within some packets.
  const Chronyd chronyd("server 127.0.0.1 port " + std::to_string(ahead.port()) +
                        " minpoll -4 maxpoll -4 iburst\n");
  const std::string chrony = "{source: chrony, chrony_address: '" + chronyd.commands() + "'}";
  std::string text;
  EXPECT_TRUE(eventually([&] {
    text = sample(chrony);
    return field_of(text, "offset") > 400 && field_of(text, "frequency") > 100;
  })) << text;
}

std::string program(const std::string& name) {
  std::istringstream folders(std::getenv("PATH") + std::string(":/usr/sbin"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((folder + "/" + name).c_str(), X_OK) == 0) return folder + "/" + name;
  }
  return "";
}

// Its clock is 300 ms ahead of this machine's. It serves at port 123 alone, and steers no clock (`disable
// ntp`).
TEST(Ntp, NtpsecAheadMeansThatThisClockIsBehind) {
  const std::string ntpd = program("ntpd");
  if (ntpd.empty()) GTEST_SKIP() << "no ntpd of ntpsec";
  const bool allowed = in_own_network([&] {
    const TempDir dir;
    PreloadedClock clock;
    clock.set_error(300ms);
    std::ofstream(dir / "conf") << "disable ntp\ntos orphan 5 orphanwait 1\nrestrict default\n"
                                << "discard average 0 minimum 0 monitor 0\n";
    const ChildProcess process(
        {ntpd, "-n", "-c", (dir / "conf").string(), "-p", (dir / "pid").string(), "-I", "lo"}, dir / "log",
        clock.environment());
    std::string text;
    BootTime next;  // it does not answer for long to who asks often
    EXPECT_TRUE(eventually([&] {
      if (system_clock.boot() < next) return false;
      next = system_clock.boot() + 200ms;
      text = sample("{source: server, server: 127.0.0.1, timeout: 1s}");
      return text.find("synchronised=1i,stratum=5i") != std::string::npos;
    })) << text
        << process.output();
    // The kernel stamps what comes, by the true clock: half of the 300 ms are seen.
    EXPECT_NEAR(field_of(text, "offset"), 150, 60) << text;
  });
  if (!allowed) GTEST_SKIP() << "no network namespaces";
}

TEST(Ntp, ASilentAddressOfAServerDoesNotMatter) {
  const ServerAhead good;
  ServerAhead silent("127.0.0.2", good.port());
  silent.be_silent();
  ::setenv("VIGILE_TEST_NAMES", "ntp.test=127.0.0.2,127.0.0.1", 1);
  EXPECT_THAT(sample("{source: server, server: 'ntp.test:" + std::to_string(good.port()) + "', timeout: 2s}"),
              HasSubstr("synchronised=1i"));
}

TEST(Ntp, TheKernel) {
  const std::string text = sample("{}");
  EXPECT_THAT(text, ContainsRegex("^ntp,source=kernel offset=-?[0-9.e-]+,synchronised=[01]i,"));
  timex now{};
  ASSERT_GE(::adjtimex(&now), 0);
  // Its own signs; a program that steers the clock may have changed both meanwhile.
  EXPECT_NEAR(field_of(text, "frequency"), static_cast<double>(now.freq) / 65'536, 0.5);
}

TEST(Ntp, Timesyncd) {
  const FakeBus bus;
  FakeClock clock;  // when the packet came
  const std::string yaml = "{source: timesyncd, bus: '" + bus.address() + "'}";
  EXPECT_THAT(sample(yaml, clock), HasSubstr("error: not_found: org.freedesktop.timesync1: "));
  const auto message = [](std::uint64_t packets) {
    return [packets](sd_bus_message* m) {
      sd_bus_message_append(m, "v", "(uuuuittayttttbtt)", 0U, 4U, 4U, 2U, -24, std::uint64_t{7000},
                            std::uint64_t{900}, 4, 1, 2, 3, 4, std::uint64_t{1'793'491'200'000'000},
                            std::uint64_t{1'793'491'200'013'000}, std::uint64_t{1'793'491'200'013'100},
                            std::uint64_t{1'793'491'200'006'100}, 0, packets, std::uint64_t{450});
    };
  };
  {
    const FakeService none(bus, "org.freedesktop.timesync1",
                           {{"/org/freedesktop/timesync1",
                             {{"org.freedesktop.timesync1.Manager", {{"NTPMessage", message(0)}}}}}});
    EXPECT_EQ(sample(yaml, clock),
              "ntp,source=timesyncd synchronised=0i\navailability down: timesyncd: the clock is not "
              "synchronised\n");
  }
  const FakeService timesyncd(bus, "org.freedesktop.timesync1",
                              {{"/org/freedesktop/timesync1",
                                {{"org.freedesktop.timesync1.Manager",
                                  {{"ServerName", fake_text("ntp.example")}, {"NTPMessage", message(7)}}}}}});
  EXPECT_EQ(
      sample(yaml, clock),
      "ntp,server=ntp.example,source=timesyncd "
      "offset=10,synchronised=1i,stratum=2i,root_delay=7,root_dispersion=0.9,jitter=0.45\navailability up\n");
  // The server is gone, and nobody has said so.
  clock.advance(2h);
  EXPECT_THAT(sample(yaml, clock), HasSubstr(",synchronised=0i,"));
}

TEST(Ntp, Replies) {
  constexpr std::int64_t kNow = 1'793'491'200'000'000'000;
  ntp::Packet packet = ntp::make_request(77);
  EXPECT_EQ(packet[0], 0x23);
  const auto put = [&](std::size_t at, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i)
      packet[at + static_cast<std::size_t>(i)] = static_cast<unsigned char>(value >> (8 * (bytes - 1 - i)));
  };
  const auto stamp = [](std::int64_t ns) {
    return (static_cast<std::uint64_t>(ns / 1'000'000'000 + 2'208'988'800) << 32) +
           (static_cast<std::uint64_t>(ns % 1'000'000'000) << 32) / 1'000'000'000;
  };
  packet[0] = 0x24;
  packet[1] = 2;
  put(24, 77, 8);
  put(32, stamp(kNow + 30'000'000), 8);
  put(40, stamp(kNow + 30'000'000), 8);
  const auto reply = [&](std::int64_t took) { return ntp::parse_reply(packet, 77, kNow, kNow + took); };
  EXPECT_NEAR(*(**reply(20'000'000)).offset_ms, 20, 1e-4);  // 30 less half of the way
  EXPECT_FALSE(*ntp::parse_reply(packet, 78, kNow, kNow));
  packet[1] = 0;
  put(12, 0x52415445, 4);
  EXPECT_EQ(reply(1).error().message, "turns us away: \"RATE\"");
  packet[1] = 2;
  packet[0] = 0xe4;
  EXPECT_EQ(reply(1).error().message, "is not synchronised itself");
  packet[0] = 0x23;
  EXPECT_EQ(reply(1).error().message, "answers as no server does (mode 3)");
  EXPECT_EQ(ntp::parse_reply(std::span(packet).first(20), 77, kNow, kNow).error().message,
            "answers with 20 bytes, which is no NTP packet");
  std::mt19937 random(20261125);
  for (int i = 0; i < 10'000; ++i) {
    for (unsigned char& byte : packet) byte = static_cast<unsigned char>(random());
    put(24, 77, 8);
    const auto any = reply(1);
    if (any && *any) {
      EXPECT_TRUE(std::isfinite(*(*any)->offset_ms));
    }
  }
}

TEST(Ntp, LinesOfChronyc) {
  const auto state = ntp::parse_tracking(
      "C0000201,192.0.2.1,3,1732521600.123456789,-0.000012345,0.000023456,0.000034567,-12.345,0.001,0.020,0."
      "015000000,0.000900000,64.2,Normal\n");
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->server, "192.0.2.1");
  EXPECT_NEAR(*state->offset_ms, -0.012345, 1e-9);
  EXPECT_EQ(*state->frequency_ppm, 12.345);  // "12.345 ppm slow"
  EXPECT_TRUE(state->is_synchronised);
  EXPECT_FALSE(ntp::parse_tracking("00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised")
                   ->is_synchronised);
  EXPECT_THAT(ntp::parse_tracking("506 Cannot talk to daemon").error().message,
              StartsWith("chronyc: expected 14 fields of tracking, found \"506"));
  EXPECT_FALSE(ntp::parse_tracking("a,b,x,1,1,1,1,1,1,1,1,1,1,Normal"));
}

TEST(Ntp, BadSettingsSayWhatWouldBeRight) {
  EXPECT_EQ(sample("{server: a}"), "server: has no effect without source: server");
  EXPECT_THAT(sample("{source: server}"), StartsWith("server: \"\" is not like ntp.example.com"));
  EXPECT_THAT(sample("{source: server, server: 'a:x'}"), StartsWith("server: \"a:x\" is not like"));
  EXPECT_THAT(sample("{source: chrony, chrony_address: '-a'}"), HasSubstr("is not like 127.0.0.1:323"));
}

}  // namespace
}  // namespace vigile
