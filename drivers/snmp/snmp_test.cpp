// SPDX-License-Identifier: Apache-2.0
// Against Debian's snmpd: with its own objects of this machine, and with those of captured agents:
// testcases/<case>/{options.yaml,expected.txt,1/agent.walk,2/agent.walk}, two runs 10 s apart.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <random>
#include <thread>

#include "core/file.h"
#include "core/unique_fd.h"
#include "drivers/snmp/snmp.h"
#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"
#include "support/snmpd_server.h"

namespace vigile {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const SystemClock system_clock;

// Where net-snmp would keep its state.
const fs::path kState = "/var/lib/snmp/cert_indexes";
const bool had_state = fs::exists(kState);

std::unique_ptr<Driver> make(const std::string& yaml, const Clock& clock = system_clock) {
  auto driver = kSnmpDriver.make(options_from_yaml(kSnmpDriver, yaml), {.clock = clock});
  if (!driver) throw std::runtime_error(driver.error().message);
  return std::move(*driver);
}

std::string sample(Driver& driver, const Clock& clock = system_clock, std::chrono::nanoseconds deadline = 20s,
                   std::stop_token stop = {}) {
  TextOutput out(kSnmpDriver);
  const auto done = driver.sample({clock.boot(), clock.boot() + deadline, std::move(stop)}, out);
  if (!done)
    out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
  std::string text = replace_numbers(out.text, "response_time=", "response_time=#");
  text = replace_numbers(text, "availability up ", "availability up #");
  return replace_numbers(text, "127.0.0.1:", "ADDRESS");
}

std::string with(const SnmpdServer& server, const std::string& more,
                 const std::string& community = "geheim") {
  return "{address: '" + server.address() + "', community: " + community + ", timeout: 5s" + more + "}";
}

TEST(SnmpAgent, Testcases) {
  const bool update = std::getenv("VIGILE_UPDATE_EXPECTED") != nullptr;
  int cases = 0;
  for (const auto& folder : fs::directory_iterator(testcases_of(kSnmpDriver))) {
    if (!folder.is_directory()) continue;
    SCOPED_TRACE(folder.path().string());
    ++cases;
    const TempDir dir;
    const fs::path objects = dir / "agent.walk";
    const SnmpdServer server({.objects = objects});
    auto options = read_file(folder.path() / "options.yaml");
    ASSERT_TRUE(options) << options.error().message;
    FakeClock clock;
    const auto driver = make(replace_all(*options, "ADDRESS", server.address()) + "\ntimeout: 5s\n", clock);
    std::string text;
    for (int run = 1; fs::exists(folder.path() / std::to_string(run)); ++run) {
      fs::copy_file(folder.path() / std::to_string(run) / "agent.walk", objects,
                    fs::copy_options::overwrite_existing);
      text += "# " + std::to_string(run) + "\n" + sample(*driver, clock);
      clock.advance(10s);
    }
    if (update) std::ofstream(folder.path() / "expected.txt") << text;
    EXPECT_EQ(text, read_file(folder.path() / "expected.txt").value_or("(no expected.txt)"));
  }
  EXPECT_GE(cases, 7);
}

TEST(SnmpAgent, IsReadOfThisMachine) {
  const SnmpdServer server({.lines = {"sysName maschine-7", "sysLocation Halle 3"}});
  const auto driver =
      make(with(server,
                ", get: [{name: name, oid: sysName.0, as: text}, {name: load, oid: laLoad.1}, "
                "{name: total, oid: memTotalReal, scale: 1024}, {name: user, oid: ssCpuRawUser, as: rate}], "
                "tables: [{name: mtu, "
                "oid: ifMtu, tag: interface, label: ifDescr}, {name: kind, oid: ifType, tag: interface, "
                "label: ifDescr}], "
                "interfaces: true"));
  const std::string first = sample(*driver);
  EXPECT_THAT(first, AllOf(HasSubstr("snmp,address=ADDRESS name=\"maschine-7\",load="), HasSubstr(",total="),
                           HasSubstr("snmp,address=ADDRESS,interface=lo mtu=65536i,kind=24i\n"),
                           HasSubstr("snmp,address=ADDRESS,interface=lo up=true,speed=10\n"),
                           HasSubstr(",errors=0i,uptime="), HasSubstr("availability up # ms\n"),
                           Not(HasSubstr("error:")), Not(HasSubstr("user=")), Not(HasSubstr("bytes_per_s"))));
  EXPECT_THAT(sample(*driver), AllOf(HasSubstr(",user="), HasSubstr("interface=lo rx_bytes_per_s="),
                                     Not(HasSubstr("error:"))));
}

TEST(SnmpAgent, IsReadByVersion1) {
  const SnmpdServer server({.lines = {"sysName maschine-7"}});
  const auto driver =
      make(with(server,
                ", version: '1', get: [{name: name, oid: sysName, as: text}, {name: none, oid: "
                "upsInputFrequency.1}, {name: load, oid: laLoad.1}], tables: [{name: mtu, oid: ifMtu, "
                "tag: interface, label: ifDescr}], interfaces: true"));
  EXPECT_THAT(sample(*driver),
              AllOf(HasSubstr("snmp,address=ADDRESS name=\"maschine-7\",load="),
                    HasSubstr("snmp,address=ADDRESS,interface=lo mtu=65536i\n"),
                    HasSubstr("interface=lo up=true"), HasSubstr("uptime="),
                    HasSubstr("upsInputFrequency.1: the agent has no such object (noSuchName)\n")));
}

TEST(SnmpAgent, IsReadOverIpv6) {
  if (read_file("/proc/net/if_inet6").value_or("").find("00000000000000000000000000000001") ==
      std::string::npos)
    GTEST_SKIP() << "no ::1 on this machine";
  const SnmpdServer server({.lines = {"sysName maschine-7"}, .ipv6 = true});
  const std::string address = "[::1]:" + std::to_string(server.port());
  const auto driver = make("{address: '" + address +
                           "', community: geheim, timeout: 5s, get: [{name: name, oid: sysName, as: text}]}");
  EXPECT_THAT(sample(*driver), HasSubstr("snmp,address=" + address + " name=\"maschine-7\"\n"));
}

TEST(SnmpAgent, AnswersUsersOfVersion3) {
  SnmpdServer server({.users = {"sha SHA \"auth-geheimnis\" AES \"priv-geheimnis\"",
                                "sha512 SHA-512 \"auth-geheimnis\" AES-256 \"priv-geheimnis\"",
                                "sha256 SHA-256 \"auth-geheimnis\"", "nobody",
                                "old MD5 \"auth-geheimnis\" DES \"priv-geheimnis\""}});
  const auto ask = [&](const std::string& user, const std::string& timeout = "5s") {
    return sample(*make("{address: '" + server.address() + "', version: '3', timeout: " + timeout +
                        ", retries: 0, user: " + user + ", get: [{name: load, oid: laLoad.1}]}"));
  };
  const std::string both = ", auth_password: auth-geheimnis, priv_password: priv-geheimnis";
  EXPECT_THAT(ask("sha" + both), HasSubstr("snmp,address=ADDRESS load="));
  EXPECT_THAT(ask("sha512, auth: SHA-512, privacy: AES-256" + both), HasSubstr("snmp,address=ADDRESS load="));
  EXPECT_THAT(ask("sha256, auth: SHA-256, auth_password: auth-geheimnis"),
              HasSubstr("snmp,address=ADDRESS load="));
  EXPECT_THAT(ask("nobody"), HasSubstr("snmp,address=ADDRESS load="));
  EXPECT_THAT(ask("old, auth: MD5, privacy: DES" + both), HasSubstr("snmp,address=ADDRESS load="));
  // Each thing that may be wrong says so, and no secret.
  const auto error = [&](const std::string& user, const std::string& timeout = "5s") {
    const std::string text = ask(user, timeout);
    EXPECT_THAT(text, AllOf(Not(HasSubstr("geheimnis")), HasSubstr("availability down: ADDRESS: ")));
    return text.substr(text.find("error: "));
  };
  EXPECT_EQ(error("stranger" + both), "error: permission: ADDRESS: the agent does not know the user\n");
  EXPECT_EQ(error("sha, auth_password: not-geheimnis, priv_password: priv-geheimnis"),
            "error: permission: ADDRESS: the agent refuses the user's auth_password, or auth is another\n");
  EXPECT_EQ(error("sha512, auth: SHA-256" + both),
            "error: permission: ADDRESS: the agent refuses the user's auth_password, or auth is another\n");
  EXPECT_EQ(error("nobody" + both),
            "error: permission: ADDRESS: the agent does not let the user in with this level of security\n");
  EXPECT_EQ(
      error("sha, auth_password: auth-geheimnis, priv_password: not-geheimnis", "300ms"),
      "error: timeout: ADDRESS: no answer within 300ms; it is there, and does not answer to what it cannot "
      "decrypt: priv_password, privacy\n");
  // A password put right works at once.
  EXPECT_THAT(ask("sha" + both), HasSubstr("snmp,address=ADDRESS load="));
}

TEST(SnmpAgent, LeavesNoFilesOfNetSnmp) {
  const auto driver = make("{address: '127.0.0.1:9', timeout: 10ms, retries: 0}");
  EXPECT_THAT(sample(*driver), HasSubstr("availability down"));
  EXPECT_EQ(fs::exists(kState), had_state);
}

TEST(SnmpAgent, OfVersion3IsFoundAgainAfterARestart) {
  SnmpdServer server({.users = {"sha SHA \"auth-geheimnis\" AES \"priv-geheimnis\""}});
  const auto driver =
      make("{address: '" + server.address() +
           "', version: '3', timeout: 5s, user: sha, auth_password: auth-geheimnis, priv_password: "
           "priv-geheimnis, get: [{name: load, oid: laLoad.1}]}");
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(sample(*driver), HasSubstr("load="));
    EXPECT_THAT(sample(*driver), HasSubstr("load="));
    server.stop();
    server.start();
  }
}

