// SPDX-License-Identifier: Apache-2.0
// Recording over the socket, and cleaning up.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "served_agent.h"

namespace vigile {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

class RecordingRoutes : public testing::Test {
 protected:
  Json post(const std::string& target, const std::string& body, int expected = 200,
            const std::string& type = "application/json") {
    const std::string answer =
        ask(served_.socket(), "POST " + target,
            "Content-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n", body);
    EXPECT_EQ(status_of(answer), expected) << body << ": " << answer;
    return Json::parse(body_of(answer), nullptr, false);
  }
  std::string error(const std::string& target, const std::string& body, int expected = 400,
                    const std::string& type = "application/json") {
    return post(target, body, expected, type).value("error", "");
  }
  ServedAgent served_;
  FakeEquipment& equipment_ = served_.agent.fake_equipment;
};

constexpr const char* kMetrics = "/api/equipment/1/metrics/";

TEST_F(RecordingRoutes, OneMetric) {
  EXPECT_EQ(post(kMetrics, R"({"metric_name": "temperature", "value": 25.5, "tags": {"rack": "b"},
                               "additional_fields": {"ok": true, "unit": "C", "n": 2},
                               "time": "2026-10-31T23:00:00Z"})"),
            Json({{"equipment_id", "1"}, {"recorded", 1}}));
  const auto asked = equipment_.asked();
  ASSERT_EQ(asked.metrics.size(), 1U);
  EXPECT_EQ(asked.metrics[0].metric, "temperature");
  EXPECT_EQ(asked.metrics[0].value, 25.5);
  EXPECT_EQ(asked.metrics[0].tags.at("rack"), "b");
  EXPECT_EQ(asked.metrics[0].additional_fields,
            (std::vector<std::pair<std::string, FieldValue>>{{"ok", true}, {"unit", "C"}, {"n", 2.0}}));
  EXPECT_EQ(asked.metrics[0].time_ns, kFakeNow - kFakeHour);
}

TEST_F(RecordingRoutes, SeveralMetrics) {
  EXPECT_EQ(post("/api/equipment/cam%202/metrics", R"([{"metric_type": "a", "value": 1},
                                  {"metric_type": "b", "value": -2e3, "time": 1793491200000000001}])")
                ["recorded"],
            2);
  const auto asked = equipment_.asked();
  EXPECT_EQ(asked.id, "cam 2");
  ASSERT_EQ(asked.metrics.size(), 2U);
  EXPECT_FALSE(asked.metrics[0].time_ns) << "now";
  EXPECT_EQ(asked.metrics[1].value, -2000);
  EXPECT_EQ(asked.metrics[1].time_ns, kFakeNow + 1) << "not one nanosecond is lost";
}

TEST_F(RecordingRoutes, LineProtocol) {
  EXPECT_EQ(post(std::string(kMetrics) + "?precision=s",
                 "press,part=a force=2.5,n=3i 1793491200\n# no\nx y=1\n", 200, "Text/Plain; charset=utf-8"),
            Json({{"equipment_id", "1"}, {"recorded", 2}}));
  const auto asked = equipment_.asked();
  ASSERT_EQ(asked.points.size(), 2U);
  EXPECT_EQ(asked.points[0].measurement, "press");
  EXPECT_EQ(asked.points[0].time_ns, kFakeNow);
  EXPECT_FALSE(asked.points[1].time_ns);
  EXPECT_THAT(error(kMetrics, "a x=1\nb x=\n", 400, "text/plain"), HasSubstr("line 2, column 5: expected"));
  EXPECT_THAT(error(kMetrics, "a x=1\nb,k=1,k=2 x=1\n", 400, "text/plain"),
              HasSubstr("line 2, column 7: expected each tag key once"));
  EXPECT_THAT(error(kMetrics, "a x=1,x=2\n", 400, "text/plain"),
              HasSubstr("line 1, column 7: expected each field key once"));
  EXPECT_THAT(error(kMetrics, "a,k=\xff x=1\n", 400, "text/plain"),
              HasSubstr("line 1, column 5: expected text in UTF-8"));
  EXPECT_THAT(error(kMetrics, "\n", 400, "text/plain"), HasSubstr("expected at least one line"));
  EXPECT_THAT(error(std::string(kMetrics) + "?precision=h", "a x=1", 400, "text/plain"),
              HasSubstr("precision \"h\": expected ns, us, ms or s"));
  EXPECT_EQ(equipment_.asked().calls, 1) << "all or nothing";
}

