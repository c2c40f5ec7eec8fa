// SPDX-License-Identifier: Apache-2.0
// The InfluxDB client: quoting, predicates, answers; and InfluxDB 2 and 3 by their published APIs, played by
// a scripted server.
#include <gmock/gmock.h>

#include <ctime>

#include <nlohmann/json.hpp>

#include "sinks/influx/quoting.h"
#include "sinks/influx_asking.h"
#include "support/scripted_http_server.h"

namespace vigile::influx_sink {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using Type = AnswerCell::Type;

constexpr const char* kToken = "s3cret-token";

InfluxSettings v2(const std::string& url) {
  return influx_settings_of(
      {{"api", "v2"}, {"url", url}, {"org", "o rg"}, {"bucket", "b"}, {"token", kToken}});
}
InfluxSettings v3(const std::string& url) {
  return influx_settings_of({{"api", "v3"}, {"url", url}, {"database", "d"}, {"token", kToken}});
}

TEST(InfluxQuoting, NothingEndsALiteralOrAnIdentifier) {
  EXPECT_EQ(influxql_string("it's"), "'it\\'s'");
  EXPECT_EQ(influxql_string("x' OR '1'='1"), "'x\\' OR \\'1\\'=\\'1'");
  EXPECT_EQ(influxql_string("x\\' OR 1=1 --"), "'x\\\\\\' OR 1=1 --'");
  EXPECT_EQ(influxql_string("a\nb"), "'a\\nb'");
  EXPECT_EQ(influxql_identifier("m\"; DROP DATABASE \"d"), "\"m\\\"; DROP DATABASE \\\"d\"");
  EXPECT_EQ(influxql_identifier("a'b"), "\"a'b\"");
  EXPECT_EQ(flux_string("\") |> yield(name: \""), "\"\\\") |> yield(name: \\\"\"");
  EXPECT_EQ(flux_string("${1 + 1}"), "\"\\x24{1 + 1}\"");
  EXPECT_EQ(flux_string("a\\\n\r\t"), "\"a\\\\\\n\\r\\t\"");
  EXPECT_EQ(sql_string("x'; DROP TABLE t; --"), "'x''; DROP TABLE t; --'");
  EXPECT_EQ(sql_string("x\\'"), "'x\\'''");
  EXPECT_EQ(sql_identifier("a\"b"), "\"a\"\"b\"");
  for (const auto& quoted : {influxql_string, influxql_identifier, flux_string, sql_string, sql_identifier}) {
    EXPECT_EQ(quoted(std::string("a\0b", 3)).find('\0'), std::string::npos);
  }
  EXPECT_EQ(rfc3339(1'700'000'000'123'456'789), "2023-11-14T22:13:20.123456789Z");
}

TEST(InfluxPredicate, IsReadAndWrittenAgain) {
  const auto read =
      parse_predicate(R"( _measurement="cpu" AND equipment_id = '1' and "a key"="x \"y\" \\ z\n")");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(*read, ElementsAre(TagEquals{"_measurement", "cpu"}, TagEquals{"equipment_id", "1"},
                                 TagEquals{"a key", "x \"y\" \\ z\n"}));
  EXPECT_EQ(predicate_text(*read),
            R"(_measurement="cpu" AND "equipment_id"="1" AND "a key"="x \"y\" \\ z\n")");
  EXPECT_EQ(*parse_predicate(predicate_text(*read)), *read);
  EXPECT_THAT(*parse_predicate("  "), IsEmpty());
}

TEST(InfluxPredicate, AnythingElseIsRefusedWithItsPlace) {
  for (const char* const wrong : {"a", "a=", "a=b", "a=1", "=\"b\"", "a=\"b", "a=\"b\\", "a=\"b\\x\"",
                                  "a=\"b\" OR c=\"d\"", "a=\"b\" AND", "a=\"b\" ANDc=\"d\"", "a!=\"b\"",
                                  "time > 0", "a=\"b\"; DROP DATABASE d", "(a=\"b\")", "\"\"=\"b\""}) {
    const auto read = parse_predicate(wrong);
    ASSERT_FALSE(read) << wrong;
    EXPECT_EQ(read.error().kind, ErrorKind::parse);
    EXPECT_THAT(read.error().message, AllOf(HasSubstr("character"), HasSubstr("expected"))) << wrong;
  }
}

