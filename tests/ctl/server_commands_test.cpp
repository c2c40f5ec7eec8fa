// SPDX-License-Identifier: Apache-2.0
// vigilectl check, query, write, delete and cleanup --remote as a program, against a real InfluxDB 1 and a
// real broker, without a daemon.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/file.h"
#include "served_agent.h"
#include "support/influx_server.h"
#include "support/mosquitto_server.h"
#include "support/process.h"

namespace vigile {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using Json = nlohmann::json;

const std::string kProgram = VIGILE_BINARY_DIR "/bin/vigilectl";

struct Ran {
  int status = -1;
  std::string out;
  std::string err;
};

class ServerCommandsTest : public testing::Test {
 protected:
  ServerCommandsTest() {
    server_.create_database("d");
    write_settings(influx_sink("central", server_.url()));
  }

  static std::string influx_sink(const std::string& name, const std::string& url,
                                 const std::string& more = "") {
    return "  - influx: {name: " + name + ", api: v1, url: \"" + url + "\", database: d" + more + "}\n";
  }
  void write_settings(const std::string& sinks) {
    std::ofstream(directory_ / "site.yaml")
        << "site: {id: 12, name: Lyon}\ndevice: press-07\n"
        << "equipment:\n  - {id: 1, name: A, drivers: [cpu]}\nsinks:\n" + sinks;
  }
  // `command` is words of the shell after "vigilectl --socket …"; `input` goes to its standard input.
  Ran run(const std::string& command, const std::string& input = "", const std::string& socket = "") {
    std::ofstream(directory_ / "in") << input;
    const std::string script = "exec <" + path("in") + " >" + path("out") + " 2>" + path("err") + "\n" +
                               kProgram + " --socket " + (socket.empty() ? path("none.sock") : socket) + " " +
                               command;
    ChildProcess child({"/bin/sh", "-c", script}, directory_ / "both");
    Ran ran;
    ran.status = child.wait(std::chrono::seconds(60)).value_or(-1);
    ran.out = read_file(directory_ / "out", 64 << 20).value_or("");
    ran.err = read_file(directory_ / "err").value_or("");
    return ran;
  }
  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string config() const { return " --config " + path("site.yaml"); }
  std::string query(const std::string& statement) const { return server_.query("d", statement); }

  TempDir directory_;
  InfluxServer server_;
};

TEST_F(ServerCommandsTest, CheckOfAllSinksWithoutADaemon) {
  MosquittoServer broker({.password_user = "press", .password = "hunter22"});
  const std::string good =
      "  - mqtt: {name: plant, url: \"" + broker.url() + "\", user: press, password: hunter22}\n";
  write_settings(influx_sink("central", server_.url()) + good);
  Ran ran = run("check" + config());
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, AllOf(StartsWith("central (influx)\n  ok       name resolution: "),
                             HasSubstr("  ok       TCP connection: 127.0.0.1 port "),
                             HasSubstr("  ok       health: it runs, version 1.6.7"),
                             HasSubstr("  ok       writing: one point is written and removed\n"),
                             HasSubstr("\nplant (mqtt)\n"),
                             HasSubstr("the broker takes us as vigile-12-press-07-check"),
                             HasSubstr("daemon does not answer"), Not(HasSubstr("hunter22"))));
  EXPECT_THAT(query("SHOW SERIES"), Not(HasSubstr("vigile_check")));

  write_settings(influx_sink("central", server_.url()) + "  - mqtt: {name: plant, url: \"" + broker.url() +
                 "\", user: press, password: wrong-one}\n" +
                 "  - mqtt: {name: gone, url: \"mqtt://127.0.0.1:" + std::to_string(free_port()) + "\"}\n");
  ran = run("check --json" + config());
  EXPECT_EQ(ran.status, 1);
  const Json report = Json::parse(ran.out);
  EXPECT_EQ(report["ok"], false);
  EXPECT_EQ(report["daemon"], false);
  EXPECT_EQ(report["sinks"][0]["ok"], true);
  EXPECT_EQ(report["sinks"][1]["steps"].back()["step"], "login");
  EXPECT_EQ(report["sinks"][1]["steps"].back()["result"], "failed");
  EXPECT_THAT(report["sinks"][1]["steps"].back()["detail"].get<std::string>(),
              AllOf(HasSubstr("refused"), Not(HasSubstr("wrong-one"))));
  EXPECT_EQ(report["sinks"][2]["steps"].back()["step"], "TCP connection");
  EXPECT_EQ(run("check --sink central" + config()).status, 0) << "only that one";
  EXPECT_EQ(run("check --sink nobody" + config()).status, 2);
}

