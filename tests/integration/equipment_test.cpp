// SPDX-License-Identifier: Apache-2.0
// Answers on equipment through the real daemon: from its log, and the same from an InfluxDB's data.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "integration/equipment_site.h"
#include "support/influx_server.h"
#include "support/scripted_http_server.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kEquipment = "/api/equipment/1/";

// Equal, apart from what summing in another order may change.
void expect_same(const Json& a, const Json& b, const std::string& where) {
  if (a.is_number() && b.is_number()) {
    const double x = a.get<double>();
    const double y = b.get<double>();
    EXPECT_LE(std::fabs(x - y), 1e-9 * std::max({1.0, std::fabs(x), std::fabs(y)})) << where;
    return;
  }
  ASSERT_EQ(a.type(), b.type()) << where << ": " << a << " and " << b;
  if (a.is_structured()) {
    ASSERT_EQ(a.size(), b.size()) << where << ": " << a.dump().substr(0, 2000) << "\nand\n"
                                  << b.dump().substr(0, 2000);
  }
  if (a.is_object()) {
    for (const auto& item : a.items()) {
      ASSERT_TRUE(b.contains(item.key())) << where << "/" << item.key();
      expect_same(item.value(), b[item.key()], where + "/" + item.key());
    }
  } else if (a.is_array()) {
    for (std::size_t i = 0; i < a.size(); ++i) expect_same(a[i], b[i], where + "/" + std::to_string(i));
  } else {
    EXPECT_EQ(a, b) << where;
  }
}

// Ten readings of temperature, 1 to 10, a minute apart; the first one ten minutes before `end`.
void post_ten(const Daemon& daemon, WallTime end) {
  Json batch = Json::array();
  for (int i = 1; i <= 10; ++i) {
    batch.push_back({{"metric_name", "temperature"}, {"value", i}, {"time", to_ns(end - (11 - i) * 1min)}});
  }
  const Reply reply = daemon.exchange("POST", kEquipment + "metrics/", batch.dump());
  ASSERT_EQ(reply.status, 200) << reply.body;
}

