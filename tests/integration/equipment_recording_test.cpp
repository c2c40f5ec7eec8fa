// SPDX-License-Identifier: Apache-2.0
// Recording through the real daemon: what it took is there after kill -9, what is wrong is said, and statuses
// follow what is seen.
#include <gmock/gmock.h>

#include <memory>

#include "integration/equipment_site.h"
#include "support/scripted_http_server.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kEquipment = "/api/equipment/1/";

TEST(Recording, WhatWasAnsweredSurvivesKillMinus9) {
  // Nothing is committed by itself: an answer of 200 alone can have done it.
  Daemon daemon(equipment_site("", "", ", commit_every: 1h"));
  daemon.write_settings(
      "site: {id: 12}\nequipment:\n  - {id: 1, name: Serveur, type: server}\n"
      "store: {path: @STORE@, commit_every: 1h}\napi: {socket: @SOCKET@}\n");
  daemon.start();
  const auto post = [&](const std::string& what, const std::string& body,
                        const std::string& type = "application/json") {
    const Reply reply = daemon.exchange("POST", kEquipment + what, body, type);
    EXPECT_EQ(reply.status, 200) << what << " " << body << ": " << reply.body;
    return parsed(reply.body);
  };
  EXPECT_EQ(post("metrics/",
                 R"({"metric_name": "temperature", "value": 25.5, "tags": {"probe": "a"}})")["recorded"],
            1);
  EXPECT_EQ(post("metrics", R"([{"metric_type": "humidity", "value": 40}, {"metric_type": "noise", "value": 3,
                 "additional_fields": {"unit": "dB"}}])")["recorded"],
            2);
  EXPECT_EQ(post("metrics/", "press,side=left force=12.5\nequipment_metrics,metric_name=oil value=7i\n",
                 "text/plain")["recorded"],
            2);
  post("availability/", R"({"is_available": false, "response_time": 45.2, "reason": "unplugged"})");
  post("performance/", R"({"cpu_usage": 12.5, "memory_usage": 40, "response_time": 3})");
  post("status/", R"({"status": "maintenance", "reason": "oil change"})");
  EXPECT_EQ(vigilectl(daemon, {"record", "metric", "pressure", "2.5", "--tag", "valve=3"}).status, 0);
  EXPECT_EQ(vigilectl(daemon, {"record", "availability", "up"}).status, 0);
  EXPECT_EQ(vigilectl(daemon, {"record", "performance", "--cpu", "13"}).status, 0);
  daemon.kill_hard();

  daemon.start();
  std::map<std::string, Json> last;
  const Json answer = get_json(daemon, kEquipment + "metrics/?period=1h");
  for (const Json& row : answer["metrics"]) {
    last[row["metric_type"]] = row;
  }
  EXPECT_EQ(last["temperature"]["value"], 25.5);
  EXPECT_EQ(last["temperature"]["tags"], Json({{"probe", "a"}}));
  EXPECT_EQ(last["humidity"]["value"], 40);
  EXPECT_EQ(last["noise"]["value"], 3);
  EXPECT_EQ(last["press_force"]["value"], 12.5);
  EXPECT_EQ(last["oil"]["value"], 7);
  EXPECT_EQ(last["availability"]["value"], 1);
  EXPECT_EQ(last["cpu_usage"]["value"], 13);
  EXPECT_EQ(last["memory_usage"]["value"], 40);
  EXPECT_EQ(last["response_time"]["value"], 3);
  EXPECT_EQ(last["pressure"]["tags"], Json({{"valve", "3"}}));
  const Json history = get_json(daemon, kEquipment + "history/?period=1h")["history"];
  EXPECT_EQ(history.back()["new_status"], "maintenance");
  EXPECT_EQ(history.back()["reason"], "oil change");
  EXPECT_EQ(history[history.size() - 2]["reason"], "api: unplugged");
  EXPECT_EQ(equipment_status(daemon), "maintenance");
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Recording, WrongInputIsRefusedByNameAndNothingIsRecorded) {
  Daemon daemon(equipment_site());
  daemon.start();
  struct Case {
    const char* path;
    std::string body;
    long status;
    const char* says;
    const char* type = "application/json";
  };
  const std::string kHuge(300 << 10, ' ');
  for (const Case& one : std::vector<Case>{
           {"1/metrics/", R"({"metric_name": "a", "value": NaN})", 400, "body: expected JSON"},
           {"1/metrics/", R"({"metric_name": "a", "value": 1e400})", 400, "body: a number is beyond"},
           {"1/metrics/", R"({"metric_name": "a", "value": "2"})", 400, "value: expected a number"},
           {"1/metrics/", R"({"value": 2})", 400, "metric_name: is missing"},
           {"1/metrics/", R"({"metric_name": "a\u0007b", "value": 2})", 400, "metric_name: has control"},
           {"1/metrics/", R"({"metric_name": "a", "value": 2, "time": "2026-02-30"})", 400, "no such day"},
           {"1/metrics/", R"({"metric_name": "a", "value": 2, "time": 1764000000})", 400, "another unit"},
           {"1/metrics/", R"({"metric_name": "a", "value": 2, "time": "2199-01-01"})", 400, "is to come"},
           {"1/metrics/", R"([{"metric_name": "a", "value": 2}, {"metric_name": "b"}])", 400, "[1].value: "},
           {"1/metrics/", "a b=\n", 400, "line 1, column 5", "text/plain"},
           {"1/metrics/", "equipment_metrics,metric_name=a value=\"x\"\n", 400, "no number", "text/plain"},
           {"1/metrics/", "m,equipment_id=2 v=1\n", 400, "tags.equipment_id", "text/plain"},
           {"1/metrics/?precision=h", "m v=1\n", 400, "precision", "text/plain"},
           {"1/metrics/?limit=5", "{}", 400, "limit"},
           {"1/metrics/", kHuge, 413, "262144"},
           {"1/availability/", R"({"is_available": "yes"})", 400, "is_available: expected true or false"},
           {"1/availability/", R"({"is_available": true, "response_time": -1})", 400, "response_time: "},
           {"1/performance/", "{}", 400, "cpu_usage"},
           {"1/status/", R"({"status": "broken"})", 400, "status: expected online"},
           {"1/status/", R"({"status": "maintenance", "until": "2020-01-01"})", 400, "until: "},
           {"1/status/", R"({"status": "online", "until": "2199-01-01"})", 400, "until: "},
           {"9/metrics/", R"({"metric_name": "a", "value": 2})", 404, "no equipment \\\"9\\\"; there is 1"},
           {"1%2F2/metrics/", R"({"metric_name": "a", "value": 2})", 404, "1/2"},
       }) {
    const Reply reply =
        daemon.exchange("POST", std::string("/api/equipment/") + one.path, one.body, one.type);
    EXPECT_EQ(reply.status, one.status) << one.path << " " << one.body.substr(0, 100) << ": " << reply.body;
    EXPECT_THAT(reply.body, AllOf(StartsWith("{\"error\":\""), HasSubstr(one.says)))
        << one.path << " " << one.body.substr(0, 100);
  }
  EXPECT_EQ(get_json(daemon, kEquipment + "metrics/?period=1h")["count"], 0);
  EXPECT_EQ(equipment_status(daemon), "unknown");
  const Finished wrong = vigilectl(daemon, {"record", "metric", "temperature", "hot"});
  EXPECT_EQ(wrong.status, 2) << wrong.output;
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Recording, StatusFollowsAWatchedWebServer) {
  const auto well = [](const ScriptedRequest&) {
    return ScriptedAnswer{.status = 200, .body = "ok", .then = ScriptedAnswer::Then::close};
  };
  auto server = std::make_unique<ScriptedHttpServer>(well);
  const std::uint16_t port = server->port();
  Daemon daemon(equipment_site("    drivers:\n      - http: {every: 100ms, url: \"http://127.0.0.1:" +
                               std::to_string(port) + "/health\", decides: availability}\n"));
  daemon.start();
  ASSERT_TRUE(eventually([&] { return equipment_status(daemon) == "online"; })) << daemon.output();
  server.reset();
  ASSERT_TRUE(eventually([&] { return equipment_status(daemon) == "offline"; })) << daemon.output();
  EXPECT_THAT(get_json(daemon, "/api/equipment/")["equipment"][0]["reason"].get<std::string>(),
              HasSubstr("refused"));
  EXPECT_THAT(get_json(daemon, kEquipment + "availability-report/?period=1h")["downtime"][0]["to"],
              Json(nullptr))
      << "it lasts";
  server = std::make_unique<ScriptedHttpServer>(well, port);
  ASSERT_TRUE(eventually([&] { return equipment_status(daemon) == "online"; })) << daemon.output();
  EXPECT_TRUE(statuses_become(daemon, {"online", "offline", "online"}))
      << daemon.get(kEquipment + "history/");
  const Json report = get_json(daemon, kEquipment + "availability-report/?period=1h");
  EXPECT_EQ(report["outages"], 1);
  EXPECT_GT(report["down_s"], 0);
  EXPECT_LT(report["availability_percent"], 100);
  EXPECT_GT(report["availability_percent"], 0);
  const Finished told = vigilectl(daemon, {"availability"});
  EXPECT_EQ(told.status, 0);
  EXPECT_THAT(told.output, AllOf(HasSubstr("outages: 1"), HasSubstr("refused")));
  EXPECT_THAT(vigilectl(daemon, {"history"}).output, HasSubstr("refused"));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Recording, LimitsWarnAndMaintenanceSilencesThemUntilItEnds) {
  Daemon daemon(equipment_site("    warning:\n      temperature: {above: 80, clear: 70}\n"));
  daemon.start();
  const auto temperature = [&](double value) {
    EXPECT_EQ(daemon
                  .exchange("POST", kEquipment + "metrics/",
                            R"({"metric_name": "temperature", "value": )" + std::to_string(value) + "}")
                  .status,
              200);
    return equipment_status(daemon);
  };
  EXPECT_EQ(temperature(60), "online");
  EXPECT_EQ(temperature(90), "warning");
  EXPECT_THAT(get_json(daemon, "/api/equipment/")["equipment"][0]["reason"].get<std::string>(),
              AllOf(HasSubstr("temperature"), HasSubstr("90"), HasSubstr("80")));
  EXPECT_EQ(temperature(75), "warning") << "not clear yet";
  EXPECT_EQ(temperature(65), "online");
  const Finished set =
      vigilectl(daemon, {"record", "status", "maintenance", "--until", "2s", "--reason", "oil"});
  EXPECT_EQ(set.status, 0) << set.output;
  EXPECT_EQ(temperature(95), "maintenance");
  EXPECT_TRUE(eventually([&] { return equipment_status(daemon) == "warning"; })) << "it ends by itself";
  EXPECT_TRUE(statuses_become(daemon, {"online", "warning", "online", "maintenance", "warning"}))
      << daemon.get(kEquipment + "history/");
  EXPECT_EQ(daemon.exchange("POST", kEquipment + "status/", R"({"status": "operational"})").status, 200);
  EXPECT_EQ(equipment_status(daemon), "online") << "another word for it";
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Recording, ARestartMakesNoChangeAndTimeWithoutAnAgentIsUnknown) {
  Daemon daemon(equipment_site("    drivers:\n      - simulate: {every: 100ms}\n"));
  daemon.start();
  ASSERT_TRUE(eventually([&] { return equipment_status(daemon) == "online"; }));
  ASSERT_EQ(daemon.stop(), 0);
  daemon.start();
  const double points = daemon.number("/log/points");
  ASSERT_TRUE(eventually([&] { return daemon.number("/log/points") > points + 5; }));
  EXPECT_TRUE(statuses_become(daemon, {"online"})) << daemon.get(kEquipment + "history/");

  daemon.kill_hard();
  const WallTime killed = wall_now();
  // The gap must be longer than what a last reading may lie before the kill.
  ASSERT_TRUE(eventually([&] { return wall_now() - killed > 1500ms; }));
  const WallTime began = wall_now();
  daemon.start();
  ASSERT_TRUE(eventually(
      [&] { return get_json(daemon, kEquipment + "history/?period=1h")["history"][0]["unwatched_s"] > 1; }));
  EXPECT_TRUE(statuses_become(daemon, {"online"})) << daemon.get(kEquipment + "history/");
  const std::string span = "?start=" + time_text(killed) + "&end=" + time_text(began);
  const Json report = get_json(daemon, kEquipment + "availability-report/" + span);
  EXPECT_GT(report["unknown_s"], 1.4) << report;
  EXPECT_EQ(report["down_s"], 0);
  EXPECT_EQ(report["up_s"], 0);
  EXPECT_EQ(report["availability_percent"], nullptr) << "nobody knows";
  EXPECT_EQ(get_json(daemon, kEquipment + "availability-report/?period=1h")["availability_percent"], 100);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Recording, WhatAFullLogDropsIsNotAnswered200) {
  // The sink never takes anything: nothing may be deleted, and the newest is what goes.
  Daemon daemon(
      equipment_site("", "sinks:\n  - influx: {url: \"http://127.0.0.1:1\", token: t, org: o, bucket: b}\n",
                     ", max_size: 1MiB, overflow: drop_newest"));
  daemon.start();
  std::string noise;
  std::uint32_t seed = 1;
  for (int i = 0; i < 60'000; ++i) {
    seed = seed * 1664525 + 1013904223;
    noise += static_cast<char>('A' + (seed >> 24) % 58);
    if (noise.back() == '\\') noise.back() = '_';
  }
  Reply last;
  int taken = 0;
  for (; taken < 100; ++taken) {
    last = daemon.exchange(
        "POST", kEquipment + "metrics/",
        R"({"metric_name": "a", "value": 1, "additional_fields": {"noise": ")" + noise + "\"}}");
    if (last.status != 200) break;
  }
  EXPECT_EQ(last.status, 503) << last.body;
  EXPECT_THAT(last.body, HasSubstr("max_size"));
  EXPECT_GT(taken, 2);
  EXPECT_EQ(get_json(daemon, kEquipment + "metrics/?period=1h")["count"], taken)
      << "what was answered is there";
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Recording, TheVariablesOfInfluxdbAloneAreEnoughToRun) {
  if (run_program({"/bin/sh", "-c", "unshare --mount true && test ! -e /etc/vigile/vigile.yaml"}).status !=
      0) {
    GTEST_SKIP() << "needs root, and no settings in /etc/vigile";
  }
  const ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedAnswer{}; });
  const TempDir dir;
  // Its folders are the system's: they are covered for it alone.
  ChildProcess process(
      {"/usr/bin/unshare", "--mount", "/bin/sh", "-c",
       "mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /run && exec " + vigiled_path()},
      dir / "output",
      {"INFLUXDB_URL=" + server.url(), "INFLUXDB_TOKEN=secret", "INFLUXDB_ORG=acme",
       "INFLUXDB_BUCKET=metrics"});
  EXPECT_TRUE(eventually(
      [&] {
        for (const ScriptedRequest& request : server.requests()) {
          if (request.body.find("metric_name=cpu_usage") == std::string::npos) continue;
          EXPECT_THAT(request.line, AllOf(StartsWith("POST /api/v2/write?"), HasSubstr("org=acme"),
                                          HasSubstr("bucket=metrics")));
          EXPECT_EQ(request.header("authorization"), "Token secret");
          return true;
        }
        return false;
      },
      40s))
      << process.output();
  process.stop();
}

}  // namespace
}  // namespace vigile