TEST(SnmpAgent, ThatDoesNotAnswerIsDown) {
  SnmpdServer server;
  const auto driver =
      make("{address: '" + server.address() + "', community: geheim, timeout: 200ms, retries: 1}");
  EXPECT_THAT(sample(*driver), HasSubstr("requests=1i,errors=0i,uptime="));
  server.pause(true);
  EXPECT_EQ(
      sample(*driver),
      "snmp,address=ADDRESS requests=2i,errors=2i\n"
      "availability down: ADDRESS: no answer within 200ms, asked 2 times; agents do not answer to a wrong "
      "community\n"
      "error: timeout: ADDRESS: no answer within 200ms, asked 2 times; agents do not answer to a wrong "
      "community\n");
  server.pause(false);
  EXPECT_TRUE(eventually([&] { return sample(*driver).find("availability up") != std::string::npos; }));
  const auto wrong =
      make("{address: '" + server.address() + "', community: falsch, timeout: 50ms, retries: 0}");
  EXPECT_THAT(sample(*wrong), AllOf(HasSubstr("availability down"), Not(HasSubstr("falsch"))));
  const auto nowhere = make("{address: nowhere.invalid}");
  EXPECT_THAT(sample(*nowhere), AllOf(HasSubstr("availability down: nowhere.invalid:161: "),
                                      HasSubstr("requests=0i,errors=0i")));
}