TEST_F(RecordingRoutes, MetricsThatAreRefused) {
  for (const auto& [body, expected] : std::vector<std::pair<const char*, const char*>>{
           {"", "and it is empty"},
           {"{", "body: expected JSON"},
           {R"({"metric_type": "a", "value": 0x1})", "it is none at byte 32"},
           {"7", "body: expected an object, not a number"},
           {"[]", "body: expected at least one metric"},
           {"[1]", "[0]: expected an object, not a number"},
           {R"({"value": 1})", "metric_name: is missing"},
           {R"({"metric_type": "", "value": 1})", "expected a name"},
           {R"({"metric_type": 3, "value": 1})", "metric_type: expected a string, not a number"},
           {R"({"metric_type": "a", "metric_name": "a", "value": 1})",
            "metric_type: expected metric_name or"},
           {R"({"metric_type": "a"})", "value: is missing"},
           {R"({"metric_type": "a", "value": "1"})", "value: expected a number, not a string"},
           {R"({"metric_type": "a", "value": true})", "value: expected a number, not true or false"},
           {R"({"metric_type": "a", "value": null})", "value: is missing"},
           {R"({"metric_type": "a", "value": 1, "value": 2})", "body: /value stands twice in one object"},
           {R"([{"metric_type": "a", "value": 1, "tags": {"b": "1", "c": "1", "b": "2"}}])",
            "body: /tags/b stands twice in one object"},
           {"{\"metric_type\": \"\xff\", \"value\": 1}", "body: expected JSON"},
           {R"({"metric_type": "a", "value": NaN})", "body: expected JSON"},
           {R"({"metric_type": "a", "value": 1e999})", "body: a number is beyond the range of a double"},
           {R"([{"metric_type": "a", "value": 1}, {"metric_type": "b", "valeu": 1}])",
            "[1].valeu: unknown key; expected metric_name, metric_type, value"},
           {R"({"metric_type": "a", "value": 1, "tags": []})", "tags: expected an object, not an array"},
           {R"({"metric_type": "a", "value": 1, "tags": {"rack": 7}})", "tags.rack: expected a string"},
           {R"({"metric_type": "a", "value": 1, "additional_fields": {"x": []}})",
            "additional_fields.x: expected a number, a string, true or false, not an array"},
           {R"({"metric_type": "a", "value": 1, "time": "soon"})", "time: \"soon\" is not a time like"},
           {R"({"metric_type": "a", "value": 1, "time": 1.5})", "time: expected an ISO 8601 time"},
           {R"({"metric_type": "a", "value": 1, "time": 18446744073709551615})",
            "time: expected nanoseconds"}}) {
    EXPECT_THAT(error(kMetrics, body), HasSubstr(expected)) << body;
  }
  EXPECT_THAT(error("/api/equipment/7/metrics/", R"({"metric_type": "a", "value": 1})", 404),
              HasSubstr("\"7\""));
  EXPECT_EQ(equipment_.asked().calls, 0);
}

TEST_F(RecordingRoutes, WhatCannotBeCommittedIsSaid) {
  equipment_.failure = Error{ErrorKind::full, "/data/vigile.db: no space left on device"};
  const std::string reason = "not recorded: /data/vigile.db: no space left on device";
  EXPECT_EQ(error(kMetrics, R"({"metric_type": "a", "value": 1})", 503), reason);
  EXPECT_EQ(error(kMetrics, "a x=1", 503, "text/plain"), reason);
  EXPECT_EQ(error("/api/equipment/1/availability/", R"({"is_available": true})", 503), reason);
  EXPECT_EQ(error("/api/equipment/1/performance/", R"({"cpu_usage": 1})", 503), reason);
  EXPECT_EQ(error("/api/equipment/1/status/", R"({"status": "warning"})", 503), reason);
  equipment_.failure = Error{ErrorKind::config, "time: more than a day ahead"};
  EXPECT_EQ(error(kMetrics, R"({"metric_type": "a", "value": 1})", 400), "time: more than a day ahead");
}

TEST_F(RecordingRoutes, BodiesAreBounded) {
  const std::string line = "press force=2.5 1793491200000000000\n";
  std::string body;
  while (body.size() + line.size() <= 256 << 10) body += line;
  EXPECT_EQ(post(kMetrics, body, 200, "text/plain")["recorded"], body.size() / line.size());
  EXPECT_THAT(error(kMetrics, body + line, 413, "text/plain"), HasSubstr("262144 bytes"));
}