TEST(Answers, MetricsRawPagedAndAggregated) {
  Daemon daemon(equipment_site());
  daemon.start();
  const WallTime end = std::chrono::floor<std::chrono::minutes>(wall_now());
  post_ten(daemon, end);
  const std::string span = "?start_time=" + time_text(end - 10min) + "&end_time=" + time_text(end);
  for (const std::string slash : {"/", ""}) {
    const Json raw = get_json(daemon, "/api/equipment/1/metrics" + slash + span);
    EXPECT_EQ(raw["count"], 10);
    EXPECT_EQ(raw["metrics"][0]["value"], 1);
    EXPECT_EQ(raw["metrics"][0]["metric_type"], "temperature");
    EXPECT_EQ(raw["metrics"][0]["time"], time_text(end - 10min));
    EXPECT_EQ(raw["next"], nullptr);
  }
  std::vector<double> values;
  std::string page;
  int pages = 0;
  do {
    const Json part = get_json(daemon, kEquipment + "metrics/" + span + "&limit=3" + page);
    for (const Json& row : part["metrics"]) values.push_back(row["value"]);
    page = part["next"].is_null() ? "" : "&page=" + part["next"].get<std::string>();
    ASSERT_LT(++pages, 10);
  } while (!page.empty());
  EXPECT_THAT(values, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  EXPECT_EQ(pages, 4);
  const Json last = get_json(daemon, kEquipment + "metrics/?period=1h&last=2");
  EXPECT_EQ(last["count"], 2);
  EXPECT_EQ(last["metrics"][1]["value"], 10);
  const std::map<std::string, double> whole = {{"mean", 5.5}, {"min", 1},    {"max", 10},
                                               {"sum", 55},   {"count", 10}, {"last", 10}};
  for (const auto& [aggregation, expected] : whole) {
    const Json answer = get_json(daemon, kEquipment + "metrics/" + span + "&aggregation=" + aggregation);
    ASSERT_EQ(answer["count"], 1) << aggregation;
    EXPECT_DOUBLE_EQ(answer["metrics"][0]["value"], expected) << aggregation;
  }
  const Json windows = get_json(daemon, kEquipment + "metrics/" + span + "&aggregation=sum&window=1m");
  EXPECT_EQ(windows["count"], 10);
  EXPECT_EQ(get_json(daemon, kEquipment + "metrics/" + span + "&metric_name=other")["count"], 0);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Answers, StatsDashboardsReportsAndSummary) {
  Daemon daemon(equipment_site());
  daemon.start();
  const WallTime end = std::chrono::floor<std::chrono::minutes>(wall_now());
  post_ten(daemon, end);
  for (const char* body : {R"({"is_available": true})", R"({"is_available": false, "reason": "unplugged"})",
                           R"({"is_available": true})"}) {
    ASSERT_EQ(daemon.exchange("POST", kEquipment + "availability/", body).status, 200);
  }
  ASSERT_EQ(
      daemon.exchange("POST", kEquipment + "performance/", R"({"cpu_usage": 20, "memory_usage": 30})").status,
      200);
  for (const std::string slash : {"/", ""}) {
    const Json stats = get_json(daemon, "/api/equipment/1/stats" + slash +
                                            "?metric_name=temperature&start_time=" + time_text(end - 10min) +
                                            "&end_time=" + time_text(end))["metrics"][0];
    EXPECT_EQ(stats["count"], 10);
    EXPECT_EQ(stats["min"], 1);
    EXPECT_EQ(stats["max"], 10);
    EXPECT_DOUBLE_EQ(stats["mean"], 5.5);
    EXPECT_EQ(stats["first"], 1);
    EXPECT_EQ(stats["last"], 10);
    EXPECT_NEAR(stats["trend_per_hour"], 60, 1e-6);
    EXPECT_NEAR(stats["standard_deviation"], 2.872, 0.2);

    const Json history = get_json(daemon, "/api/equipment/1/history" + slash);
    EXPECT_EQ(history["count"], 3);
    const Json depth = get_json(daemon, "/api/equipment/1/dashboard" + slash + "?period=1h");
    EXPECT_EQ(depth["equipment"]["status"], "online");
    EXPECT_EQ(depth["availability"]["outages"], 1);
    EXPECT_FALSE(depth["curves"].empty());

    const Json all = get_json(daemon, "/api/influxdb/dashboard" + slash + "?hours=24");
    EXPECT_EQ(all["summary"]["total_equipment"], 1);
    EXPECT_EQ(all["summary"]["operational"], 1);
    EXPECT_EQ(all["equipment_metrics"][0]["performance"]["cpu_avg"], 20);
    EXPECT_EQ(all["equipment_metrics"][0]["name"], "Serveur");

    const Json report = get_json(daemon, "/api/influxdb/availability-report" + slash);
    EXPECT_EQ(report["equipment"][0]["outages"], 1);
    EXPECT_EQ(report["equipment"][0]["downtime"][0]["reason"], "api: unplugged");
    const Reply csv = daemon.exchange(
        "GET", "/api/influxdb/availability-report" + slash +
                   "?format=csv&equipment_id=1&start_date=" + time_text(end - 24h).substr(0, 10));
    EXPECT_EQ(csv.status, 200);
    EXPECT_THAT(csv.body, AllOf(StartsWith("equipment_id,name,start,end,availability_percent,"),
                                HasSubstr("\r\n1,Serveur,")));

    const Json site = get_json(daemon, "/api/sites/12/equipment-summary" + slash + "?period=1h");
    EXPECT_EQ(site["summary"]["operational"], 1);
    EXPECT_EQ(site["equipment"][0]["performance"]["memory_avg"], 30);
    EXPECT_EQ(get_json(daemon, "/api/equipment" + slash)["count"], 1);
  }
  EXPECT_THAT(vigilectl(daemon, {"stats"}).output, HasSubstr("temperature"));
  EXPECT_THAT(vigilectl(daemon, {"dashboard"}).output, HasSubstr("1 operational"));
  EXPECT_THAT(vigilectl(daemon, {"report", "--csv"}).output, HasSubstr("1,Serveur,"));
  EXPECT_THAT(vigilectl(daemon, {"metrics", "--last", "1", "--metric", "temperature"}).output,
              HasSubstr("temperature     10"));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Answers, NoDataIsNullAndUnknownIs404) {
  Daemon daemon(equipment_site());
  daemon.start();
  const Json report = get_json(daemon, kEquipment + "availability-report/?period=24h");
  EXPECT_EQ(report["availability_percent"], nullptr);
  EXPECT_EQ(report["unknown_s"], 86400);
  EXPECT_EQ(get_json(daemon, kEquipment + "stats/")["metrics"], Json::array());
  EXPECT_EQ(get_json(daemon, "/api/influxdb/dashboard/")["summary"]["average_availability"], nullptr);
  for (const auto& [path, status, says] : std::vector<std::tuple<std::string, long, std::string>>{
           {"/api/equipment/2/stats/", 404, "no equipment"},
           {"/api/equipment/%ff/stats/", 404, "no equipment"},
           {"/api/sites/13/equipment-summary/", 404, "this is site 12"},
           {kEquipment + "metrics/?start_time=2026-02-30", 400, "start_time: "},
           {kEquipment + "metrics/?period=-1h", 400, "period: "},
           {kEquipment + "metrics/?period=1h&period=2h", 400, "period: is given twice"},
           {kEquipment + "metrics/?aggregation=median", 400, "aggregation: "},
           {kEquipment + "metrics/?limit=1e9", 400, "limit: "},
           {kEquipment + "metrics/?page=zz", 400, "page: "},
           {kEquipment + "stats/?colour=red", 400, "colour"},
           {kEquipment + "availability-report/?warning_is_up=maybe", 400, "warning_is_up: "},
           {kEquipment + "history/?start_time=2026-03-01&end_time=2026-02-01", 400, "start_time: "},
           {"/api/influxdb/dashboard/?hours=0", 400, "hours: "},
           {"/api/influxdb/availability-report/?format=xml", 400, "format: "},
           {kEquipment + "stats/?from=influx", 400, "from: "},
       }) {
    const Reply reply = daemon.exchange("GET", path);
    EXPECT_EQ(reply.status, status) << path;
    EXPECT_THAT(reply.body, AllOf(StartsWith("{\"error\":\""), HasSubstr(says))) << path;
  }
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Simulate, BackfillsAndPlaysFast) {
  Daemon daemon(equipment_site());
  daemon.start();
  Finished ran = vigilectl(daemon, {"simulate", "--equipment-id", "1", "--backfill", "1d", "--interval",
                                    "600", "--duration", "0", "--json"});
  ASSERT_EQ(ran.status, 0) << ran.output;
  const double backfilled = parsed(ran.output)["readings"];
  EXPECT_GT(backfilled, 144 * 3);
  const auto count = [&](const std::string& query) {
    const Json answer = get_json(daemon, kEquipment + "metrics/?aggregation=count&period=25h" + query);
    double sum = 0;
    for (const Json& row : answer["metrics"]) {
      EXPECT_EQ(row["tags"]["simulated"], "true") << row;
      sum += row["value"].get<double>();
    }
    return sum;
  };
  EXPECT_EQ(count(""), backfilled);
  EXPECT_EQ(count("&metric_name=availability"), 144);
  const auto began = std::chrono::steady_clock::now();
  ran = vigilectl(daemon, {"simulate", "--duration", "120", "--interval", "10", "--speed", "120x", "--json"});
  ASSERT_EQ(ran.status, 0) << ran.output;
  EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);  // of 120
  EXPECT_EQ(count("&metric_name=cpu_usage"), count("&metric_name=memory_usage"));
  EXPECT_EQ(equipment_status(daemon), "online") << "through the same path as real ones";
  EXPECT_EQ(vigilectl(daemon, {"simulate", "--equipment-id", "9"}).status, 1);
  EXPECT_EQ(vigilectl(daemon, {"simulate", "--backfill", "x"}).status, 2);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Cleanup, TakesWhatIsOldButNothingThatASinkHasNotHad) {
  const std::string sink =
      "sinks:\n  - influx: {name: dead, url: \"http://127.0.0.1:1\", token: t, org: o, bucket: b}\n";
  Daemon daemon(equipment_site("", sink));
  daemon.start();
  ASSERT_EQ(
      vigilectl(daemon, {"simulate", "--backfill", "4d", "--interval", "3600", "--duration", "0"}).status, 0);
  const auto cleanup = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"cleanup", "--local", "--older-than", "1h", "--json"});
    const Finished ran = vigilectl(daemon, more);
    EXPECT_EQ(ran.status, 0) << ran.output;
    return parsed(ran.output)["log"];
  };
  const double held = daemon.number("/log/points");
  Json would = cleanup({"--dry-run"});
  EXPECT_EQ(would["points"], 0);
  EXPECT_GT(would["undelivered_points"], 200);
  EXPECT_EQ(cleanup({"--yes"})["points"], 0);
  EXPECT_EQ(daemon.number("/log/points"), held) << "undelivered data stays";
  EXPECT_EQ(vigilectl(daemon, {"cleanup", "--local", "--older-than", "1h"}).status, 2) << "nobody to ask";
  would = cleanup({"--dry-run", "--undelivered"});
  EXPECT_GT(would["points"], 200);
  EXPECT_EQ(daemon.number("/log/points"), held) << "a dry run takes nothing";
  EXPECT_EQ(cleanup({"--yes", "--undelivered"})["points"], would["points"]);
  EXPECT_LT(daemon.number("/log/points"), held - 200);
  const Json left = get_json(
      daemon, kEquipment + "metrics/?aggregation=count&start_time=" + time_text(wall_now() - 24h * 10) +
                  "&end_time=" + time_text(wall_now() - 2h));
  EXPECT_EQ(left["count"], 0);
  EXPECT_EQ(daemon.stop(), 0);
}