TEST_F(ServerCommandsTest, CheckOfABrokerWithTls) {
  const TestCertificates certificates(directory_.path());
  MosquittoServer broker({.listener_lines = MosquittoServer::tls_lines(certificates, false)});
  const auto sink = [&](const std::string& ca) {
    return "  - mqtt: {url: \"mqtts://127.0.0.1:" + std::to_string(broker.port()) + "\", ca_file: " + ca +
           "}\n";
  };
  write_settings(sink(certificates.ca));
  Ran ran = run("check" + config());
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("ok       TLS and login"));
  write_settings(sink(certificates.other_ca));
  ran = run("check" + config());
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("failed   TLS and login"), HasSubstr("ca_file")));
}

TEST_F(ServerCommandsTest, CheckTellsTheLagWhenThereIsADaemon) {
  ServedAgent served;
  served.agent.agent_status = example_status();
  const Ran ran = run("check" + config(), "", served.socket());
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("ok       lag of the log: 120 points wait, the oldest for 8 s\n"));
}

TEST_F(ServerCommandsTest, SettingsAreFoundAsTheDaemonFindsThem) {
  Ran ran = run("check --config " + path("none.yaml"));
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("none.yaml"));
  write_settings("  - influx: {url: \"http://x\", tokn: a}\n");
  ran = run("query 'SHOW DATABASES'" + config());
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("site.yaml:"), HasSubstr("token")));
  write_settings(influx_sink("a", server_.url()) + influx_sink("b", server_.url()));
  ran = run("query 'SHOW DATABASES'" + config());
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("--sink a, b"));
  if (::access("/etc/vigile/vigile.yaml", F_OK) == 0) GTEST_SKIP() << "this machine has settings of its own";
  std::ofstream(directory_ / "run.sh")
      << "INFLUXDB_URL=" << server_.url() << " INFLUXDB_DATABASE=d exec \"$@\"\n";
  ChildProcess child({"/bin/sh", path("run.sh"), kProgram, "query", "SHOW DATABASES", "--csv"},
                     directory_ / "both");
  EXPECT_EQ(child.wait(std::chrono::seconds(30)), 0);
  EXPECT_EQ(child.output(), "series,name\r\ndatabases,d\r\n");
}

TEST_F(ServerCommandsTest, WritesAndAsks) {
  Ran ran = run("write --precision s" + config(),
                "# a comment\n\ncpu,host=a value=1.5,n=3i 1000\ncpu,host=b value=2 2000\n");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "2 lines written to " + server_.url() + ", database d\n");
  ran = run("query 'SELECT * FROM cpu'" + config());
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "name  time                  host  n  value\n"
            "cpu   1970-01-01T00:16:40Z  a     3    1.5\n"
            "cpu   1970-01-01T00:33:20Z  b     -      2\n");
  EXPECT_EQ(run("query --csv 'SELECT value FROM cpu GROUP BY host'" + config()).out,
            "name,host,time,value\r\ncpu,a,1970-01-01T00:16:40Z,1.5\r\ncpu,b,1970-01-01T00:33:20Z,2\r\n");
  EXPECT_EQ(run("query --json 'SELECT * FROM cpu'" + config()).out,
            "{\"name\":\"cpu\",\"time\":\"1970-01-01T00:16:40Z\",\"host\":\"a\",\"n\":3,\"value\":1.5}\n"
            "{\"name\":\"cpu\",\"time\":\"1970-01-01T00:33:20Z\",\"host\":\"b\",\"n\":null,\"value\":2}\n");
  ran = run("query 'SELEC'" + config());
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("error parsing query"));
  ran = run("query --language flux 'buckets()'" + config());
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("InfluxQL"));
}

TEST_F(ServerCommandsTest, WriteSendsNumbersThatEveryServerReads) {
  const VictoriaServer victoria;
  write_settings(influx_sink("central", victoria.url()));
  const std::int64_t time_ns = to_ns(SystemClock().wall() - std::chrono::seconds(10));
  const Ran ran =
      run("write" + config(), "wr a=.5,b=5.,c=-.5,s=\".5\",d=1.e2 " + std::to_string(time_ns) + "\n");
  EXPECT_EQ(ran.status, 0) << ran.err;
  for (const auto& [field, value] : {std::pair("a", "0.5"), {"b", "5"}, {"c", "-0.5"}, {"d", "100"}}) {
    EXPECT_THAT(victoria.exported(std::string("wr_") + field),
                HasSubstr(std::string("\"values\":[") + value + "]"));
  }
  EXPECT_THAT(run("write" + config(), "wr a=1,a=2\n").err, HasSubstr("expected each field key once"));
}