TEST_F(RecordingRoutes, DeepBodiesAreRefusedQuietly) {
  EXPECT_THAT(error(kMetrics, std::string(200'000, '[')), HasSubstr("expected JSON"));
  EXPECT_THAT(error(kMetrics, std::string(100'000, '[') + std::string(100'000, ']')),
              HasSubstr("[0]: expected"));
}

TEST_F(RecordingRoutes, Availability) {
  EXPECT_EQ(post("/api/equipment/1/availability/", R"({"is_available": false, "response_time": 45.2,
                                                       "reason": "no answer"})"),
            Json::parse(R"({"equipment_id": "1", "is_available": false, "response_time": 45.2,
                            "reason": "no answer"})"));
  EXPECT_EQ(equipment_.asked().response_time, 45.2);
  EXPECT_EQ(equipment_.asked().reason, "no answer");
  EXPECT_FALSE(equipment_.asked().is_available);
  EXPECT_EQ(post("/api/equipment/1/availability", R"({"is_available": true})")["response_time"], nullptr);
  EXPECT_TRUE(equipment_.asked().is_available);
  EXPECT_THAT(error("/api/equipment/1/availability/", "{}"), HasSubstr("is_available: is missing"));
  EXPECT_THAT(error("/api/equipment/1/availability/", R"({"is_available": 1})"),
              HasSubstr("is_available: expected true or false, not a number"));
  EXPECT_THAT(error("/api/equipment/1/availability/", R"({"is_available": true, "response_time": -1})"),
              HasSubstr("response_time: expected milliseconds"));
}

TEST_F(RecordingRoutes, Performance) {
  EXPECT_EQ(
      post("/api/equipment/1/performance/", R"({"cpu_usage": 12.5, "response_time": 3})"),
      Json::parse(R"({"equipment_id": "1", "cpu_usage": 12.5, "memory_usage": null, "response_time": 3.0})"));
  EXPECT_EQ(equipment_.asked().cpu, 12.5);
  EXPECT_FALSE(equipment_.asked().memory);
  EXPECT_THAT(error("/api/equipment/1/performance/", "{}"), HasSubstr("expected cpu_usage, memory_usage or"));
  EXPECT_THAT(error("/api/equipment/1/performance/", R"({"cpu": 1})"), HasSubstr("cpu: unknown key"));
}

TEST_F(RecordingRoutes, StatusByHand) {
  const Json answer = post("/api/equipment/1/status/", R"({"status": "maintenance", "reason": "new fan",
                                                           "until": "2026-11-01T02:00:00+01:00"})");
  EXPECT_EQ(equipment_.asked().status, Status::maintenance);
  EXPECT_EQ(equipment_.asked().until_ns, kFakeNow + kFakeHour);
  EXPECT_EQ(answer["equipment"]["status"], "maintenance");
  EXPECT_EQ(answer["equipment"]["until"], "2026-11-01T01:00:00.000Z");
  post("/api/equipment/1/status/", R"({"status": "operational"})");
  EXPECT_EQ(equipment_.asked().status, Status::online) << "another word for it";
  EXPECT_THAT(error("/api/equipment/1/status/", R"({"status": "broken"})"),
              HasSubstr("status: expected online"));
  EXPECT_THAT(error("/api/equipment/1/status/", R"({"status": "online", "until": "2027-01-01"})"),
              HasSubstr("until: expected only with the status maintenance"));
  EXPECT_THAT(error("/api/equipment/1/status/", R"({"status": "maintenance", "until": "2026-10-31"})"),
              HasSubstr("until: expected a time to come"));
}

TEST_F(RecordingRoutes, Cleanup) {
  equipment_.removal = {12, 3400, 56000, 7, 48, 3};
  EXPECT_EQ(post("/api/agent/cleanup", R"({"older_than": "90d", "dry_run": true})"), Json::parse(R"({
    "dry_run": true, "before": "2026-08-03T00:00:00.000Z", "segments": 12, "points": 3400, "bytes": 56000,
    "undelivered_points": 7, "summary_hours": 48, "status_changes": 3})"));
  EXPECT_EQ(equipment_.asked().before_ns, kFakeNow - 90 * 24 * kFakeHour);
  EXPECT_TRUE(equipment_.asked().dry_run);
  EXPECT_FALSE(equipment_.asked().undelivered);
  post("/api/agent/cleanup",
       R"({"before": "2026-01-01", "equipment_id": "gone", "undelivered": true, "dry_run": false})");
  EXPECT_EQ(equipment_.asked().id, "gone") << "it need not be in the settings any more";
  EXPECT_TRUE(equipment_.asked().undelivered);
  EXPECT_FALSE(equipment_.asked().dry_run);
  EXPECT_THAT(error("/api/agent/cleanup", R"({"older_than": "90d"})"), HasSubstr("dry_run: is missing"))
      << "nobody deletes by leaving something out";
  EXPECT_THAT(error("/api/agent/cleanup", R"({"dry_run": true})"),
              HasSubstr("older_than: expected a duration"));
  EXPECT_THAT(error("/api/agent/cleanup", R"({"older_than": "old", "dry_run": true})"),
              HasSubstr("older_than: \"old\" is not a duration"));
}

}  // namespace
}  // namespace vigile
