// SPDX-License-Identifier: Apache-2.0
// Questions on equipment, over the socket: the parameters as the service gets them, the answers as JSON.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "served_agent.h"

namespace vigile {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class EquipmentRoutes : public testing::Test {
 protected:
  Json get(const std::string& target, int expected = 200) {
    const std::string answer = ask(served_.socket(), "GET " + target);
    EXPECT_EQ(status_of(answer), expected) << target << ": " << answer;
    return Json::parse(body_of(answer), nullptr, false);
  }
  std::string error(const std::string& target, int expected = 400) {
    return get(target, expected).value("error", "");
  }
  FakeEquipment::Asked asked_by(const std::string& target) {
    get(target);
    return equipment_.asked();
  }
  ServedAgent served_;
  FakeEquipment& equipment_ = served_.agent.fake_equipment;
};

TEST_F(EquipmentRoutes, ListsEquipment) {
  const Json answer = get("/api/equipment/");
  EXPECT_EQ(answer["count"], 2);
  EXPECT_EQ(answer["equipment"][0], Json::parse(R"({
    "id": "1", "name": "Serveur principal", "type": "server", "ip_address": "192.0.2.10", "status": "online",
    "reason": "", "since": "2026-10-31T19:00:00.000Z", "until": null,
    "last_metric": {"metric_type": "cpu_usage", "value": 12.5, "time": "2026-10-31T23:59:50.000Z"}})"));
  EXPECT_EQ(answer["equipment"][1]["last_metric"], nullptr);
  EXPECT_EQ(answer["equipment"][1]["ip_address"], nullptr);
  EXPECT_EQ(get("/api/equipment"), answer) << "with and without the slash";
}

TEST_F(EquipmentRoutes, Metrics) {
  equipment_.page.rows = {{kFakeNow - 1'000000, "cpu_usage", 12.5, {}},
                          {kFakeNow, "cpu_usage", std::numeric_limits<double>::quiet_NaN(), {{"core", "0"}}},
                          {kFakeNow, "disk", 3, {}}};
  EXPECT_EQ(get("/api/equipment/1/metrics/?limit=2"), Json::parse(R"({
    "equipment_id": "1", "count": 2, "next": "2", "metrics": [
      {"time": "2026-10-31T23:59:59.999Z", "metric_type": "cpu_usage", "value": 12.5, "tags": {}},
      {"time": "2026-11-01T00:00:00.000Z", "metric_type": "cpu_usage", "value": null, "tags": {"core": "0"}}]})"));
  const Json rest = get("/api/equipment/1/metrics?limit=2&page=2");
  EXPECT_EQ(rest["count"], 1);
  EXPECT_EQ(rest["next"], nullptr);
}

TEST_F(EquipmentRoutes, MetricsPassesWhatIsAsked) {
  auto asked = asked_by("/api/equipment/cam%202/metrics/");
  EXPECT_EQ(asked.query.equipment_id, "cam 2");
  EXPECT_EQ(asked.query.span, (TimeSpan{kFakeNow - 24 * kFakeHour, kFakeNow}))
      << "a day, when nothing is said";
  EXPECT_EQ(asked.query.aggregation, Aggregation::none);
  EXPECT_EQ(asked.query.limit, 1000U);
  EXPECT_FALSE(asked.query.last);
  EXPECT_THAT(asked.query.metrics, testing::IsEmpty());
  EXPECT_EQ(asked.sink, "");
  asked = asked_by(
      "/api/equipment/1/metrics/?metric_name=cpu_usage,disk,cpu_usage&period=7d&aggregation=p95"
      "&window=1h30m&from=influx");
  EXPECT_THAT(asked.query.metrics, ElementsAre("cpu_usage", "disk"));
  EXPECT_EQ(asked.query.span.from_ns, kFakeNow - 7 * 24 * kFakeHour);
  EXPECT_EQ(asked.query.aggregation, Aggregation::p95);
  EXPECT_EQ(asked.query.window, std::chrono::minutes(90));
  EXPECT_EQ(asked.sink, "influx");
  asked = asked_by("/api/equipment/1/metrics/?metric_type=disk&last=5&from=log");
  EXPECT_THAT(asked.query.metrics, ElementsAre("disk"));
  EXPECT_EQ(asked.query.last, 5U);
  EXPECT_EQ(asked.sink, "");
}

TEST_F(EquipmentRoutes, SpansOfTime) {
  const std::string path = "/api/equipment/1/metrics/";
  EXPECT_EQ(asked_by(path + "?start_time=2026-10-31T00:00:00Z&end_time=2026-10-31T02:00:00%2B01:00").span,
            (TimeSpan{kFakeNow - 24 * kFakeHour, kFakeNow - 23 * kFakeHour}));
  EXPECT_EQ(asked_by(path + "?start_time=2026-10-31T00:00:00+01:00").span,
            (TimeSpan{kFakeNow - 25 * kFakeHour, kFakeNow}))
      << "a + that became a space";
  EXPECT_EQ(asked_by(path + "?end_time=2026-10-30").span,
            (TimeSpan{kFakeNow - 48 * kFakeHour, kFakeNow - 24 * kFakeHour}))
      << "the whole day, and the day before its end";
  EXPECT_EQ(asked_by(path + "?start_time=2026-10-30&end_time=2026-10-30").span,
            (TimeSpan{kFakeNow - 48 * kFakeHour, kFakeNow - 24 * kFakeHour}));
  EXPECT_EQ(asked_by("/api/equipment/1/availability-report/?start=2026-10-01&end=2026-10-02").span.to_ns,
            kFakeNow - 29 * 24 * kFakeHour);
}

TEST_F(EquipmentRoutes, SaysWhatIsWrong) {
  const std::string path = "/api/equipment/1/metrics/";
  EXPECT_EQ(error("/api/equipment/7/metrics/", 404), "no equipment \"7\"; there are: 1, cam 2");
  EXPECT_EQ(error("/api/equipment/7/stats/", 404), "no equipment \"7\"; there are: 1, cam 2");
  EXPECT_THAT(error(path + "?start=2026-01-01"),
              HasSubstr("unknown query parameter \"start\"; expected start_time"));
  EXPECT_THAT(error(path + "?start_time=yesterday"),
              HasSubstr("start_time: \"yesterday\" is not a time like"));
  EXPECT_THAT(error(path + "?end_time=2026-02-30"), HasSubstr("end_time: "));
  EXPECT_THAT(error(path + "?start_time=2026-10-31&end_time=2026-10-30"),
              HasSubstr("start_time: expected a time before end_time"));
  EXPECT_THAT(error(path + "?start_time=2027-01-01"), HasSubstr("start_time: expected a time before now"));
  EXPECT_THAT(error(path + "?period=day"), HasSubstr("period: \"day\" is not a duration"));
  EXPECT_THAT(error(path + "?period=0"), HasSubstr("period: expected more than 0"));
  EXPECT_THAT(error(path + "?period=1h&start_time=2026-10-31"), HasSubstr("period: expected alone"));
  EXPECT_THAT(error(path + "?aggregation=median"), HasSubstr("aggregation: expected none, mean"));
  EXPECT_THAT(error(path + "?window=1h"), HasSubstr("window: expected together with an aggregation"));
  EXPECT_THAT(error(path + "?aggregation=mean&window=x"), HasSubstr("window: "));
  EXPECT_THAT(error(path + "?limit=0"), HasSubstr("limit: expected a whole number from 1 to 10000"));
  EXPECT_THAT(error(path + "?limit=10001"), HasSubstr("limit: "));
  EXPECT_THAT(error(path + "?last=0"), HasSubstr("last: "));
  EXPECT_THAT(error(path + "?last=1&aggregation=mean"), HasSubstr("last: "));
  EXPECT_THAT(error(path + "?metric_type=a&metric_name=b"),
              HasSubstr("metric_type: expected metric_name or"));
  EXPECT_THAT(error("/api/equipment/1/availability-report/?warning_is_up=maybe"),
              HasSubstr("warning_is_up: expected true or false"));
  EXPECT_EQ(equipment_.asked().calls, 0);
}

TEST_F(EquipmentRoutes, ErrorsOfTheServiceKeepTheirKind) {
  equipment_.failure = Error{ErrorKind::config, "from: no influx sink \"x\"; there is: central"};
  EXPECT_EQ(error("/api/equipment/1/stats/?from=x"), "from: no influx sink \"x\"; there is: central");
  equipment_.failure = Error{ErrorKind::unavailable, "http://influx:8086: connection refused"};
  EXPECT_EQ(error("/api/equipment/1/stats/?from=central", 503), "http://influx:8086: connection refused");
  EXPECT_EQ(error("/api/influxdb/dashboard/", 503), "http://influx:8086: connection refused");
}

TEST_F(EquipmentRoutes, Stats) {
  equipment_.stats = example_stats();
  equipment_.stats.coverage.from_summaries = true;
  equipment_.stats.metrics[2].tags = "mount=/a\\,b,name=x\\ y";
  const Json answer = get("/api/equipment/1/stats/?period=30d&metric_type=cpu_usage,memory_usage");
  EXPECT_THAT(equipment_.asked().names, ElementsAre("cpu_usage", "memory_usage"));
  EXPECT_EQ(answer["equipment_id"], "1");
  EXPECT_EQ(answer["start"], "2026-10-02T00:00:00.000Z");
  EXPECT_EQ(answer["end"], "2026-11-01T00:00:00.000Z");
  EXPECT_EQ(answer["from_summaries"], true);
  EXPECT_EQ(answer["percentiles"], Json::parse(R"({"exact": false, "relative_error": 0.01})"));
  EXPECT_EQ(answer["metrics"][1], Json::parse(R"({
    "metric_type": "cpu_usage", "tags": {"core": "0"}, "count": 8640, "min": 1.5, "max": 97.25, "mean": 50.0,
    "standard_deviation": 4.5, "p50": 22.0, "p95": 61.0, "p99": 88.0, "first": 20.0, "last": 12.5,
    "trend_per_hour": -0.0125})"));
  EXPECT_EQ(answer["metrics"][2]["mean"], nullptr) << "never NaN";
  EXPECT_EQ(answer["metrics"][2]["tags"], Json({{"mount", "/a,b"}, {"name", "x y"}}));
  equipment_.stats.coverage.from_summaries = false;
  EXPECT_EQ(get("/api/equipment/1/stats/")["percentiles"],
            Json::parse(R"({"exact": true, "relative_error": 0.0})"));
}

TEST_F(EquipmentRoutes, PercentilesOfMetricsSayHowTheyWereMade) {
  equipment_.page.percentiles_from_sketches = true;
  EXPECT_EQ(get("/api/equipment/1/metrics/?aggregation=p99")["percentiles"]["exact"], false);
  EXPECT_FALSE(get("/api/equipment/1/metrics/?aggregation=mean").contains("percentiles"));
}

TEST_F(EquipmentRoutes, History) {
  equipment_.history = example_history();
  EXPECT_EQ(get("/api/equipment/1/history/?period=12h"), Json::parse(R"({
    "equipment_id": "1", "start": "2026-10-31T12:00:00.000Z", "end": "2026-11-01T00:00:00.000Z", "count": 2,
    "history": [
      {"old_status": "unknown", "new_status": "online", "from": "2026-10-31T19:00:00.000Z", "decided": "2026-10-31T19:00:00.000Z",
       "to": "2026-10-31T21:00:00.000Z", "duration_s": 7200.0, "unwatched_s": 3600.0, "reason": ""},
      {"old_status": "online", "new_status": "offline", "from": "2026-10-31T21:00:00.000Z", "decided": "2026-10-31T22:00:00.000Z", "to": null,
       "duration_s": 10800.0, "unwatched_s": 0.0, "reason": "connection refused"}]})"));
}

TEST_F(EquipmentRoutes, AvailabilityReport) {
  equipment_.report = example_report();
  const Json answer = get("/api/equipment/1/availability-report/?period=24h&warning_is_up=false");
  EXPECT_FALSE(equipment_.asked().options.warning_is_up);
  EXPECT_EQ(answer, Json::parse(R"({
    "equipment_id": "1", "name": "Serveur principal", "start": "2026-10-31T00:00:00.000Z",
    "end": "2026-11-01T00:00:00.000Z", "availability_percent": 99.0, "up_s": 79200.0, "down_s": 900.0,
    "warning_s": 3600.0, "maintenance_s": 1800.0, "unknown_s": 3600.0, "warning_is_up": false, "outages": 2,
    "mtbf_s": 39600.0, "mttr_s": 450.0, "longest_outage_s": 600.0, "downtime": [
      {"from": "2026-10-31T21:00:00.000Z", "to": "2026-10-31T21:10:00.000Z", "duration_s": 600.0,
       "reason": "connection refused"},
      {"from": "2026-10-31T23:55:00.000Z", "to": null, "duration_s": 300.0, "reason": "no answer"}]})"));
  const Json nothing = get("/api/equipment/cam%202/availability-report/");
  EXPECT_EQ(nothing["availability_percent"], nullptr) << "no data is not 100 %";
  EXPECT_EQ(nothing["mtbf_s"], nullptr);
  EXPECT_EQ(nothing["unknown_s"], 86400.0);
}

TEST_F(EquipmentRoutes, Dashboard) {
  equipment_.report = example_report();
  equipment_.stats = example_stats();
  equipment_.history = example_history();
  equipment_.page.rows = {{kFakeNow - 24 * kFakeHour, "cpu_usage", 10, {}},
                          {kFakeNow - kFakeHour / 2, "cpu_usage", 20, {}},
                          {kFakeNow - kFakeHour / 2, "cpu_usage", 30, {{"core", "0"}}}};
  const Json answer = get("/api/equipment/1/dashboard/?period=24h");
  EXPECT_EQ(equipment_.asked().query.aggregation, Aggregation::mean);
  EXPECT_EQ(equipment_.asked().query.window, std::chrono::minutes(30));
  EXPECT_EQ(answer["equipment"]["status"], "online");
  EXPECT_EQ(answer["availability"]["availability_percent"], 99.0);
  EXPECT_EQ(answer["performance"]["metrics"].size(), 3U);
  EXPECT_EQ(answer["history"].size(), 2U);
  EXPECT_EQ(answer["window_s"], 1800.0);
  EXPECT_EQ(answer["curves_complete"], true);
  ASSERT_EQ(answer["curves"].size(), 2U);
  ASSERT_EQ(answer["curves"][0]["means"].size(), 48U);
  EXPECT_EQ(answer["curves"][0]["means"][0], 10.0);
  EXPECT_EQ(answer["curves"][0]["means"][1], nullptr);
  EXPECT_EQ(answer["curves"][0]["means"][47], 20.0);
  EXPECT_EQ(answer["curves"][1]["tags"], Json({{"core", "0"}}));
  EXPECT_THAT(error("/api/equipment/1/dashboard/?period=-1h"), HasSubstr("period: "));
}

TEST_F(EquipmentRoutes, SiteSummary) {
  equipment_.report = example_report();
  equipment_.stats = example_stats();
  const Json answer = get("/api/sites/12/equipment-summary/?period=7d&from=influx");
  EXPECT_EQ(equipment_.asked().sink, "influx");
  EXPECT_EQ(equipment_.asked().span.from_ns, kFakeNow - 7 * 24 * kFakeHour);
  EXPECT_EQ(answer["site_id"], "12");
  EXPECT_EQ(answer["summary"], Json::parse(R"({
    "total_equipment": 2, "operational": 1, "warning": 0, "maintenance": 0, "offline": 0, "unknown": 1,
    "average_availability": 99.0})"))
      << "the mean of those that have one";
  EXPECT_EQ(answer["equipment"][0]["performance"]["cpu_avg"], 23.456) << "its own series, not that of a core";
  EXPECT_EQ(answer["equipment"][1]["availability_percent"], nullptr);
  EXPECT_EQ(error("/api/sites/13/equipment-summary/", 404), "no site \"13\" here; this is site 12");
}

TEST_F(EquipmentRoutes, FleetDashboard) {
  equipment_.report = example_report();
  equipment_.stats = example_stats();
  const Json answer = get("/api/influxdb/dashboard/?hours=48");
  EXPECT_EQ(equipment_.asked().span.from_ns, kFakeNow - 48 * kFakeHour);
  EXPECT_EQ(answer, Json::parse(R"({
    "summary": {"total_equipment": 2, "operational": 1, "warning": 0, "maintenance": 0, "offline": 0,
                "unknown": 1, "average_availability": 99.0},
    "equipment_metrics": [
      {"equipment_id": "1", "name": "Serveur principal", "current_status": "online", "availability_24h": 99.0,
       "last_metric": {"metric_type": "cpu_usage", "value": 12.5, "time": "2026-10-31T23:59:50.000Z"},
       "performance": {"cpu_avg": 23.456, "memory_avg": null, "response_time_avg": null}},
      {"equipment_id": "cam 2", "name": "Caméra, nord", "current_status": "unknown", "availability_24h": null,
       "last_metric": null,
       "performance": {"cpu_avg": null, "memory_avg": null, "response_time_avg": null}}]})"));
  EXPECT_THAT(error("/api/influxdb/dashboard/?hours=0"), HasSubstr("hours: expected a whole number from 1"));
  equipment_.states.clear();
  EXPECT_EQ(get("/api/influxdb/dashboard/")["summary"]["average_availability"], nullptr);
}

TEST_F(EquipmentRoutes, ReportOfAll) {
  equipment_.report = example_report();
  const Json answer = get("/api/influxdb/availability-report/?start_date=2026-10-01&end_date=2026-10-31");
  EXPECT_EQ(equipment_.asked().span, (TimeSpan{kFakeNow - 31 * 24 * kFakeHour, kFakeNow}));
  EXPECT_EQ(answer["average_availability"], 99.0);
  ASSERT_EQ(answer["equipment"].size(), 2U);
  EXPECT_EQ(answer["equipment"][0]["downtime"].size(), 2U);
  EXPECT_EQ(get("/api/influxdb/availability-report/?equipment_id=cam+2")["equipment"].size(), 1U);
  EXPECT_EQ(equipment_.asked().span.from_ns, kFakeNow - 30 * 24 * kFakeHour);
  error("/api/influxdb/availability-report/?equipment_id=7", 404);
  EXPECT_THAT(error("/api/influxdb/availability-report/?start_date=10/01/2026"), HasSubstr("start_date: "));
  EXPECT_EQ(error("/api/influxdb/availability-report/?format=xml"), "format: expected json or csv");
}

TEST_F(EquipmentRoutes, ReportAsCsv) {
  equipment_.report = example_report();
  const std::string answer = ask(served_.socket(), "GET /api/influxdb/availability-report?format=csv");
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/csv; charset=utf-8\r\n"));
  EXPECT_EQ(body_of(answer),
            "equipment_id,name,start,end,availability_percent,up_s,down_s,warning_s,maintenance_s,unknown_s,"
            "outages,mtbf_s,mttr_s,longest_outage_s\r\n"
            "1,Serveur principal,2026-10-02T00:00:00.000Z,2026-11-01T00:00:00.000Z,99.0,79200.0,900.0,3600.0,"
            "1800.0,3600.0,2,39600.0,450.0,600.0\r\n"
            "cam 2,\"Caméra, nord\",2026-10-02T00:00:00.000Z,2026-11-01T00:00:00.000Z,,0.0,0.0,0.0,0.0,"
            "2592000.0,0,,,0.0\r\n");
}

}  // namespace
}  // namespace vigile
