// SPDX-License-Identifier: Apache-2.0
// The InfluxDB sink, the delivery loop and a log against Debian's InfluxDB 1 and VictoriaMetrics.
#include <gmock/gmock.h>

#include <atomic>

#include <cstdlib>
#include <thread>

#include "sinks/influx_site.h"
#include "support/http_proxy.h"
#include "support/influx_server.h"
#include "support/mosquitto_server.h"
#include "support/scripted_http_server.h"
#include "support/tcp_proxy.h"

namespace vigile {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using State = DeliveryStatus::State;
using Written = std::map<std::string, OptionValue>;

// Times of now: databases refuse old ones when told to.
const std::int64_t kNow = to_ns(SystemClock().wall());

Written v1(const std::string& url, Written more = {}) {
  more.insert({{"api", "v1"}, {"url", url}, {"database", "d"}});
  return more;
}

// `value` is the number of the line.
std::string line(int number, const std::string& measurement = "m") {
  return measurement + ",k=a value=" + std::to_string(number) + " " + std::to_string(kNow + number) + "\n";
}

std::string lines(int from, int to, const std::string& measurement = "m") {
  std::string text;
  for (int i = from; i < to; ++i) text += line(i, measurement);
  return text;
}

// The values that the server holds; each time is there once, so repeats do not show.
std::set<int> stored(const InfluxServer& server, const std::string& database = "d") {
  std::set<int> values;
  server.for_each_row(database, "SELECT value FROM m", [&](const InfluxServer::Row& row) {
    const int value = std::atoi(row.at("value").c_str());
    EXPECT_EQ(row.at("time"), std::to_string(kNow + value));
    values.insert(value);
  });
  return values;
}

std::set<int> range(int from, int to) {
  std::set<int> numbers;
  for (int i = from; i < to; ++i) numbers.insert(numbers.end(), i);
  return numbers;
}

TEST(InfluxServerTest, EverythingArrivesAcrossAKillInTheMiddle) {
  InfluxServer server;
  server.create_database("d");
  InfluxSite site(v1(server.url()), {.batch_bytes = 10000});
  for (int i = 0; i < 100; ++i) site.append(lines(i * 50, i * 50 + 50));
  while (site.backlog() > 2500) site.clock().advance_to(site.delivery().step({}));
  server.kill();
  EXPECT_EQ(site.try_once().state, State::retrying);
  EXPECT_THAT(site.status().reason, AllOf(HasSubstr(server.url()), HasSubstr("refused")));
  EXPECT_GE(site.backlog(), 1u);
  server.start();
  ASSERT_TRUE(site.drain());
  EXPECT_EQ(stored(server), range(0, 5000));
  EXPECT_EQ(site.status().dead_letters, 0u);
}

TEST(InfluxServerTest, CutsAnywhereLoseNoLine) {
  InfluxServer server;
  server.create_database("d");
  TcpProxy proxy(server.port());
  InfluxSite site(v1("http://127.0.0.1:" + std::to_string(proxy.port())), {.batch_bytes = 10000});
  int number = 0;
  for (std::uint64_t after = 1; after < 3000; after += 211) {
    proxy.cut_each_after(after);
    for (int i = 0; i < 5; ++i, number += 50) site.append(lines(number, number + 50));
    site.try_once();
    site.try_once();
  }
  proxy.cut_each_after(0);
  ASSERT_TRUE(site.drain());
  EXPECT_GT(proxy.cuts(), 5u);
  EXPECT_EQ(stored(server), range(0, number));
  EXPECT_EQ(site.status().dead_letters, 0u);
}

TEST(InfluxServerTest, ExactlyTheBadLinesOfAPartialWriteAreDeadLetters) {
  InfluxServer server;
  server.create_database("d");
  InfluxSite site(v1(server.url()));
  site.append(line(0));  // value is a float from here on
  ASSERT_TRUE(site.drain());
  const std::uint64_t before = site.status().requests;
  std::set<int> good = {0};
  std::multiset<std::string> bad;
  for (int segment = 0; segment < 10; ++segment) {
    std::string text;
    for (int i = 1 + segment * 200; i < 201 + segment * 200; ++i) {
      const bool conflict = i == 17 || i == 18 || i == 900 || i == 1999;
      const bool broken = i == 19 || i == 1200;
      std::string one = line(i);
      if (conflict) one.replace(one.find(" value=") + 7, std::to_string(i).size(), std::to_string(i) + "i");
      if (broken) one = "not a line " + std::to_string(i) + "\n";
      text += one;
      if (conflict || broken) bad.insert(one.substr(0, one.size() - 1));
      if (!conflict && !broken) good.insert(i);
    }
    site.append(text);
  }
  ASSERT_TRUE(site.drain());
  EXPECT_EQ(stored(server), good);
  EXPECT_EQ(site.letter_lines(), bad);
  // Six bad lines of 2,000, four of them unnamed: halving eleven times each is the worst.
  EXPECT_LE(site.status().requests - before, 90u);
  for (const DeadLetter& letter : site.letters()) {
    EXPECT_THAT(letter.reason, ::testing::AnyOf(HasSubstr("type conflict"), HasSubstr("invalid")));
  }
}

TEST(InfluxServerTest, PointsBeyondRetentionAreDeadLetters) {
  InfluxServer server;
  server.query("", "CREATE DATABASE d WITH DURATION 1d");
  InfluxSite site(v1(server.url()));
  site.append(lines(0, 100) + "m,k=a value=1 1000\n" + lines(100, 200) + "m,k=a value=2 2000\n");
  ASSERT_TRUE(site.drain());
  EXPECT_EQ(stored(server), range(0, 200));
  EXPECT_EQ(site.letter_lines(), (std::multiset<std::string>{"m,k=a value=1 1000", "m,k=a value=2 2000"}));
  EXPECT_THAT(site.letters().at(0).reason, HasSubstr("beyond retention"));
}

// Refused, their causes mended one after the other, sent again: each arrives, and only once its cause is
// gone.
TEST(InfluxServerTest, DeadLettersSentAgainArrive) {
  InfluxServer server;
  server.query("", "CREATE DATABASE d WITH DURATION 1d");
  InfluxSite site(v1(server.url()));
  const auto old_line = [](int i) {
    return "m,k=a value=" + std::to_string(i) + " " + std::to_string(kNow - 3 * 86400'000000000 + i) + "\n";
  };
  site.append(line(0));
  ASSERT_TRUE(site.drain());
  site.append(line(1) + old_line(2) + "n,k=a value=3i " + std::to_string(kNow) + "\n");
  site.append("n,k=a value=\"x\" " + std::to_string(kNow + 1) + "\n" + old_line(4) + line(5));
  ASSERT_TRUE(site.drain());
  ASSERT_EQ(site.letters().size(), 3u);
  EXPECT_EQ(*site.log().resend_dead_letters({.sink = "central"}), 3u);
  for (int i = 0; i < 50; ++i) (void)site.try_once();
  EXPECT_EQ(site.letters().size(), 3u);  // as before
  EXPECT_FALSE(site.letters()[0].resend);

  server.query("", "ALTER RETENTION POLICY autogen ON d DURATION 7d");
  EXPECT_EQ(*site.log().resend_dead_letters({.sink = "central", .reason = "points beyond retention policy"}),
            2u);
  site.append(line(6));
  for (int i = 0; i < 5; ++i) (void)site.try_once();
  ASSERT_EQ(site.letters().size(), 1u);
  EXPECT_THAT(site.letters()[0].reason, HasSubstr("type conflict"));
  std::set<std::string> values;
  server.for_each_row("d", "SELECT value FROM m",
                      [&](const InfluxServer::Row& row) { values.insert(row.at("value")); });
  EXPECT_EQ(values, (std::set<std::string>{"0", "1", "2", "4", "5", "6"}));

  server.query("d", "DROP MEASUREMENT n");
  EXPECT_EQ(*site.log().resend_dead_letters({.id = site.letters()[0].id}), 1u);
  for (int i = 0; i < 5; ++i) (void)site.try_once();
  EXPECT_TRUE(site.letters().empty());
  EXPECT_EQ(site.backlog(), 0u);
  int strings = 0;
  server.for_each_row("d", "SELECT value FROM n", [&](const InfluxServer::Row& row) {
    EXPECT_EQ(row.at("value"), "x");
    ++strings;
  });
  EXPECT_EQ(strings, 1);
}

TEST(InfluxServerTest, AnUnknownDatabaseOrPolicyPausesUntilItIsThere) {
  InfluxServer server;
  InfluxSite site(v1(server.url(), {{"retention_policy", "one week"}}));
  site.append(lines(0, 10));
  DeliveryStatus status = site.try_once();
  EXPECT_EQ(status.state, State::paused);
  EXPECT_THAT(status.reason, HasSubstr("database not found"));
  server.create_database("d");
  status = site.try_once();
  EXPECT_EQ(status.state, State::paused);
  EXPECT_THAT(status.reason, HasSubstr("retention policy not found"));
  EXPECT_EQ(site.backlog(), 10u);
  server.query("", "CREATE RETENTION POLICY \"one week\" ON d DURATION 1w REPLICATION 1");
  // By itself, after the pause.
  EXPECT_TRUE(site.drain(3));
  EXPECT_TRUE(site.letters().empty());
  EXPECT_THAT(server.query("d", "SELECT count(value) FROM \"one week\".m"), HasSubstr(",10]"));
}

TEST(InfluxServerTest, UserAndPassword) {
  InfluxServer server({.passwords = true});
  server.create_database("d");
  const auto said = [&](Written more) {
    InfluxSite site(v1(server.url(), std::move(more)));
    site.append(lines(0, 10));
    const DeliveryStatus status = site.try_once();
    EXPECT_EQ(status.state, State::paused);
    EXPECT_EQ(site.backlog(), 10u);
    return status.reason;
  };
  EXPECT_THAT(said({}), HasSubstr("HTTP 401"));
  EXPECT_THAT(said({{"user", "press"}, {"password", "correct horse"}}),
              AllOf(HasSubstr("401"), Not(HasSubstr("horse"))));
  server.query("", "CREATE USER press WITH PASSWORD 'correct horse'");
  EXPECT_THAT(said({{"user", "press"}, {"password", "correct horse"}}), HasSubstr("HTTP 403"));
  server.query("", "GRANT WRITE ON d TO press");
  EXPECT_THAT(said({{"user", "press"}, {"password", "wrong battery"}}),
              AllOf(HasSubstr("401"), Not(HasSubstr("battery"))));
  InfluxSite site(v1(server.url(), {{"user", "press"}, {"password", "correct horse"}}));
  site.append(lines(0, 10));
  EXPECT_TRUE(site.drain(3)) << site.status().reason;
  std::string in_url = server.url();
  InfluxSite other(v1(in_url.insert(7, "press:correct%20horse@")));
  other.append(lines(10, 20));
  EXPECT_TRUE(other.drain(3)) << other.status().reason;
}

TEST(InfluxServerTest, OneConnectionCarriesAllBatches) {
  InfluxServer server;
  server.create_database("d");
  TcpProxy proxy(server.port());
  InfluxSite site(v1("http://127.0.0.1:" + std::to_string(proxy.port())));
  for (int i = 0; i < 30; ++i) {
    site.append(lines(i * 10, i * 10 + 10));
    site.try_once();
  }
  EXPECT_EQ(site.status().requests, 30u);
  EXPECT_EQ(proxy.connections(), 1u);
  proxy.cut();
  ASSERT_TRUE(eventually([&] { return proxy.cuts() == 1; }));
  site.append(lines(300, 310));
  site.try_once();
  EXPECT_EQ(site.status().failures, 0u);
  EXPECT_EQ(stored(server), range(0, 310));
}

TEST(InfluxServerTest, ManySegmentsMakeOneBody) {
  InfluxServer server;
  server.create_database("d");
  for (const bool gzip : {true, false}) {
    InfluxSite site(v1(server.url(), {{"gzip", gzip}}));
    TestBatch batch;
    const int from = gzip ? 0 : 1000;
    for (int i = from; i < from + 1000; ++i) batch.add_segment(line(i));
    EXPECT_EQ(site.sink().deliver(batch.batch(), {}).kind, Outcome::Kind::accepted);
  }
  EXPECT_EQ(stored(server), range(0, 2000));
}

class InfluxTlsTest : public ::testing::Test {
 protected:
  // What came of one try.
  DeliveryStatus tried(const std::string& url, Written more) {
    InfluxSite site(v1(url, std::move(more)));
    site.clock().set_wall_is_set(clock_is_set_);
    site.append(lines(0, 10));
    const DeliveryStatus status = site.try_once();
    EXPECT_EQ(site.backlog(), status.state == State::delivering ? 0u : 10u);
    EXPECT_TRUE(site.letters().empty());
    return status;
  }
  TempDir directory_;
  const TestCertificates certificates_{directory_.path()};
  bool clock_is_set_ = true;
};

TEST_F(InfluxTlsTest, OwnAuthority) {
  InfluxServer server({.certificate = certificates_.server_cert, .key = certificates_.server_key});
  server.create_database("d");
  EXPECT_EQ(tried(server.url(), {{"ca_file", certificates_.ca}}).state, State::delivering);
  EXPECT_EQ(tried(server.url(), {{"insecure", true}}).state, State::delivering);
  EXPECT_EQ(stored(server), range(0, 10));
  DeliveryStatus status = tried(server.url(), {{"ca_file", certificates_.other_ca}});
  EXPECT_EQ(status.state, State::paused);
  EXPECT_THAT(status.reason, AllOf(HasSubstr(server.url()), HasSubstr("certificate")));
  EXPECT_EQ(tried(server.url(), {}).state, State::paused);
  clock_is_set_ = false;
  EXPECT_EQ(tried(server.url(), {}).state, State::retrying);
}

// InfluxDB answers 400 to plain HTTP on its TLS port: no line is at fault.
TEST_F(InfluxTlsTest, PlainHttpToATlsPortIsNoFaultOfTheLines) {
  InfluxServer server({.certificate = certificates_.server_cert, .key = certificates_.server_key});
  std::string url = server.url();
  const DeliveryStatus status = tried(url.replace(0, 5, "http"), {});
  EXPECT_EQ(status.state, State::paused) << status.reason;
  InfluxServer plain;
  url = plain.url();
  EXPECT_EQ(tried(url.replace(0, 4, "https"), {}).state, State::retrying);
}

TEST_F(InfluxTlsTest, ACertificateOfAnotherHost) {
  InfluxServer server({.certificate = certificates_.elsewhere_cert, .key = certificates_.elsewhere_key});
  const DeliveryStatus status = tried(server.url(), {{"ca_file", certificates_.ca}});
  EXPECT_EQ(status.state, State::paused);
  EXPECT_THAT(status.reason, HasSubstr("127.0.0.1"));
}

TEST_F(InfluxTlsTest, ClientCertificate) {
  InfluxServer server;  // which cannot ask for one: socat does, in front of it
  server.create_database("d");
  const std::uint16_t port = free_port();
  const ChildProcess front({"socat",
                            "openssl-listen:" + std::to_string(port) +
                                ",bind=127.0.0.1,reuseaddr,fork,verify=1,cert=" + certificates_.server_cert +
                                ",key=" + certificates_.server_key + ",cafile=" + certificates_.ca,
                            "tcp:127.0.0.1:" + std::to_string(server.port())},
                           directory_ / "socat.log");
  ASSERT_TRUE(eventually([&] { return port_answers(port); })) << front.output();
  const std::string url = "https://127.0.0.1:" + std::to_string(port);
  const DeliveryStatus with = tried(url, {{"ca_file", certificates_.ca},
                                          {"cert_file", certificates_.client_cert},
                                          {"key_file", certificates_.client_key}});
  EXPECT_EQ(with.state, State::delivering) << with.reason;
  EXPECT_EQ(stored(server), range(0, 10));
  const DeliveryStatus without = tried(url, {{"ca_file", certificates_.ca}});
  EXPECT_EQ(without.state, State::retrying) << without.reason;
  // A key that is not the certificate's.
  EXPECT_EQ(tried(url, {{"ca_file", certificates_.ca},
                        {"cert_file", certificates_.client_cert},
                        {"key_file", certificates_.server_key}})
                .state,
            State::paused);
}

TEST_F(InfluxTlsTest, AnHttpProxySeesLinesOnlyWithoutTls) {
  // The environment has no say.
  ::setenv("no_proxy", "127.0.0.1", 1);
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  InfluxServer plain;
  InfluxServer secure({.certificate = certificates_.server_cert, .key = certificates_.server_key});
  for (InfluxServer* server : {&plain, &secure}) {
    server->create_database("d");
    const HttpProxy proxy("Basic bWU6aHVudGVyMg==");
    const std::string address = "127.0.0.1:" + std::to_string(proxy.port());
    Written written = {
        {"proxy", "http://me:hunter2@" + address}, {"ca_file", certificates_.ca}, {"token", "s3cret"}};
    EXPECT_EQ(tried(server->url(), written).state, State::delivering);
    EXPECT_EQ(stored(*server), range(0, 10));
    ASSERT_EQ(proxy.heads().size(), 1u);
    const bool tls = server == &secure;
    const std::string head = proxy.heads()[0];
    EXPECT_THAT(head, ::testing::StartsWith(tls ? "CONNECT 127.0.0.1:" : "POST http://127.0.0.1:"));
    EXPECT_EQ(head.find("s3cret") == std::string::npos, tls) << head;
    for (const char* wrong : {"http://", "http://me:wrong@"}) {
      written["proxy"] = wrong + address;
      const DeliveryStatus status = tried(server->url(), written);
      EXPECT_EQ(status.state, State::paused) << status.reason;
      EXPECT_THAT(status.reason, AllOf(HasSubstr("407"), Not(HasSubstr("wrong"))));
    }
    written["proxy"] = "http://me:hunter2@127.0.0.1:" + std::to_string(free_port());
    const DeliveryStatus gone = tried(server->url(), written);
    EXPECT_EQ(gone.state, State::retrying);
    EXPECT_THAT(gone.reason, Not(HasSubstr("hunter2")));
  }
  ::unsetenv("no_proxy");
  ::unsetenv("http_proxy");
}

TEST(VictoriaTest, TakesBothApis) {
  const VictoriaServer server;
  for (const bool first : {true, false}) {
    InfluxSite site(first ? v1(server.url())
                          : Written{{"api", "v2"}, {"url", server.url()}, {"org", "any"}, {"bucket", "any"}});
    const std::string measurement = first ? "one" : "two";
    for (int i = 0; i < 20; ++i) {
      std::string text;
      // Times of VictoriaMetrics are milliseconds.
      for (int n = i * 50; n < i * 50 + 50; ++n) {
        text += measurement + ",k=a value=" + std::to_string(n) + " " +
                std::to_string((kNow / 1'000'000 - 1000 + n) * 1'000'000) + "\n";
      }
      if (i == 7)
        text += "not a line\n" + measurement + ",k=a text=\"dropped\" " + std::to_string(kNow) + "\n";
      site.append(text);
    }
    ASSERT_TRUE(site.drain(5)) << site.status().reason;
    EXPECT_TRUE(site.letters().empty());
    const std::string exported = server.exported(measurement + "_value");
    const std::size_t values = exported.find("\"values\":[");
    ASSERT_NE(values, std::string::npos) << exported;
    EXPECT_EQ(std::count(exported.begin() + static_cast<std::ptrdiff_t>(values),
                         exported.begin() + static_cast<std::ptrdiff_t>(exported.find(']', values)), ','),
              999);
    EXPECT_THAT(exported, HasSubstr("\"k\":\"a\""));
    EXPECT_EQ(exported.find("\"db\":\"d\"") != std::string::npos, first) << exported;
  }
  EXPECT_THAT(http_get(server.url() + "/metrics").body,
              HasSubstr("vm_rows_invalid_total{type=\"influx\"} 2"));
}

// The answer to a write is lost, so the batch is sent again: with the flag each reading is shown once.
TEST(VictoriaTest, ABatchThatIsSentTwiceIsShownOnce) {
  for (const bool deduplicates : {true, false}) {
    const VictoriaServer server(deduplicates ? std::vector<std::string>{"-dedup.minScrapeInterval=1ms"}
                                             : std::vector<std::string>{});
    std::atomic<int> count = 0;
    ScriptedHttpServer front([&](const ScriptedRequest& request) {
      const int status = static_cast<int>(http_post(server.url() + "/write?db=d", request.body).status);
      return ScriptedAnswer{
          .status = status,
          .then = count++ == 0 ? ScriptedAnswer::Then::close_before : ScriptedAnswer::Then::go_on};
    });
    InfluxSite site(v1(front.url()));
    std::string text;
    for (int i = 0; i < 50; ++i) {
      text += "m,k=a value=" + std::to_string(i) + ",word=\"x\" " +
              std::to_string((kNow / 1'000'000 - 1000 + i) * 1'000'000) + "\n";
    }
    site.append(text);
    ASSERT_TRUE(site.drain()) << site.status().reason;
    EXPECT_EQ(front.requests().size(), 2u);
    const std::string exported = server.exported("m_value");
    const std::string values = exported.substr(exported.find("\"values\":["));
    const auto commas =
        std::count(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.find(']')), ',');
    EXPECT_EQ(commas + 1, deduplicates ? 50 : 100) << exported;
    EXPECT_THAT(server.exported("m_word"), HasSubstr("\"values\":[0,"));
  }
}

}  // namespace
}  // namespace vigile