// Everything was delivered: whoever is asked gives the same.
TEST(FromServer, TheSameNumbersAsTheLog) {
  InfluxServer influx;
  influx.create_database("metrics");
  const auto well = [](const ScriptedRequest&) {
    return ScriptedAnswer{.status = 200, .body = "ok", .then = ScriptedAnswer::Then::close};
  };
  auto web = std::make_unique<ScriptedHttpServer>(well);
  const std::uint16_t port = web->port();
  Daemon daemon(equipment_site(
      "    drivers:\n      - simulate: {every: 100ms, series: 2}\n      - cpu: {every: 300ms}\n"
      "      - http: {every: 100ms, url: \"http://127.0.0.1:" +
          std::to_string(port) + "/\", decides: availability}\n",
      "sinks:\n  - influx: {name: central, api: v1, url: \"" + influx.url() +
          "\", database: metrics, every: 200ms}\n"));
  daemon.start();
  ASSERT_TRUE(eventually([&] { return equipment_status(daemon) == "online"; })) << daemon.output();
  web.reset();
  ASSERT_TRUE(eventually([&] { return equipment_status(daemon) == "offline"; }));
  web = std::make_unique<ScriptedHttpServer>(well, port);
  ASSERT_TRUE(eventually([&] { return equipment_status(daemon) == "online"; }));
  daemon.kill_hard();
  const WallTime killed = wall_now();
  ASSERT_TRUE(eventually([&] { return wall_now() - killed > 500ms; }));
  daemon.start();
  ASSERT_EQ(daemon
                .exchange("POST", kEquipment + "metrics/",
                          R"([{"metric_name": "oil, \"gauge\"", "value": 2.5, "tags": {"side": "l=r, ü"}},
                                {"metric_name": "oil, \"gauge\"", "value": -7e-9}])")
                .status,
            200);
  ASSERT_EQ(daemon
                .exchange("POST", kEquipment + "metrics/",
                          "equipment_metrics,metric_name=press_force,side=left value=12i " +
                              std::to_string(to_ns(wall_now() - 120h)) + "\n",
                          "text/plain")
                .status,
            200);
  ASSERT_EQ(
      daemon.exchange("POST", kEquipment + "status/", R"({"status": "maintenance", "reason": "oil\nchange"})")
          .status,
      200);
  const double points = daemon.number("/log/points");
  ASSERT_TRUE(eventually([&] { return daemon.number("/log/points") > points + 50; }));
  const WallTime end = wall_now();
  // What was read before `end` is committed and delivered.
  ASSERT_TRUE(eventually([&] { return wall_now() - end > 500ms; }));
  daemon.request("POST", "/api/agent/flush");
  const double committed = daemon.number("/log/points");
  ASSERT_TRUE(eventually([&] {
    return daemon.number("/sinks/0/lag_points") < 40 && daemon.number("/log/points") > committed + 50;
  })) << daemon.get("/api/agent/status");

  const std::string span = "?start_time=" + time_text(end - 1h) + "&end_time=" + time_text(end);
  const std::string dates = "?start=" + time_text(end - 1h) + "&end=" + time_text(end);
  const std::string week = "?start_time=" + time_text(end - 24h * 6) + "&end_time=" + time_text(end);
  for (const std::string& path : {
           kEquipment + "metrics/" + span + "&limit=10000",
           kEquipment + "metrics/" + span + "&aggregation=mean&window=1s",
           kEquipment + "metrics/" + span + "&aggregation=p95&metric_name=cpu_usage",
           kEquipment + "metrics/" + span + "&last=3",
           kEquipment + "metrics/" + week + "&metric_name=press_force",
           kEquipment + "stats/" + span,
           kEquipment + "availability-report/" + dates,
           kEquipment + "availability-report/" + dates + "&warning_is_up=false",
           kEquipment + "history/" + span,
       }) {
    const Json log = get_json(daemon, path);
    expect_same(log, get_json(daemon, path + "&from=influx"), path);
    expect_same(log, get_json(daemon, path + "&from=central"), path);
  }
  const Json report = get_json(daemon, kEquipment + "availability-report/" + dates + "&from=influx");
  EXPECT_EQ(report["outages"], 1);
  EXPECT_GT(report["maintenance_s"], 0);
  const Json history = get_json(daemon, kEquipment + "history/" + span + "&from=influx");
  EXPECT_EQ(history["history"].back()["new_status"], "maintenance");
  double unwatched_s = 0;  // in which period the agent was gone is the machine's affair
  for (const Json& period : history["history"]) unwatched_s += period["unwatched_s"].get<double>();
  EXPECT_GT(unwatched_s, 0.4) << history << "the gap is at the server too";
  EXPECT_GT(get_json(daemon, kEquipment + "metrics/" + span + "&from=influx&limit=10000")["count"], 100);
  EXPECT_EQ(
      get_json(daemon, kEquipment + "metrics/" + week + "&from=influx&metric_name=press_force")["count"], 1);
  EXPECT_EQ(vigilectl(daemon, {"stats", "--from", "influx"}).status, 0);
  for (const std::string& path :
       {kEquipment + "dashboard/?period=1h&", std::string("/api/sites/12/equipment-summary/?period=1h&"),
        std::string("/api/influxdb/dashboard/?"), std::string("/api/influxdb/availability-report/?")}) {
    EXPECT_EQ(daemon.exchange("GET", path + "from=influx").status, 200) << path;
  }
  EXPECT_EQ(daemon.exchange("GET", kEquipment + "stats/?from=nobody").status, 400);
  influx.stop();
  const Reply gone = daemon.exchange("GET", kEquipment + "stats/?from=influx");
  EXPECT_GE(gone.status, 500);
  EXPECT_THAT(gone.body, HasSubstr("refused"));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(FromServer, IsRefusedWhereTheWireDoesNotNameMetrics) {
  Daemon daemon(equipment_site(
      "", "layout: native\nsinks:\n  - influx: {api: v1, url: \"http://127.0.0.1:1\", database: d}\n"));
  daemon.start();
  const Reply reply = daemon.exchange("GET", kEquipment + "stats/?from=influx");
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("layout: equipment"));
  EXPECT_EQ(daemon.stop(), 0);
}

}  // namespace
}  // namespace vigile
