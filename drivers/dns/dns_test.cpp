// SPDX-License-Identifier: Apache-2.0
// Against Debian's dnsmasq, and against a socket that answers what no server does.
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "core/unique_fd.h"
#include "drivers/dns/answer.h"
#include "drivers/dns/dns.h"
#include "drivers/testcase/testcase.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

const SystemClock system_clock;

std::string sample(const std::string& yaml, std::chrono::nanoseconds deadline = 10s) {
  auto driver = kDnsDriver.make(options_from_yaml(kDnsDriver, yaml), {.clock = system_clock});
  if (!driver) return driver.error().message;
  TextOutput out(kDnsDriver);
  const auto done = (*driver)->sample({system_clock.boot(), system_clock.boot() + deadline, {}}, out);
  if (!done)
    out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
  return replace_numbers(replace_numbers(out.text, "response_time=", "response_time=#"), "up ", "up #");
}

class Dnsmasq {
 public:
  Dnsmasq() : port_(free_port()) {
    process_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{"dnsmasq",
                                 "--keep-in-foreground",
                                 "--no-resolv",
                                 "--no-hosts",
                                 "--conf-file=/dev/null",
                                 "--pid-file=" + (dir_ / "pid").string(),
                                 "--user=root",
                                 "--port=" + std::to_string(port_),
                                 "--listen-address=127.0.0.1",
                                 "--bind-interfaces",
                                 "--local-ttl=300",
                                 "--host-record=www.example.com,192.0.2.7,2001:db8::7",
                                 "--mx-host=example.com,mail.example.com,10",
                                 "--txt-record=example.com,v=spf1 -all",
                                 "--srv-host=_mqtt._tcp.example.com,broker.example.com,1883,5,7",
                                 "--cname=alias.example.com,www.example.com",
                                 "--ptr-record=7.2.0.192.in-addr.arpa,www.example.com",
                                 "--local=/example.com/",
                                 "--txt-record=long.example.com," + long_text(),
                                 "--addn-hosts=" + many_hosts().string()},
        dir_ / "log");
    if (!eventually([&] { return port_answers(port_); }))
      throw std::runtime_error("dnsmasq: " + process_->output());
  }
  // 100 addresses of one name.
  std::filesystem::path many_hosts() const {
    std::ofstream file(dir_ / "hosts");
    for (int i = 1; i <= 100; ++i) file << "192.0.2." << i << " many.example.com\n";
    return dir_ / "hosts";
  }
  static std::string long_text() {
    std::string text;
    for (int i = 0; i < 8; ++i) text += (i > 0 ? "," : "") + std::string(200, static_cast<char>('a' + i));
    return text;
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  const TempDir dir_;
  const std::uint16_t port_;
  std::unique_ptr<ChildProcess> process_;
};

TEST(Dns, EachTypeOfRecord) {
  const Dnsmasq server;
  const auto ask = [&](const std::string& query, const std::string& type, const std::string& expect) {
    return replace_all(sample("{query: " + query + ", type: " + type + ", server: '" + server.address() +
                              "', expect: '" + expect + "'}"),
                       server.address(), "SERVER");
  };
  EXPECT_EQ(
      ask("www.example.com", "A", "192.0.2.7"),
      "dns,query=www.example.com,server=SERVER,type=A response_time=#,answers=1i,ttl=300i,rcode=0i,up=1i\n"
      "availability up # ms\n");
  EXPECT_THAT(ask("www.example.com", "AAAA", "2001:db8::7"), HasSubstr("up=1i"));
  EXPECT_THAT(ask("alias.example.com", "A", "192.0.2.7"), HasSubstr("answers=1i"));
  EXPECT_THAT(ask("alias.example.com", "CNAME", "www.example.com"), HasSubstr("up=1i"));
  EXPECT_THAT(ask("example.com", "MX", "10 mail.example.com"), HasSubstr("up=1i"));
  EXPECT_THAT(ask("example.com", "TXT", "v=spf1 -all"), HasSubstr("up=1i"));
  EXPECT_THAT(ask("_mqtt._tcp.example.com", "SRV", "5 7 1883 broker.example.com"), HasSubstr("up=1i"));
  EXPECT_THAT(ask("7.2.0.192.in-addr.arpa", "PTR", "www.example.com"), HasSubstr("up=1i"));
  // Too long for a datagram.
  EXPECT_THAT(ask("long.example.com", "TXT", replace_all(Dnsmasq::long_text(), ",", "")), HasSubstr("up=1i"));
}