TEST_F(ServerCommandsTest, WriteNamesTheLinesThatAreRefused) {
  Ran ran = run("write" + config(), "cpu value=1 1\nbad\ncpu value=3 3\ncpu value=4i 4\n");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.out, "2 lines written to " + server_.url() + ", database d\n");
  EXPECT_THAT(ran.err, AllOf(HasSubstr("line 2, column 4: expected "), HasSubstr("it is not sent"),
                             HasSubstr("of lines 1 to 4, 1 are refused:"),
                             HasSubstr("line 4: HTTP 400: partial write: field type conflict")));
  EXPECT_EQ(server_.count("d", "cpu"), 2u);
  // More than one request.
  std::string lines;
  for (int i = 0; i < 100'000; ++i)
    lines += "many value=" + std::to_string(i) + " " + std::to_string(i) + "\n";
  ran = run("write --precision s" + config(), lines);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("100,000 lines written"));
  EXPECT_EQ(server_.count("d", "many"), 100'000u);
  server_.stop();
  ran = run("write" + config(), "cpu value=1 1\n");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr(server_.url()), HasSubstr("refused")));
}

TEST_F(ServerCommandsTest, DeleteSaysFirstAndDeletesOnlyWhenTold) {
  ASSERT_EQ(
      run("write --precision s" + config(), "m,id=1 value=1 1000\nm,id=1 value=2 2000\nm,id=2 value=3 1000\n")
          .status,
      0);
  const std::string what =
      " --start 1970-01-01T00:00:00Z --stop 1970-01-01T00:33:20Z --predicate 'id=\"1\"'" + config();
  Ran ran = run("delete" + what);
  EXPECT_EQ(ran.status, 2) << "there is nobody to ask";
  EXPECT_THAT(ran.err, HasSubstr("--yes"));
  ran = run("delete --dry-run" + what);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "Would go: 1 point at " + server_.url() +
                ", database d, \"id\"=\"1\", from 1970-01-01T00:00:00.000Z to 1970-01-01T00:33:20.000Z\n");
  EXPECT_EQ(server_.count("d", "m"), 3u);
  ran = run("delete --yes --json" + what);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(Json::parse(ran.out),
            Json({{"target", server_.url() + ", database d"}, {"points", 1}, {"deleted", true}}));
  EXPECT_EQ(server_.count("d", "m"), 2u);
  EXPECT_EQ(run("delete --yes --start 2 --stop 1970-01-02" + config()).status, 2);
  EXPECT_EQ(run("delete --yes --start 1970-01-02 --stop 1970-01-01" + config()).status, 2);
  ran = run("delete --yes --start 1970-01-01 --stop 1970-01-02 --predicate 'id > 1'" + config());
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("predicate, at character 4: expected ="));
}

TEST_F(ServerCommandsTest, DeleteAsksOnATerminal) {
  if (std::system("command -v script >/dev/null") != 0)
    GTEST_SKIP() << "no script(1), which makes a terminal";
  ASSERT_EQ(run("write --precision s" + config(), "m value=1 1000\n").status, 0);
  const auto answer = [&](const std::string& word) {
    std::ofstream(directory_ / "answer") << word << "\n";
    std::ofstream(directory_ / "ask.sh")
        << "exec script -qec '" << kProgram << " delete --start 1970-01-01 --stop 1970-01-02" << config()
        << "' /dev/null <" << path("answer") << "\n";
    ChildProcess child({"/bin/sh", path("ask.sh")}, directory_ / "asked");
    EXPECT_TRUE(child.wait(std::chrono::seconds(30)).has_value());
    return child.output();
  };
  EXPECT_THAT(answer("n"),
              AllOf(HasSubstr("Would go: 1 point"), HasSubstr("[y/N]"), HasSubstr("Nothing is deleted")));
  EXPECT_EQ(server_.count("d", "m"), 1u);
  EXPECT_THAT(answer("y"), HasSubstr("Gone: 1 point"));
  EXPECT_EQ(server_.count("d", "m"), 0u);
}

TEST_F(ServerCommandsTest, RemoteCleanupTakesOldPointsOfThisSiteAlone) {
  const auto line = [](const std::string& tags, std::int64_t second) {
    return "equipment_metrics," + tags + " value=1,reason=\"x\" " + std::to_string(second) + "\n";
  };
  const std::int64_t now = to_ns(SystemClock().wall()) / 1'000'000'000;
  const std::int64_t old = now - 100 * 86400;
  ASSERT_EQ(run("write --precision s" + config(),
                line("equipment_id=1,site_id=12", old) + line("equipment_id=2,site_id=12", old) +
                    line("equipment_id=1,site_id=13", old) + line("equipment_id=1,site_id=12", now))
                .status,
            0);
  Ran ran = run("cleanup --remote --older-than 90d --dry-run" + config());
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("sink central"), HasSubstr("2 points")));
  EXPECT_EQ(server_.count("d", "equipment_metrics"), 4u);
  ran = run("cleanup --remote --older-than 90d --yes --equipment-id 1" + config());
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(server_.count("d", "equipment_metrics"), 3u);
  ran = run("cleanup --remote --older-than 90d --yes" + config());
  EXPECT_EQ(server_.count("d", "equipment_metrics"), 2u);
  EXPECT_EQ(server_.count("d", "equipment_metrics", "site_id = '13'"), 1u);
}

}  // namespace
}  // namespace vigile