// Feeds an answer in pieces of each size: pieces end anywhere.
template <class Make>
std::vector<std::string> decoded(const Make& make, const std::string& answer) {
  std::vector<std::string> rows;
  for (std::size_t size = 1; size <= answer.size(); size += size < 9 ? 1 : 37) {
    CollectedRows collected;
    const auto decoder = make(collected);
    for (std::size_t at = 0; at < answer.size(); at += size) {
      const auto more = decoder->feed(std::string_view(answer).substr(at, size));
      EXPECT_TRUE(more) << more.error().message;
    }
    EXPECT_TRUE(decoder->finish());
    if (size == 1) rows = collected.rows;
    EXPECT_EQ(collected.rows, rows) << "in pieces of " << size;
  }
  return rows;
}

constexpr const char* kFluxAnswer =
    "#datatype,string,long,dateTime:RFC3339,double,string,boolean\r\n"
    "#group,false,false,false,false,true,true\r\n"
    "#default,_result,,,,none,\r\n"
    ",result,table,_time,_value,host,up\r\n"
    ",,0,2026-11-24T08:00:00.000000001Z,1.5,\"a, \"\"b\"\"\nc\",true\r\n"
    ",,0,2026-11-24T08:00:01Z,,,false\r\n"
    "\r\n"
    "#datatype,string,long,long\r\n"
    "#group,false,false,false\r\n"
    "#default,_result,,\r\n"
    ",result,table,count\r\n"
    ",,1,42\r\n"
    "\r\n";

TEST(InfluxAnswers, AnnotatedCsv) {
  EXPECT_THAT(decoded(annotated_csv_decoder, kFluxAnswer),
              ElementsAre("||_time=2026-11-24T08:00:00.000000001Z,_value=1.5,host=a, \"b\"\nc,up=true",
                          "||_time=2026-11-24T08:00:01Z,_value=-,host=none,up=false", "||count=42"));
  CollectedRows collected;
  const auto decoder = annotated_csv_decoder(collected);
  ASSERT_TRUE(decoder->feed(kFluxAnswer));
  EXPECT_THAT(collected.types, ElementsAre(Type::text, Type::number, Type::text, Type::boolean, Type::text,
                                           Type::null, Type::text, Type::boolean, Type::number));
  EXPECT_EQ(collected.tables, 2);
}

TEST(InfluxAnswers, AnErrorInTheMiddleOfAnnotatedCsvIsOne) {
  CollectedRows collected;
  const auto decoder = annotated_csv_decoder(collected);
  const auto fed =
      decoder->feed(std::string(kFluxAnswer) +
                    "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n"
                    ",\"runtime error: memory limit\",897\r\n");
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, ErrorKind::config);
  EXPECT_THAT(fed.error().message, HasSubstr("memory limit"));
  EXPECT_EQ(collected.rows.size(), 3u);
}

TEST(InfluxAnswers, BrokenAndBoundlessCsvIsRefused) {
  CollectedRows collected;
  auto decoder = annotated_csv_decoder(collected);
  EXPECT_FALSE(decoder->feed(",a,b\n,1\n"));
  decoder = annotated_csv_decoder(collected);
  ASSERT_TRUE(decoder->feed(",a\n,\"never closed"));
  EXPECT_FALSE(decoder->finish());
  decoder = annotated_csv_decoder(collected);
  ASSERT_TRUE(decoder->feed(",a\n,\""));
  Result<bool> fed = true;
  const std::string much(1 << 20, 'x');
  for (int i = 0; i < 20 && fed; ++i) fed = decoder->feed(much);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, ErrorKind::full);
}

TEST(InfluxAnswers, InfluxqlInChunks) {
  const std::string answer =
      R"({"results":[{"statement_id":0,"series":[{"name":"cpu","tags":{"host":"a"},"columns":["time","v"],"values":[[1,1.5],[9007199254740993,null]],"partial":true}],"partial":true}]})"
      "\n"
      R"({"results":[{"statement_id":0,"series":[{"name":"cpu","tags":{"host":"a"},"columns":["time","v"],"values":[[3,"x"]]},{"name":"mem","columns":["time","b"],"values":[[4,true]]}]}]})"
      "\n";
  EXPECT_THAT(decoded(influxql_decoder, answer),
              ElementsAre("cpu|host=a;|time=1,v=1.5", "cpu|host=a;|time=9007199254740993,v=-",
                          "cpu|host=a;|time=3,v=x", "mem||time=4,b=true"));
  CollectedRows collected;
  const auto decoder = influxql_decoder(collected);
  const auto fed = decoder->feed("{\"results\":[{\"statement_id\":0,\"error\":\"timeout\"}]}\n");
  ASSERT_FALSE(fed);
  EXPECT_THAT(fed.error().message, HasSubstr("timeout"));
}