TEST(Dns, ExpectIsComparedByTheRulesOfDns) {
  const Dnsmasq server;
  const auto matches = [&](const std::string& query, const std::string& type, const std::string& expect) {
    const std::string text = sample("{query: " + query + ", type: " + type + ", server: '" +
                                    server.address() + "', expect: '" + expect + "'}");
    return text.find("up=1i") != std::string::npos;
  };
  EXPECT_TRUE(matches("www.example.com", "AAAA", "2001:0DB8:0:0:0:0:0:0007"));
  EXPECT_TRUE(matches("www.example.com", "AAAA", "2001:db8::0.0.0.7"));
  EXPECT_FALSE(matches("www.example.com", "AAAA", "2001:db8::8"));
  EXPECT_TRUE(matches("alias.example.com", "CNAME", "WWW.Example.COM."));
  EXPECT_TRUE(matches("example.com", "MX", "10  Mail.Example.com."));
  EXPECT_TRUE(matches("example.com", "MX", "010 mail.example.com"));
  EXPECT_FALSE(matches("example.com", "MX", "20 mail.example.com"));
  EXPECT_TRUE(matches("_mqtt._tcp.example.com", "SRV", "5 7 1883 Broker.example.com."));
  EXPECT_TRUE(matches("7.2.0.192.in-addr.arpa", "PTR", "WWW.EXAMPLE.COM."));
  EXPECT_FALSE(matches("example.com", "TXT", "V=SPF1 -all"));  // texts are not names
}

TEST(Dns, EveryRecordCounts) {
  const Dnsmasq server;
  for (const char* expect : {"192.0.2.1", "192.0.2.64", "192.0.2.65", "192.0.2.100"}) {
    EXPECT_THAT(
        sample("{query: many.example.com, server: '" + server.address() + "', expect: " + expect + "}"),
        HasSubstr("answers=100i,ttl=300i,rcode=0i,up=1i"));
  }
  EXPECT_THAT(sample("{query: many.example.com, server: '" + server.address() + "', expect: 192.0.2.101}"),
              HasSubstr("up=0i"));
}

TEST(Dns, WhatIsNotAsExpectedSaysSo) {
  const Dnsmasq server;
  const std::string at = "server: '" + server.address() + "'";
  EXPECT_EQ(sample("{query: no.example.com, " + at + "}"),
            "dns,query=no.example.com,server=" + server.address() +
                ",type=A response_time=#,answers=0i,rcode=3i,up=0i\n"
                "availability down: " +
                server.address() +
                ": no.example.com A: there is no such name (NXDOMAIN)\n"
                "error: unavailable: " +
                server.address() + ": no.example.com A: there is no such name (NXDOMAIN)\n");
  EXPECT_THAT(sample("{query: www.example.com, type: MX, " + at + "}"), HasSubstr("no record of this type"));
  EXPECT_THAT(sample("{query: www.example.com, expect: 192.0.2.8, " + at + "}"),
              HasSubstr("expected \"192.0.2.8\", found \"192.0.2.7\""));
  EXPECT_THAT(sample("{query: elsewhere.test, " + at + "}"), HasSubstr("refused"));
}

