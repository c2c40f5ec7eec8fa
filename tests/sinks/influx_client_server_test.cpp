// SPDX-License-Identifier: Apache-2.0
// The InfluxDB client against Debian's InfluxDB 1 and VictoriaMetrics: every operation, and every step of the
// check as it fails.
#include <gmock/gmock.h>

#include "sinks/influx/quoting.h"
#include "sinks/influx_asking.h"
#include "support/influx_server.h"
#include "support/mosquitto_server.h"

namespace vigile::influx_sink {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Written = std::map<std::string, OptionValue>;

InfluxSettings v1(const std::string& url, Written more = {}) {
  more.insert({{"api", "v1"}, {"url", url}, {"database", "d"}});
  return influx_settings_of(more);
}

struct Checked {
  bool fine = false;
  CheckSteps steps;
  std::string last() const { return steps.summary().back(); }
};
Checked check(const InfluxSettings& settings) {
  Checked checked;
  const SystemClock clock;
  checked.fine = InfluxClient(settings).test_connection(clock, "press'07", checked.steps.report());
  return checked;
}

std::vector<std::string> asked(const InfluxSettings& settings, const std::string& text) {
  InfluxClient client(settings);
  CollectedRows rows;
  const auto done = client.query_data({.text = text, .times_in_ns = true}, rows);
  EXPECT_TRUE(done) << done.error().message;
  return rows.rows;
}

class InfluxClientServerTest : public testing::Test {
 protected:
  InfluxClientServerTest() { server_.create_database("d"); }
  InfluxServer server_;
};

TEST_F(InfluxClientServerTest, WritesAsksAndDeletes) {
  InfluxClient client(v1(server_.url()));
  ASSERT_EQ(client
                .write_data("cpu,host=a v=1 1\ncpu,host=a v=2 2\ncpu,host=b v=3,x=1i 3\nmem,host=a v=4 4\n",
                            Precision::s)
                .kind,
            Outcome::Kind::accepted);
  EXPECT_THAT(asked(client.settings(), "SELECT v FROM cpu GROUP BY host"),
              ElementsAre("cpu|host=a;|time=1000000000,v=1", "cpu|host=a;|time=2000000000,v=2",
                          "cpu|host=b;|time=3000000000,v=3"));
  const Selection all{.start_ns = 0, .stop_ns = 10'000'000'000, .conditions = {}};
  EXPECT_EQ(*client.count_data(all), 4u);
  const Selection some{.start_ns = 0, .stop_ns = 2'000'000'000, .conditions = {{"host", "a"}}};
  EXPECT_EQ(*client.count_data(some), 1u) << "its end is not included";
  ASSERT_TRUE(client.delete_data(some));
  EXPECT_EQ(*client.count_data(all), 3u);
  ASSERT_TRUE(client.delete_data(
      {.start_ns = 0, .stop_ns = 10'000'000'000, .conditions = {{"_measurement", "cpu"}}}));
  EXPECT_THAT(asked(client.settings(), "SELECT v FROM /.*/"), ElementsAre("mem||time=4000000000,v=4"));
}

TEST_F(InfluxClientServerTest, WordsOfUsersStayWords) {
  InfluxClient client(v1(server_.url()));
  ASSERT_EQ(client.write_data("m,host=a v=1 1\n", Precision::s).kind, Outcome::Kind::accepted);
  for (const std::string word : {"a' OR host != '", "a\" OR \"host\" != \"", "\\' OR 1=1 --",
                                 "x'; DROP DATABASE d; --", "a\nb", "\\", "'", "\""}) {
    const Selection selection{.start_ns = 0, .stop_ns = 10'000'000'000, .conditions = {{"host", word}}};
    EXPECT_EQ(client.count_data(selection).value_or(99), 0u) << word;
    EXPECT_TRUE(client.delete_data(selection)) << word;
    EXPECT_TRUE(client.delete_data({.start_ns = 0, .stop_ns = 10'000'000'000, .conditions = {{word, "a"}}}))
        << word;
    const Selection measurement{
        .start_ns = 0, .stop_ns = 10'000'000'000, .conditions = {{"_measurement", word}}};
    EXPECT_EQ(client.count_data(measurement).value_or(99), 0u) << word;
    EXPECT_TRUE(client.delete_data(measurement)) << word;
  }
  EXPECT_THAT(asked(client.settings(), "SELECT v FROM m"), SizeIs(1));
  // And they mean what they say.
  ASSERT_EQ(client.write_data("m,host=it's\\ \"x\" v=1 1\n", Precision::s).kind, Outcome::Kind::accepted);
  EXPECT_EQ(
      *client.count_data({.start_ns = 0, .stop_ns = 10'000'000'000, .conditions = {{"host", "it's \"x\""}}}),
      1u);
}

TEST_F(InfluxClientServerTest, ALongAnswerComesInChunksAndCanBeEnded) {
  InfluxClient client(v1(server_.url()));
  std::string lines;
  for (int i = 0; i < 30'000; ++i) lines += "m v=" + std::to_string(i) + " " + std::to_string(i) + "\n";
  ASSERT_EQ(client.write_data(lines, Precision::s).kind, Outcome::Kind::accepted);
  CollectedRows all;
  ASSERT_TRUE(client.query_data({.text = "SELECT v FROM m"}, all));
  EXPECT_THAT(all.rows, SizeIs(30'000));
  EXPECT_EQ(all.tables, 1) << "one series, however many chunks";
  CollectedRows few(7);
  ASSERT_TRUE(client.query_data({.text = "SELECT v FROM m"}, few));
  EXPECT_THAT(few.rows, SizeIs(7));
  EXPECT_THAT(asked(client.settings(), "SHOW DATABASES"), SizeIs(1)) << "the client goes on after it";
}

TEST_F(InfluxClientServerTest, WrongQueriesAreTheUsers) {
  InfluxClient client(v1(server_.url()));
  CollectedRows rows;
  for (const char* const text : {"SELEC", "SELECT v FROM d.nope.m"}) {
    const auto done = client.query_data({.text = text}, rows);
    ASSERT_FALSE(done) << text;
    EXPECT_EQ(done.error().kind, ErrorKind::config) << done.error().message;
    EXPECT_THAT(done.error().message, HasSubstr(server_.url() + "/query: "));
  }
}

TEST_F(InfluxClientServerTest, CheckIsAllWellAndLeavesNothing) {
  const Checked checked = check(v1(server_.url()));
  EXPECT_TRUE(checked.fine) << checked.steps.text();
  EXPECT_THAT(checked.steps.summary(),
              ElementsAre("ok name resolution", "ok TCP connection", "ok health", "ok clock",
                          "ok authentication", "ok database", "ok writing"));
  EXPECT_THAT(checked.steps.text(), AllOf(HasSubstr("version 1.6.7"), HasSubstr("written and removed")));
  EXPECT_THAT(asked(v1(server_.url()), "SHOW SERIES"), IsEmpty());
}

TEST_F(InfluxClientServerTest, CheckTellsWhichStepFails) {
  EXPECT_EQ(check(v1("http://127.0.0.1:" + std::to_string(free_port()))).last(), "failed TCP connection");
  EXPECT_EQ(check(v1("http://no-such-host.invalid:8086")).last(), "failed name resolution");
  Checked checked = check(v1(server_.url(), {{"database", "absent\"x"}}));
  EXPECT_FALSE(checked.fine);
  EXPECT_EQ(checked.last(), "failed database");
  EXPECT_THAT(checked.steps.text(), HasSubstr("CREATE DATABASE \"absent\\\"x\""));
  checked = check(v1(server_.url(), {{"retention_policy", "absent"}}));
  EXPECT_EQ(checked.last(), "failed database");
  EXPECT_THAT(checked.steps.text(), HasSubstr("no retention policy absent"));
  EXPECT_TRUE(check(v1(server_.url(), {{"retention_policy", "autogen"}})).fine);
  // Another program listens there.
  MosquittoServer broker;
  checked = check(v1("http://127.0.0.1:" + std::to_string(broker.port())));
  EXPECT_EQ(checked.last(), "failed health");
  EXPECT_THAT(checked.steps.text(), HasSubstr("InfluxDB"));
  checked = check(influx_settings_of(
      {{"api", "v2"}, {"url", server_.url()}, {"org", "o"}, {"bucket", "d"}, {"token", "t0ken-t0ken"}}));
  EXPECT_FALSE(checked.fine);
  EXPECT_THAT(checked.steps.text(), AllOf(HasSubstr("api: v1 fits"), Not(HasSubstr("t0ken"))));
}

TEST(InfluxCheckServerTest, PasswordsAreAStepOfTheirOwn) {
  InfluxServer server({.passwords = true});
  server.create_database("d");
  server.query("", "CREATE USER press WITH PASSWORD 'hunter22'");
  const Written login = {{"user", "press"}, {"password", "hunter22"}};
  for (const auto& wrong : {Written{}, Written{{"user", "press"}, {"password", "guessed-one"}}}) {
    const Checked checked = check(v1(server.url(), wrong));
    EXPECT_EQ(checked.last(), "failed authentication") << checked.steps.text();
    EXPECT_THAT(checked.steps.text(),
                AllOf(HasSubstr("HTTP 401"), HasSubstr("user and password"), Not(HasSubstr("guessed-one"))));
  }
  // A user without rights does not see the database.
  EXPECT_EQ(check(v1(server.url(), login)).last(), "failed database");
  server.query("", "GRANT READ ON d TO press");
  Checked checked = check(v1(server.url(), login));
  EXPECT_EQ(checked.last(), "failed writing") << checked.steps.text();
  server.query("", "GRANT ALL ON d TO press");
  checked = check(v1(server.url(), login));
  EXPECT_TRUE(checked.fine) << checked.steps.text();
  EXPECT_THAT(checked.steps.text(), HasSubstr("takes user press"));
}

TEST(InfluxCheckServerTest, TlsIsCheckedWithTheDaysThatAreLeft) {
  const TempDir directory;
  const TestCertificates certificates(directory.path());
  InfluxServer server({.certificate = certificates.server_cert, .key = certificates.server_key});
  server.create_database("d");
  Checked checked = check(v1(server.url(), {{"ca_file", certificates.ca}}));
  EXPECT_TRUE(checked.fine) << checked.steps.text();
  EXPECT_EQ(checked.steps.summary().at(2).substr(checked.steps.summary().at(2).find(' ') + 1), "TLS");
  EXPECT_THAT(checked.steps.text(), ::testing::ContainsRegex("good for [0-9]+ days"));
  for (const auto& unknown : {Written{{"ca_file", certificates.other_ca}}, Written{}}) {
    checked = check(v1(server.url(), unknown));
    EXPECT_FALSE(checked.fine);
    EXPECT_EQ(checked.last(), "failed TLS") << checked.steps.text();
    EXPECT_THAT(checked.steps.text(), HasSubstr("ca_file"));
  }
  checked = check(v1(server.url(), {{"insecure", true}}));
  EXPECT_TRUE(checked.fine) << checked.steps.text();
  EXPECT_THAT(checked.steps.text(), HasSubstr("not checked"));
  // Plain text to a port that wants TLS.
  std::string plain = server.url();
  plain.replace(0, 5, "http");
  EXPECT_FALSE(check(v1(plain)).fine);
}

TEST(InfluxCheckServerTest, VictoriaMetricsPassesAndKeepsThePoint) {
  VictoriaServer server;
  const Checked checked =
      check(influx_settings_of({{"api", "v2"}, {"url", server.url()}, {"org", "any"}, {"bucket", "any"}}));
  EXPECT_TRUE(checked.fine) << checked.steps.text();
  EXPECT_EQ(checked.last(), "warning writing") << checked.steps.text();
  EXPECT_THAT(checked.steps.text(), HasSubstr("it runs: VictoriaMetrics"));
}

// It answers InfluxQL with 200 whatever is asked.
TEST(InfluxCheckServerTest, VictoriaMetricsIsRecognisedByBothApis) {
  VictoriaServer server;
  for (const bool first : {true, false}) {
    const InfluxSettings settings = influx_settings_of(
        first ? std::map<std::string, OptionValue>{{"api", "v1"}, {"url", server.url()}, {"database", "d"}}
              : std::map<std::string, OptionValue>{
                    {"api", "v2"}, {"url", server.url()}, {"org", "any"}, {"bucket", "any"}});
    EXPECT_TRUE(check(settings).fine) << check(settings).steps.text();
    InfluxClient client(settings);
    const auto counted = client.count_data({.start_ns = 0, .stop_ns = 1});
    ASSERT_FALSE(counted);
    EXPECT_THAT(counted.error().message, HasSubstr("this is VictoriaMetrics"));
  }
}

}  // namespace
}  // namespace vigile::influx_sink