TEST(InfluxAnswers, JsonLinesWhoseColumnsGrow) {
  EXPECT_THAT(
      decoded(json_lines_decoder,
              "{\"time\":\"2026-11-24T08:00:00\",\"v\":1.0}\n{\"v\":2,\"host\":\"a\"}\n\n{\"host\":\"b\"}"),
      ElementsAre("||time=2026-11-24T08:00:00,v=1.0", "||time=-,v=2,host=a", "||time=-,v=-,host=b"));
  CollectedRows collected;
  EXPECT_FALSE(json_lines_decoder(collected)->feed("<html>\n"));
}

TEST(InfluxClientV2, FluxIsPostedWithItsDialectAndReadAsItComes) {
  ScriptedHttpServer server([](const ScriptedRequest&) {
    return ScriptedAnswer{.status = 200,
                          .headers = {"Content-Type: text/csv"},
                          .body = kFluxAnswer,
                          .then = ScriptedAnswer::Then::trickle};
  });
  InfluxClient client(v2(server.url()));
  CollectedRows rows;
  const auto done = client.query_data({.text = "from(bucket: \"b\")", .language = Language::flux}, rows);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(rows.rows.size(), 3u);
  const ScriptedRequest request = server.requests().at(0);
  EXPECT_THAT(request.line, StartsWith("POST /api/v2/query?org=o%20rg HTTP"));
  EXPECT_EQ(request.header("authorization"), std::string("Token ") + kToken);
  const auto body = nlohmann::json::parse(request.body);
  EXPECT_EQ(body["query"], "from(bucket: \"b\")");
  EXPECT_EQ(body["type"], "flux");
  EXPECT_THAT(body["dialect"]["annotations"], ElementsAre("datatype", "group", "default"));
}

TEST(InfluxClientV2, ARowThatIsEnoughEndsTheRequest) {
  std::string endless =
      "#datatype,string,long,double\r\n#group,false,false,false\r\n#default,,,\r\n,result,table,v\r\n";
  for (int i = 0; i < 200'000; ++i) endless += ",,0,1\r\n";
  ScriptedHttpServer server(
      [&](const ScriptedRequest&) { return ScriptedAnswer{.status = 200, .body = endless}; });
  InfluxClient client(v2(server.url()));
  CollectedRows rows(3);
  EXPECT_TRUE(client.query_data({.text = "x", .language = Language::flux}, rows));
  EXPECT_EQ(rows.rows.size(), 3u);
}

TEST(InfluxClientV2, RefusalsHaveKindsAndNoSecrets) {
  int status = 0;
  std::string body;
  ScriptedHttpServer server(
      [&](const ScriptedRequest&) { return ScriptedAnswer{.status = status, .body = body}; });
  InfluxClient client(v2(server.url()));
  const std::map<int, ErrorKind> kinds = {{400, ErrorKind::config},
                                          {401, ErrorKind::permission},
                                          {404, ErrorKind::not_found},
                                          {302, ErrorKind::config},
                                          {500, ErrorKind::unavailable}};
  for (const auto& [code, kind] : kinds) {
    status = code;
    body = std::string("{\"code\":\"x\",\"message\":\"no \\n for ") + kToken + "\"}";
    CollectedRows rows;
    const auto done = client.query_data({.text = "x", .language = Language::flux}, rows);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, kind) << code;
    EXPECT_THAT(done.error().message,
                AllOf(StartsWith(server.url() + "/api/v2/query: HTTP " + std::to_string(code)),
                      HasSubstr("no"), Not(HasSubstr(kToken)), Not(HasSubstr("\n"))));
  }
}