TEST(SnmpAgent, IsGivenUpAtTheDeadlineAndWhenStopped) {
  SnmpdServer server({.users = {"sha SHA \"auth-geheimnis\" AES \"priv-geheimnis\""}});
  server.pause(true);
  for (const std::string version :
       {"community: geheim", "version: '3', user: sha, auth_password: auth-geheimnis"}) {
    const auto driver =
        make("{address: '" + server.address() + "', timeout: 60s, retries: 9, " + version + "}");
    const auto begin = system_clock.boot();
    EXPECT_THAT(sample(*driver, system_clock, 100ms), HasSubstr("error: timeout: ADDRESS: "));
    EXPECT_LT(system_clock.boot() - begin, 5s);
    EXPECT_THAT(sample(*driver, system_clock, 0s),
                HasSubstr("error: timeout: ADDRESS: not read within the deadline\n"));
    std::stop_source stop;
    std::string text;
    {
      const std::jthread thread([&] { text = sample(*driver, system_clock, 60s, stop.get_token()); });
      stop.request_stop();
    }
    EXPECT_THAT(text,
                AllOf(HasSubstr("error: unavailable: ADDRESS: stopped\n"), Not(HasSubstr("availability"))));
    EXPECT_LT(system_clock.boot() - begin, 10s);
  }
}