// Answers each question with what `make` makes of it; nothing at all for an empty one.
class Impostor {
 public:
  using Make = std::function<std::vector<unsigned char>(std::vector<unsigned char>)>;
  explicit Impostor(Make make)
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), make_(std::move(make)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] {
      for (;;) {
        std::vector<unsigned char> bytes(2000);
        sockaddr_in from{};
        socklen_t from_size = sizeof from;
        const ssize_t got = ::recvfrom(fd_.get(), bytes.data(), bytes.size(), 0,
                                       reinterpret_cast<sockaddr*>(&from), &from_size);
        if (got <= 0) return;
        bytes.resize(static_cast<std::size_t>(got));
        const auto answer = make_(std::move(bytes));
        if (!answer.empty())
          ::sendto(fd_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
      }
    });
  }
  ~Impostor() { ::shutdown(fd_.get(), SHUT_RD); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  UniqueFd fd_;
  const Make make_;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

TEST(Dns, ServersThatAreNone) {
  const Impostor silent([](auto) { return std::vector<unsigned char>(); });
  EXPECT_THAT(sample("{query: a.test, timeout: 50ms, server: '" + silent.address() + "'}"),
              HasSubstr("error: timeout: " + silent.address() + ": no answer"));
  const Impostor garbage([](auto) { return std::vector<unsigned char>{1, 2, 3}; });
  EXPECT_THAT(sample("{query: a.test, server: '" + garbage.address() + "'}"),
              HasSubstr("error: parse: " + garbage.address() + ": answers with what is no DNS message"));
  // An answer to somebody else's question is not taken.
  const Impostor other([](std::vector<unsigned char> question) {
    question[0] ^= 0xff;
    question[2] |= 0x80;
    return question;
  });
  EXPECT_THAT(sample("{query: a.test, timeout: 50ms, server: '" + other.address() + "'}"),
              HasSubstr("no answer"));
  const std::string nobody = "127.0.0.1:" + std::to_string(free_port());
  EXPECT_THAT(sample("{query: a.test, retries: 0, server: '" + nobody + "'}"),
              HasSubstr("error: unavailable: " + nobody + ": Connection refused"));
}

TEST(Dns, AnswersSurviveMutations) {
  // www.example.com A 192.0.2.7, an alias before it.
  const std::vector<unsigned char> good = {
      0x12, 0x34, 0x81, 0x80, 0,    1,  0, 2,    0,  0, 0, 0, 5, 'a',  'l', 'i', 'a',  's', 4, 't', 'e',
      's',  't',  0,    0,    1,    0,  1, 0xc0, 12, 0, 5, 0, 1, 0,    0,   1,   0x2c, 0,   6, 3,   'w',
      'w',  'w',  0xc0, 18,   0xc0, 40, 0, 1,    0,  1, 0, 0, 1, 0x2c, 0,   4,   192,  0,   2, 7};
  const auto answer = dns::parse_answer(good, 0x1234, ns_t_a);
  ASSERT_TRUE(answer && *answer) << answer.error().message;
  EXPECT_THAT((*answer)->values, testing::ElementsAre("192.0.2.7"));
  EXPECT_EQ((*answer)->ttl_s, 300u);
  std::mt19937 random(20261125);
  for (int i = 0; i < 20000; ++i) {
    auto bad = good;
    for (unsigned n = random() % 4 + 1; n > 0; --n)
      bad[random() % bad.size()] = static_cast<unsigned char>(random());
    if (random() % 4 == 0) bad.resize(random() % bad.size());
    for (const int type : {ns_t_a, ns_t_cname, ns_t_mx, ns_t_txt, ns_t_srv, ns_t_soa}) {
      const auto parsed = dns::parse_answer(bad, 0x1234, type);
      if (!parsed) {
        EXPECT_EQ(parsed.error().kind, ErrorKind::parse);
      }
    }
  }
}

TEST(Dns, BadSettingsSayWhatWouldBeRight) {
  EXPECT_THAT(sample("{query: 'a b'}"), StartsWith("query: \"a b\" is not a name"));
  EXPECT_THAT(sample("{query: a, server: dns.example}"),
              StartsWith("server: \"dns.example\" is not an address like"));
  EXPECT_THAT(sample("{query: a, server: '127.0.0.1:x'}"), StartsWith("server: "));
  EXPECT_EQ(sample("{query: a, type: AAAA, expect: 192.0.2.7}"),
            "expect: \"192.0.2.7\" is no address of type AAAA");
}

}  // namespace
}  // namespace vigile
