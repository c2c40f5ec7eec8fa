// SPDX-License-Identifier: Apache-2.0
// Readings from a server: InfluxDB 1 as it is, 2 and 3 as their API references tell. What comes back is held
// against what the same lines give when they are read from the log.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "equipment/line_readings.h"
#include "sinks/influx/influx_readings.h"
#include "sinks/influx_asking.h"
#include "support/influx_server.h"
#include "support/scripted_http_server.h"

namespace vigile::influx_sink {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStart = 1'790'000'000 * kSecond;

std::string at(std::int64_t second) {
  return " " + std::to_string(kStart + second * kSecond) + "\n";
}

// Two equipments, series with tags of their own, and what must not be read: another site, another
// measurement.
std::string metric_lines() {
  const std::string one =
      "equipment_metrics,equipment_id=1,equipment_name=A\\ b,equipment_type=server,ip_address=127.0.0.1,";
  const std::string two = "equipment_metrics,equipment_id=it's\\ 2,equipment_name=B,equipment_type=other,";
  std::string lines;
  for (int i = 0; i < 50; ++i) {
    lines +=
        one + "metric_name=cpu_usage,site_id=12,site_name=Lyon value=" + std::to_string(i) + ".25" + at(i);
    lines +=
        one + "core=0,metric_name=core\\ usage,site_id=12,site_name=Lyon value=" + std::to_string(i) + at(i);
    lines += one +
             "core=1,metric_name=core\\ usage,mount=/a\\ b\\,c\\=d,site_id=12,site_name=Lyon value=1e-7" +
             at(i);
    lines += two +
             "clock=estimated,metric_name=cpu_usage,site_id=12,site_name=Lyon value=" + std::to_string(-i) +
             at(i);
  }
  lines += one +
           "metric_name=availability,site_id=12,site_name=Lyon value=1,response_time_ms=4.5,reason=\"x\"" +
           at(7);
  lines += one + "metric_name=cpu_usage,site_id=13,site_name=Paris value=777" + at(8);
  lines += "cpu,equipment_id=1,site_id=12 value=5" + at(9);
  return lines;
}

using Told = std::multiset<std::string>;

std::string told(const Reading& reading) {
  return std::string(reading.equipment_id) + "|" + std::string(reading.metric) + "|" +
         std::string(reading.tags) + "|" + std::to_string(reading.time_ns) + "|" +
         std::to_string(reading.value);
}

Told from_source(ReadingSource& source, const ReadingFilter& filter) {
  Told all;
  const auto done = source.scan(filter, [&](const Reading& reading) {
    all.insert(told(reading));
    return true;
  });
  EXPECT_TRUE(done) << done.error().message;
  return all;
}

Told from_lines(std::string_view text, const ReadingFilter& filter) {
  Told all;
  LineReadings lines({}, filter.equipment_id, filter.metrics);
  std::string own;  // of the site, in the equipment layout
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = text.find('\n', from) + 1;
    const std::string_view line = text.substr(from, end - from);
    if (line.starts_with("equipment_metrics") && line.find("site_id=12") != std::string_view::npos)
      own += line;
    from = end;
  }
  lines.read(own, filter.span, [&](const Reading& reading) {
    all.insert(told(reading));
    return true;
  });
  return all;
}

Options v1_options(const std::string& url) {
  return options_with_defaults(option_table(),
                               {{"api", std::string("v1")}, {"url", url}, {"database", std::string("d")}});
}