TEST(InfluxClientV2, AnEndlessAnswerIsCut) {
  int status = 500;
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    // More is said to follow, and never does: who wants it all waits for ever.
    return ScriptedAnswer{
        .status = status, .body = std::string(1 << 20, 'x'), .content_length = std::uint64_t{1} << 40};
  });
  InfluxSettings settings = v2(server.url());
  settings.timeout = std::chrono::minutes(10);
  InfluxClient client(settings);
  CollectedRows rows;
  const auto done = client.query_data({.text = "x", .language = Language::flux}, rows);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("HTTP 500"));
  EXPECT_LT(done.error().message.size(), 700u);
  status = 200;  // not that of a deletion
  const auto deleted = client.delete_data({.start_ns = 0, .stop_ns = 1, .conditions = {}});
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().kind, ErrorKind::full);
}

TEST(InfluxClientV2, AnAnswerThatBreaksOffIsNoAnswer) {
  ScriptedHttpServer server([](const ScriptedRequest&) {
    return ScriptedAnswer{.status = 200, .body = kFluxAnswer, .then = ScriptedAnswer::Then::cut};
  });
  InfluxClient client(v2(server.url()));
  CollectedRows rows;
  const auto done = client.query_data({.text = "x", .language = Language::flux}, rows);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::unavailable);
}

TEST(InfluxClientV2, DeletionHasBothEndsIncluded) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedAnswer{.status = 204}; });
  InfluxClient client(v2(server.url()));
  ASSERT_TRUE(
      client.delete_data({.start_ns = 0,
                          .stop_ns = 1'700'000'000'000'000'000,
                          .conditions = {{"_measurement", "m"}, {"equipment_id", "1\" OR \"a\"=\"a"}}}));
  const ScriptedRequest request = server.requests().at(0);
  EXPECT_THAT(request.line, StartsWith("POST /api/v2/delete?org=o%20rg&bucket=b HTTP"));
  const auto body = nlohmann::json::parse(request.body);
  EXPECT_EQ(body["start"], "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(body["stop"], "2023-11-14T22:13:19.999999999Z");
  EXPECT_EQ(body["predicate"], R"(_measurement="m" AND "equipment_id"="1\" OR \"a\"=\"a")");
}

TEST(InfluxClientV2, CountsTheFullestFieldOfEachMeasurement) {
  ScriptedHttpServer server([](const ScriptedRequest&) {
    return ScriptedAnswer{
        .status = 200,
        .body =
            "#datatype,string,long,string,string,long\r\n#group,false,false,true,true,false\r\n"
            "#default,_result,,,,\r\n,result,table,_field,_measurement,_value\r\n"
            ",,0,value,equipment_metrics,10\r\n,,1,response_time_ms,equipment_metrics,4\r\n"
            ",,2,status_value,equipment_status_changes,3\r\n"};
  });
  InfluxClient client(v2(server.url()));
  const auto count =
      client.count_data({.start_ns = 0, .stop_ns = 1000, .conditions = {{"site_id", "1${2}"}}});
  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(*count, 13u);
  EXPECT_THAT(nlohmann::json::parse(server.requests().at(0).body)["query"].get<std::string>(),
              HasSubstr(R"(r["site_id"] == "1\x24{2}")"));
}

// InfluxDB 2, as its API reference tells it.
ScriptedAnswer influxdb2(const ScriptedRequest& request) {
  const auto is = [&](const char* start) { return request.line.starts_with(start); };
  if (is("GET /health")) {
    return {
        .status = 200,
        .headers = {"Date: Thu, 01 Jan 2026 00:00:00 GMT"},
        .body = R"({"name":"influxdb","message":"ready","status":"pass","checks":[],"version":"v2.7.1"})"};
  }
  if (request.header("authorization") != std::string("Token ") + kToken) {
    return {.status = 401, .body = R"({"code":"unauthorized","message":"unauthorized access"})"};
  }
  if (is("GET /api/v2/buckets?org=o%20rg&name=b "))
    return {.status = 200, .body = R"({"buckets":[{"name":"b"}]})"};
  if (is("GET /api/v2/buckets")) return {.status = 200, .body = R"({"buckets":[]})"};
  if (is("POST /api/v2/write") && request.line.find("bucket=b&") == std::string::npos) {
    return {.status = 404, .body = R"({"code":"not found","message":"bucket \"x\" not found"})"};
  }
  return {.status = 204};
}