// Between the driver and an agent, and changes what the agent answers.
class SpoilingRelay {
 public:
  explicit SpoilingRelay(std::uint16_t agent_port) : agent_(loopback(agent_port)) {
    sockaddr_in to = loopback(0);
    socklen_t size = sizeof to;
    if (::bind(front_.get(), reinterpret_cast<sockaddr*>(&to), size) != 0 ||
        ::getsockname(front_.get(), reinterpret_cast<sockaddr*>(&to), &size) != 0) {
      throw std::runtime_error("no UDP port");
    }
    port_ = ntohs(to.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  std::uint16_t port() const { return port_; }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return to;
  }
  void run(const std::stop_token& stop) {
    std::mt19937 random(20261125);
    sockaddr_in driver{};
    std::array<char, 65536> packet;
    while (!stop.stop_requested()) {
      pollfd waiting[] = {{front_.get(), POLLIN, 0}, {back_.get(), POLLIN, 0}};
      ::poll(waiting, 2, 20);
      if (waiting[0].revents != 0) {
        socklen_t size = sizeof driver;
        const ssize_t got = ::recvfrom(front_.get(), packet.data(), packet.size(), 0,
                                       reinterpret_cast<sockaddr*>(&driver), &size);
        ::sendto(back_.get(), packet.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)), 0,
                 reinterpret_cast<const sockaddr*>(&agent_), sizeof agent_);
      }
      if (waiting[1].revents != 0) {
        auto size = static_cast<std::size_t>(
            std::max<ssize_t>(::recv(back_.get(), packet.data(), packet.size(), 0), 0));
        if (random() % 3 != 0 && size > 0) {
          for (int i = 0; i < 3; ++i) packet[random() % size] = static_cast<char>(random());
          if (random() % 8 == 0) size = random() % size;
        }
        ::sendto(front_.get(), packet.data(), size, 0, reinterpret_cast<const sockaddr*>(&driver),
                 sizeof driver);
      }
    }
  }

  const sockaddr_in agent_;
  const UniqueFd front_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const UniqueFd back_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

TEST(SnmpAgent, WhoseAnswersAreSpoiltGivesValuesOrErrors) {
  const SnmpdServer server({.users = {"sha SHA \"auth-geheimnis\" AES \"priv-geheimnis\""}});
  const SpoilingRelay relay(server.port());
  for (const std::string access :
       {"community: geheim",
        "version: '3', user: sha, auth_password: auth-geheimnis, priv_password: priv-geheimnis"}) {
    const auto driver = make("{address: '127.0.0.1:" + std::to_string(relay.port()) +
                             "', timeout: 20ms, retries: 0, " + access +
                             ", interfaces: true, get: [{name: load, oid: laLoad.1}, {name: name, oid: "
                             "sysDescr, as: text}], tables: "
                             "[{name: mtu, oid: ifMtu, label: ifDescr}]}");
    int good = 0;
    for (int round = 0; round < 100; ++round) {
      const std::string text = sample(*driver, system_clock, 2s);
      if (text.find("error: ") == std::string::npos) ++good;
      EXPECT_EQ(text.find("geheim"), std::string::npos) << text;
    }
    EXPECT_LT(good, 100);
  }
}

TEST(SnmpAgent, IsAskedByManyInstancesAtOnce) {
  SnmpdServer silent;
  silent.pause(true);
  const SnmpdServer server({.users = {"sha SHA \"auth-geheimnis\" AES \"priv-geheimnis\""}});
  std::vector<std::jthread> threads;
  std::vector<std::string> texts(8);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    threads.emplace_back([&, i] {
      const std::string access =
          i % 2 == 0
              ? "community: geheim"
              : "version: '3', user: sha, auth_password: auth-geheimnis, priv_password: priv-geheimnis";
      // Two of them wait for an agent that does not answer: the others do not.
      const auto driver = make("{address: '" + (i < 2 ? silent : server).address() + "', " + access +
                               (i < 2 ? ", timeout: 1s, retries: 0" : ", timeout: 10s") +
                               ", tables: [{name: mtu, oid: ifMtu, label: ifDescr}]}");
      for (int round = 0; round < (i < 2 ? 1 : 20); ++round) texts[i] = sample(*driver);
    });
  }
  threads.clear();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_THAT(texts[i], HasSubstr(i < 2 ? "availability down" : "index=lo mtu=65536i\n")) << i;
    if (i >= 2) {
      EXPECT_THAT(texts[i], HasSubstr(",errors=0i")) << i;
    }
  }
}

}  // namespace
}  // namespace vigile