std::unique_ptr<ReadingSource> source_of(const Options& options) {
  auto made = make_influx_readings(options, false, "12", "press-07");
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

class InfluxReadingsTest : public testing::Test {
 protected:
  InfluxReadingsTest() {
    server_.create_database("d");
    source_ = source_of(v1_options(server_.url()));
  }
  void write(const std::string& lines) {
    ASSERT_EQ(http_post(server_.url() + "/write?db=d", lines).status, 204);
  }
  InfluxServer server_;
  std::unique_ptr<ReadingSource> source_;
};

TEST_F(InfluxReadingsTest, ScanGivesWhatTheLogWouldGive) {
  EXPECT_THAT(from_source(*source_, {.span = {kStart, kStart + 60 * kSecond}}), IsEmpty())
      << "no measurement yet";
  write(metric_lines());
  const std::vector<ReadingFilter> filters = {
      {.span = {kStart, kStart + 60 * kSecond}},
      {.span = {0, std::numeric_limits<std::int64_t>::max()}},
      {.span = {std::numeric_limits<std::int64_t>::min(), kStart + 1}},
      {.span = {kStart + 10 * kSecond, kStart + 20 * kSecond}},
      {.span = {kStart + 5, kStart + 5}},
      {.equipment_id = "1", .span = {kStart, kStart + 60 * kSecond}},
      {.equipment_id = "it's 2", .span = {kStart, kStart + 60 * kSecond}},
      {.equipment_id = "1' OR equipment_id = 'it\\'s 2", .span = {kStart, kStart + 60 * kSecond}},
      {.equipment_id = "1", .metrics = {"core usage"}, .span = {kStart, kStart + 60 * kSecond}},
      {.equipment_id = "1",
       .metrics = {"cpu_usage", "availability"},
       .span = {kStart, kStart + 60 * kSecond}},
      {.metrics = {"nothing"}, .span = {kStart, kStart + 60 * kSecond}},
  };
  for (const ReadingFilter& filter : filters) {
    EXPECT_EQ(from_source(*source_, filter), from_lines(metric_lines(), filter)) << &filter - filters.data();
  }
  EXPECT_EQ(from_source(*source_, filters[0]).size(), 201u);
  int seen = 0;
  ASSERT_TRUE(source_->scan(filters[0], [&](const Reading&) { return ++seen < 10; }));
  EXPECT_EQ(seen, 10);
}

TEST_F(InfluxReadingsTest, FoldIsTheSumOfTheScan) {
  write(metric_lines());
  const ReadingFilter filter{
      .equipment_id = "1", .metrics = {"cpu_usage"}, .span = {kStart, kStart + 20 * kSecond}};
  int series = 0;
  const auto coverage = source_->fold(
      filter, true, 0,
      [&](std::string_view id, std::string_view metric, std::string_view tags, std::int64_t start_ns,
          const SeriesSummary& summary) {
        ++series;
        EXPECT_EQ(std::string(id) + "|" + std::string(metric) + "|" + std::string(tags), "1|cpu_usage|");
        EXPECT_EQ(start_ns, kStart);
        EXPECT_EQ(summary.count, 20u);
        EXPECT_DOUBLE_EQ(summary.min, 0.25);
        EXPECT_DOUBLE_EQ(summary.max, 19.25);
        EXPECT_DOUBLE_EQ(*summary.mean(), 9.75);
        EXPECT_DOUBLE_EQ(summary.first, 0.25);
        EXPECT_DOUBLE_EQ(summary.last, 19.25);
        EXPECT_NEAR(*summary.quantile(0.5), 9.25, 0.1);
      });
  ASSERT_TRUE(coverage) << coverage.error().message;
  EXPECT_EQ(series, 1);
  EXPECT_FALSE(coverage->from_summaries);
  EXPECT_EQ(coverage->span, filter.span);
  // By buckets, oldest first.
  std::vector<std::int64_t> starts;
  ASSERT_TRUE(source_->fold(
      {.equipment_id = "1", .metrics = {"cpu_usage"}, .span = {0, kStart + 60 * kSecond}}, true, kHourNs,
      [&](std::string_view, std::string_view, std::string_view, std::int64_t start_ns, const SeriesSummary&) {
        starts.push_back(start_ns);
      }));
  EXPECT_THAT(starts, ElementsAre(floor_to(kStart, kHourNs)));
}

std::string change(const std::string& id, const std::string& from, const std::string& to,
                   const std::string& more, std::int64_t second, const std::string& site = "12") {
  return "equipment_status_changes,equipment_id=" + id + ",new_status=" + to + ",old_status=" + from +
         ",site_id=" + site + " status_value=1,change_event=1i" + more + at(second);
}

TEST_F(InfluxReadingsTest, StatusChangesComeWithTheLastOneBefore) {
  EXPECT_THAT(*source_->status_changes("1", {kStart, kStart + 100 * kSecond}), IsEmpty());
  write(change("1", "new", "online", "", 0) +
        change("1", "online", "offline", ",reason=\"no \\\"answer\\\"\"", 10) +
        change("1", "offline", "online", "", 20) +
        change("1", "online", "maintenance", ",reason=\"r\",until_ns=1790000099000000000i", 30) +
        change("2", "new", "warning", "", 5) + change("1", "online", "offline", "", 25, "13"));
  const auto all = source_->status_changes("1", {kStart, kStart + 100 * kSecond});
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_THAT(*all,
              ElementsAre(StatusChange{"1", kStart, "unknown", "online", "", {}},
                          StatusChange{"1", kStart + 10 * kSecond, "online", "offline", "no \"answer\"", {}},
                          StatusChange{"1", kStart + 20 * kSecond, "offline", "online", "", {}},
                          StatusChange{"1", kStart + 30 * kSecond, "online", "maintenance", "r",
                                       1'790'000'099'000'000'000}));
  const auto later = source_->status_changes("1", {kStart + 20 * kSecond, kStart + 30 * kSecond});
  EXPECT_THAT(*later, ElementsAre((*all)[1], (*all)[2])) << "its start is in the span, its end is not";
  EXPECT_THAT(*source_->status_changes("1", {kStart + 50 * kSecond, kStart + 60 * kSecond}),
              ElementsAre((*all)[3]));
  const auto both = source_->status_changes("", {kStart + 15 * kSecond, kStart + 25 * kSecond});
  EXPECT_THAT(*both, ElementsAre(StatusChange{"2", kStart + 5 * kSecond, "unknown", "warning", "", {}},
                                 (*all)[1], (*all)[2]));
}

TEST_F(InfluxReadingsTest, GapsAreThoseOfThisDeviceThatTouchTheSpan) {
  EXPECT_THAT(*source_->gaps({kStart, kStart + kSecond}), IsEmpty());
  const auto gap = [](std::int64_t from, std::int64_t to, const std::string& device) {
    return "agent_gaps,device=" + device + ",site_id=12 from_ns=" + std::to_string(kStart + from * kSecond) +
           "i,to_ns=" + std::to_string(kStart + to * kSecond) + "i" + at(to);
  };
  write(gap(0, 10, "press-07") + gap(20, 30, "press-07") + gap(40, 50, "press-07") + gap(20, 29, "other"));
  const auto span = [](std::int64_t from, std::int64_t to) {
    return TimeSpan{kStart + from * kSecond, kStart + to * kSecond};
  };
  EXPECT_THAT(*source_->gaps(span(5, 25)), ElementsAre(span(0, 10), span(20, 30)));
  EXPECT_THAT(*source_->gaps(span(10, 20)), IsEmpty()) << "half open";
  EXPECT_THAT(*source_->gaps(span(22, 23)), ElementsAre(span(20, 30)));
}

TEST_F(InfluxReadingsTest, ErrorsNameTheServer) {
  const std::string url = server_.url();
  server_.stop();
  const auto scanned = source_->scan({.span = {0, 1}}, [](const Reading&) { return true; });
  ASSERT_FALSE(scanned);
  EXPECT_EQ(scanned.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(scanned.error().message, AllOf(HasSubstr(url), HasSubstr("refused")));
  const auto native = make_influx_readings(v1_options(url), true, "12", "press-07");
  ASSERT_FALSE(native);
  EXPECT_EQ(native.error().kind, ErrorKind::config);
  EXPECT_THAT(native.error().message, HasSubstr("layout: equipment"));
}

// InfluxDB 2: Flux in, annotated CSV out.
TEST(InfluxReadingsV2, ReadingsAndChanges) {
  const auto csv = [](const std::string& types, const std::string& header, const std::string& rows) {
    return "#datatype,string,long," + types + "\r\n#group\r\n#default,_result\r\n,result,table," + header +
           "\r\n" + rows + "\r\n";
  };
  ScriptedHttpServer server([&](const ScriptedRequest& request) {
    const std::string flux = nlohmann::json::parse(request.body)["query"];
    ScriptedAnswer answer{.status = 200, .headers = {"Content-Type: text/csv"}};
    if (flux.find("equipment_metrics") != std::string::npos) {
      answer.body = csv("dateTime:RFC3339,double,string,string,string,string,string",
                        "_time,_value,_field,core,equipment_id,metric_name,site_id",
                        ",,0,2026-09-21T14:13:20Z,1.5,value,,1,cpu_usage,12\r\n"
                        ",,0,2026-09-21T14:13:20.000000001Z,2.5,value,,1,cpu_usage,12\r\n"
                        ",,1,2026-09-21T14:13:21Z,3,value,\"a,b\",1,core_usage,12\r\n");
    } else if (flux.find("last()") == std::string::npos) {
      answer.body = csv("dateTime:RFC3339,double,string,string,string,string",
                        "_time,_value,_field,equipment_id,new_status,old_status",
                        ",,0,2026-09-21T14:13:30Z,0,status_value,1,offline,online\r\n"
                        ",,0,2026-09-21T14:13:40Z,1,status_value,1,online,offline\r\n") +
                    csv("dateTime:RFC3339,string,string,string,string,string",
                        "_time,_value,_field,equipment_id,new_status,old_status",
                        ",,1,2026-09-21T14:13:30Z,gone,reason,1,offline,online\r\n");
    } else {
      answer.body = csv("dateTime:RFC3339,double,string,string,string,string",
                        "_time,_value,_field,equipment_id,new_status,old_status",
                        ",,0,2026-09-21T14:13:01Z,1,status_value,1,online,offline\r\n"
                        ",,1,2026-09-21T14:13:00Z,0,status_value,1,offline,online\r\n") +
                    csv("dateTime:RFC3339,string,string,string,string,string",
                        "_time,_value,_field,equipment_id,new_status,old_status",
                        ",,2,2026-09-21T14:12:00Z,older,reason,1,online,offline\r\n");
    }
    return answer;
  });
  const auto source = source_of(options_with_defaults(option_table(), {{"api", std::string("v2")},
                                                                       {"url", server.url()},
                                                                       {"org", std::string("o")},
                                                                       {"bucket", std::string("b")}}));
  const std::string id = "1\" or true";
  EXPECT_THAT(
      from_source(*source, {.equipment_id = "1", .span = {kStart, kStart + 60 * kSecond}}),
      ElementsAre("1|core_usage|core=a\\,b|1790000001000000000|3.000000",
                  "1|cpu_usage||1790000000000000000|1.500000", "1|cpu_usage||1790000000000000001|2.500000"));
  (void)from_source(*source, {.equipment_id = id, .metrics = {"a", "b"}, .span = {kStart, kStart + 1}});
  const auto query_of = [&](std::size_t i) {
    return nlohmann::json::parse(server.requests().at(i).body)["query"].get<std::string>();
  };
  EXPECT_EQ(
      query_of(1),
      "from(bucket: \"b\") |> range(start: 2026-09-21T14:13:20.000000000Z, stop: "
      "2026-09-21T14:13:20.000000001Z) |> filter(fn: (r) => r._measurement == \"equipment_metrics\" and "
      "(r._field == \"value\") and r[\"site_id\"] == \"12\" and r[\"equipment_id\"] == \"1\\\" or true\" and "
      "(r[\"metric_name\"] == \"a\" or r[\"metric_name\"] == \"b\")) |> drop(columns: [\"_start\", "
      "\"_stop\", "
      "\"_measurement\"])");
  EXPECT_THAT(*source->status_changes("1", {kStart, kStart + 60 * kSecond}),
              ElementsAre(StatusChange{"1", kStart - 19 * kSecond, "offline", "online", "", {}},
                          StatusChange{"1", kStart + 10 * kSecond, "online", "offline", "gone", {}},
                          StatusChange{"1", kStart + 20 * kSecond, "offline", "online", "", {}}));
}

// InfluxDB 3: SQL in, JSON lines out; what is a tag stands in its schema.
TEST(InfluxReadingsV3, ReadingsAndChanges) {
  std::vector<std::string> asked;
  ScriptedHttpServer server([&](const ScriptedRequest& request) {
    const std::string sql = nlohmann::json::parse(request.body)["q"];
    asked.push_back(sql);
    ScriptedAnswer answer{.status = 200, .headers = {"Content-Type: application/jsonl"}};
    const auto column = [](const std::string& name, const std::string& type) {
      return "{\"column_name\":\"" + name + "\",\"data_type\":\"" + type + "\"}\n";
    };
    const std::string tag = "Dictionary(Int32, Utf8)";
    if (sql.find("information_schema") != std::string::npos) {
      if (sql.find("'equipment_metrics'") != std::string::npos) {
        answer.body = column("core", tag) + column("equipment_id", tag) + column("metric_name", tag) +
                      column("site_id", tag) + column("value", "Float64") + column("reason", "Utf8") +
                      column("time", "Timestamp(Nanosecond, None)");
      } else if (sql.find("'equipment_status_changes'") != std::string::npos) {
        answer.body = column("equipment_id", tag) + column("new_status", tag) + column("old_status", tag) +
                      column("site_id", tag) + column("status_value", "Float64") +
                      column("time", "Timestamp(Nanosecond, None)");
      }
    } else if (sql.find("FROM \"equipment_metrics\"") != std::string::npos) {
      answer.body =
          "{\"vigile_time_ns\":1790000000000000001,\"equipment_id\":\"1\",\"metric_name\":\"cpu_usage\","
          "\"site_id\":\"12\","
          "\"value\":1.5}\n{\"vigile_time_ns\":1790000001000000000,\"core\":\"0\",\"equipment_id\":\"1\","
          "\"metric_name\":"
          "\"core_usage\",\"site_id\":\"12\",\"value\":2.0}\n";
    } else if (sql.find("DESC") != std::string::npos) {
      answer.body =
          "{\"vigile_time_ns\":1789999999000000000,\"equipment_id\":\"1\",\"new_status\":\"online\",\"old_"
          "status\":\"new\","
          "\"status_value\":1.0}\n{\"vigile_time_ns\":1789999998000000000,\"equipment_id\":\"1\",\"new_"
          "status\":\"x\","
          "\"old_status\":\"y\",\"status_value\":1.0}\n";
    }
    return answer;
  });
  const auto source = source_of(options_with_defaults(
      option_table(), {{"api", std::string("v3")}, {"url", server.url()}, {"database", std::string("d")}}));
  EXPECT_THAT(from_source(*source, {.equipment_id = "1'; DROP", .span = {kStart, kStart + 60 * kSecond}}),
              IsEmpty())
      << "LineReadings looks at the id, too";
  EXPECT_EQ(
      asked.at(1),
      "SELECT CAST(\"time\" AS BIGINT) AS \"vigile_time_ns\", \"core\", \"equipment_id\", \"metric_name\", "
      "\"site_id\", \"value\" FROM \"equipment_metrics\" WHERE \"time\" >= '2026-09-21T14:13:20.000000000Z' "
      "AND "
      "\"time\" < '2026-09-21T14:14:20.000000000Z' AND \"site_id\" = '12' AND \"equipment_id\" = '1''; "
      "DROP'");
  EXPECT_THAT(from_source(*source, {.span = {kStart, kStart + 60 * kSecond}}),
              ElementsAre("1|core_usage|core=0|1790000001000000000|2.000000",
                          "1|cpu_usage||1790000000000000001|1.500000"));
  EXPECT_THAT(*source->status_changes("1", {kStart, kStart + 60 * kSecond}),
              ElementsAre(StatusChange{"1", kStart - kSecond, "unknown", "online", "", {}}));
  EXPECT_THAT(*source->gaps({kStart, kStart + kSecond}), IsEmpty()) << "there is no such table";
}

}  // namespace
}  // namespace vigile::influx_sink