TEST(InfluxCheckV2, AllIsWell) {
  ScriptedHttpServer server(influxdb2);
  InfluxClient client(v2(server.url()));
  FakeClock clock;
  CheckSteps check;
  EXPECT_TRUE(client.test_connection(clock, "press, 07", check.report())) << check.text();
  EXPECT_EQ(check.summary().at(2), "ok health");
  EXPECT_EQ(check.summary().back(), "ok writing");
  EXPECT_THAT(check.text(),
              AllOf(HasSubstr("version 2.7.1"), HasSubstr("written and removed"), Not(HasSubstr(kToken))));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_THAT(requests[2].body, StartsWith("vigile_check,device=press\\,\\ 07 value=1i "));
  const auto removal = nlohmann::json::parse(requests[3].body);
  EXPECT_EQ(removal["start"], removal["stop"]) << "one nanosecond";
  EXPECT_EQ(removal["predicate"], "_measurement=\"vigile_check\" AND \"device\"=\"press, 07\"");
}

TEST(InfluxCheckV2, AWrongTokenAndAMissingBucketAreToldApart) {
  ScriptedHttpServer server(influxdb2);
  FakeClock clock;
  CheckSteps check;
  InfluxSettings settings = v2(server.url());
  settings.token = "other";
  EXPECT_FALSE(InfluxClient(settings).test_connection(clock, "d", check.report()));
  EXPECT_EQ(check.summary().back(), "failed authentication");
  EXPECT_THAT(check.text(), HasSubstr("check token"));

  CheckSteps second;
  settings = v2(server.url());
  settings.bucket = "x";
  EXPECT_FALSE(InfluxClient(settings).test_connection(clock, "d", second.report()));
  EXPECT_EQ(second.summary().back(), "failed bucket");
  EXPECT_THAT(second.text(), HasSubstr("create bucket x"));
}

TEST(InfluxCheckV2, ATokenThatMayOnlyWriteIsEnough) {
  ScriptedHttpServer server([](const ScriptedRequest& request) {
    if (request.line.starts_with("GET /api/v2/buckets"))
      return ScriptedAnswer{.status = 200, .body = R"({"buckets":[]})"};
    if (request.line.starts_with("POST /api/v2/delete")) {
      return ScriptedAnswer{.status = 403,
                            .body = R"({"code":"forbidden","message":"insufficient permissions"})"};
    }
    return influxdb2(request);
  });
  FakeClock clock;
  CheckSteps check;
  EXPECT_TRUE(InfluxClient(v2(server.url())).test_connection(clock, "d", check.report())) << check.text();
  EXPECT_EQ(check.summary().back(), "warning writing");
  EXPECT_THAT(check.text(), HasSubstr("it stays"));
}

TEST(InfluxCheckV2, AClockThatIsFarOffIsToldWithItsDirection) {
  FakeClock clock;
  const auto said = [&](std::int64_t offset_s) {
    const WallTime then = clock.wall() - std::chrono::seconds(offset_s);
    char date[64];
    const std::time_t seconds = to_ns(then) / 1'000'000'000;
    std::strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT", ::gmtime(&seconds));
    ScriptedHttpServer server([&](const ScriptedRequest& request) {
      ScriptedAnswer answer = influxdb2(request);
      if (request.line.starts_with("GET /health")) answer.headers = {date};
      return answer;
    });
    CheckSteps check;
    EXPECT_TRUE(InfluxClient(v2(server.url())).test_connection(clock, "d", check.report()));
    return check.text();
  };
  EXPECT_THAT(said(0), HasSubstr("clock: within 1 s"));
  EXPECT_THAT(said(3600), AllOf(HasSubstr("ahead of the server"), HasSubstr("NTP")));
  EXPECT_THAT(said(-3600), HasSubstr("3600 s behind the server"));
}

// InfluxDB 3 Core, as its API reference tells it.
ScriptedAnswer influxdb3(const ScriptedRequest& request) {
  const auto is = [&](const char* start) { return request.line.starts_with(start); };
  if (request.header("authorization") != std::string("Bearer ") + kToken) {
    return {.status = 401, .body = R"({"error":"the request was not authenticated"})"};
  }
  if (is("GET /ping")) {
    return {.status = 200,
            .headers = {"x-influxdb-version: 3.4.1"},
            .body = R"({"version":"3.4.1","revision":"x"})"};
  }
  if (is("POST /api/v3/query_sql") && nlohmann::json::parse(request.body)["db"] != "d") {
    return {.status = 404, .body = R"({"error":"database not found: x"})"};
  }
  if (is("POST /api/v3/query")) return {.status = 200, .body = "{\"Int64(1)\":1}\n"};
  return {.status = 204};
}

TEST(InfluxCheckV3, AllIsWellAndThePointStays) {
  ScriptedHttpServer server(influxdb3);
  FakeClock clock;
  CheckSteps check;
  EXPECT_TRUE(InfluxClient(v3(server.url())).test_connection(clock, "d", check.report())) << check.text();
  EXPECT_THAT(check.text(), AllOf(HasSubstr("version 3.4.1"), HasSubstr("InfluxDB 3 has no deletion")));
  CheckSteps refused;
  InfluxSettings settings = v3(server.url());
  settings.token = "other";
  EXPECT_FALSE(InfluxClient(settings).test_connection(clock, "d", refused.report()));
  EXPECT_EQ(refused.summary().back(), "failed authentication");
  // A database is made by the first write to it.
  CheckSteps fresh;
  settings = v3(server.url());
  settings.database = "x";
  EXPECT_TRUE(InfluxClient(settings).test_connection(clock, "d", fresh.report())) << fresh.text();
  EXPECT_THAT(fresh.text(), HasSubstr("database: x takes points"));
}

TEST(InfluxClientV3, SqlAndInfluxqlAreAskedAsJsonLines) {
  ScriptedHttpServer server([](const ScriptedRequest&) {
    return ScriptedAnswer{.status = 200, .body = "{\"host\":\"a\",\"v\":1.5}\n{\"host\":\"b\",\"v\":2.5}\n"};
  });
  InfluxClient client(v3(server.url()));
  CollectedRows rows;
  ASSERT_TRUE(client.query_data({.text = "SELECT 1", .language = Language::sql}, rows));
  ASSERT_TRUE(client.query_data({.text = "SELECT v FROM m", .language = Language::influxql}, rows));
  EXPECT_THAT(rows.rows, ElementsAre("||host=a,v=1.5", "||host=b,v=2.5", "||host=a,v=1.5", "||host=b,v=2.5"));
  EXPECT_THAT(server.requests()[0].line, StartsWith("POST /api/v3/query_sql HTTP"));
  EXPECT_THAT(server.requests()[1].line, StartsWith("POST /api/v3/query_influxql HTTP"));
  EXPECT_EQ(nlohmann::json::parse(server.requests()[0].body),
            nlohmann::json({{"db", "d"}, {"q", "SELECT 1"}, {"format", "jsonl"}}));
  EXPECT_EQ(server.requests()[0].header("authorization"), std::string("Bearer ") + kToken);
}

TEST(InfluxClientV3, HasNoDeletionAndNoFlux) {
  InfluxClient client(v3("http://127.0.0.1:1"));
  const auto deleted = client.delete_data({.start_ns = 0, .stop_ns = 1, .conditions = {}});
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().kind, ErrorKind::config);
  EXPECT_THAT(deleted.error().message, HasSubstr("no deletion"));
  CollectedRows rows;
  const auto asked = client.query_data({.text = "x", .language = Language::flux}, rows);
  ASSERT_FALSE(asked);
  EXPECT_THAT(asked.error().message, HasSubstr("SQL and InfluxQL, not in flux"));
}

TEST(InfluxClientWrite, PrecisionIsNamedAsEachServerWantsIt) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedAnswer{.status = 204}; });
  const auto v1 = influx_settings_of(
      {{"api", "v1"}, {"url", server.url()}, {"database", "d"}, {"retention_policy", "r"}});
  EXPECT_EQ(InfluxClient(v1).write_data("m v=1 1\n", Precision::us).kind, Outcome::Kind::accepted);
  EXPECT_EQ(InfluxClient(v2(server.url())).write_data("m v=1 1\n", Precision::us).kind,
            Outcome::Kind::accepted);
  EXPECT_EQ(InfluxClient(v3(server.url())).write_data("m v=1 1\n", Precision::us).kind,
            Outcome::Kind::accepted);
  const auto requests = server.requests();
  EXPECT_THAT(requests[0].line, StartsWith("POST /write?db=d&precision=u&rp=r HTTP"));
  EXPECT_THAT(requests[1].line, StartsWith("POST /api/v2/write?org=o%20rg&bucket=b&precision=us HTTP"));
  EXPECT_THAT(requests[2].line,
              StartsWith("POST /api/v3/write_lp?db=d&precision=microsecond&accept_partial=true HTTP"));
  EXPECT_EQ(requests[0].body, "m v=1 1\n");
}

}  // namespace
}  // namespace vigile::influx_sink
