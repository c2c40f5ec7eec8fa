// SPDX-License-Identifier: Apache-2.0
// Settings and answers, without a server.
#include <gmock/gmock.h>

#include <fstream>

#include "point/utf8.h"
#include "sinks/influx/answer.h"
#include "sinks/influx/influx.h"
#include "sinks/influx/influx_settings.h"
#include "sinks/influx/predicate.h"
#include "sinks/sink_batch.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace vigile::influx_sink {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = Outcome::Kind;
using Written = std::map<std::string, OptionValue>;

Result<InfluxSettings> read(const Written& written) {
  return read_settings(options_with_defaults(kInfluxSink.options, written));
}

std::string error(const Written& written) {
  const auto settings = read(written);
  return settings ? "" : settings.error().message;
}

Written v2(Written more = {}) {
  more.insert({{"url", "http://h:8086"}, {"org", "o"}, {"bucket", "b"}});
  return more;
}

TEST(InfluxSettingsTest, EachApiHasItsUrl) {
  const std::pair<Written, const char*> cases[] = {
      {v2({{"org", "a b"}, {"bucket", "x/y&z"}}),
       "http://h:8086/api/v2/write?org=a%20b&bucket=x%2fy%26z&precision=ns"},
      {{{"api", "v1"}, {"url", "https://h"}, {"database", "d"}}, "https://h/write?db=d&precision=ns"},
      {{{"api", "v1"}, {"url", "http://h/influx/"}, {"database", "d"}, {"retention_policy", "one week"}},
       "http://h/influx/write?db=d&precision=ns&rp=one%20week"},
      {{{"api", "v3"}, {"url", "http://[::1]:8181"}, {"database", "d"}},
       "http://[::1]:8181/api/v3/write_lp?db=d&precision=nanosecond&accept_partial=true"},
  };
  for (const auto& [written, url] : cases) {
    const auto settings = read(written);
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->write_url, url);
  }
}

TEST(InfluxSettingsTest, DefaultsAreTheDocumentedOnes) {
  const auto settings = read(v2());
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->api, Api::v2);
  EXPECT_TRUE(settings->gzip);
  EXPECT_FALSE(settings->insecure);
  EXPECT_EQ(settings->timeout, 30s);
  EXPECT_EQ(settings->connect_timeout, 10s);
  EXPECT_EQ(settings->target, "http://h:8086");
  EXPECT_EQ(settings->proxy, "");
}

TEST(InfluxSettingsTest, UserAndPasswordMayStandInTheUrlAndGoNoFurther) {
  const auto settings = read(v2({{"url", "https://me:hunter%202@h:1/p?u=me&p=hunter2#hunter2"}}));
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->user, "me");
  EXPECT_EQ(settings->password, "hunter 2");
  EXPECT_THAT(settings->write_url + settings->target, Not(HasSubstr("hunter")));
  EXPECT_EQ(settings->target, "https://h:1");
}

TEST(InfluxSettingsTest, WhatIsMissingOrWrongIsNamed) {
  EXPECT_THAT(error({{"url", "http://h"}, {"bucket", "b"}}), AllOf(HasSubstr("org"), HasSubstr("v2")));
  EXPECT_THAT(error({{"url", "http://h"}, {"org", "o"}}), HasSubstr("bucket"));
  EXPECT_THAT(error({{"api", "v1"}, {"url", "http://h"}}), AllOf(HasSubstr("database"), HasSubstr("v1")));
  EXPECT_THAT(error({{"api", "v3"}, {"url", "http://h"}, {"bucket", "b"}}), HasSubstr("database"));
  EXPECT_THAT(error(v2({{"url", "h:8086"}})), HasSubstr("url"));
  EXPECT_THAT(error(v2({{"url", "ftp://h"}})), AllOf(HasSubstr("http://"), HasSubstr("ftp")));
  EXPECT_THAT(error(v2({{"url", "http://"}})), HasSubstr("url"));
  EXPECT_THAT(error(v2({{"url", "http://me:hunter2@h:99999"}})),
              AllOf(HasSubstr("url"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(error(v2({{"token", "a\nb"}})), HasSubstr("token"));
  EXPECT_THAT(error(v2({{"token", "t"}, {"user", "u"}})), AllOf(HasSubstr("token"), HasSubstr("user")));
  EXPECT_THAT(error(v2({{"password", "p"}})), HasSubstr("user"));
  EXPECT_THAT(error(v2({{"cert_file", "/dev/null"}})), HasSubstr("key_file"));
  EXPECT_THAT(error(v2({{"ca_file", "/does/not/exist"}})),
              AllOf(HasSubstr("ca_file"), HasSubstr("/does/not/exist")));
  EXPECT_THAT(error(v2({{"headers", std::map<std::string, std::string>{{"X", "a\r\nY: b"}}}})),
              HasSubstr("headers"));
}

// libcurl's own message of a proxy that it cannot read holds all of it.
TEST(InfluxSettingsTest, AProxyIsCheckedAndItsPasswordNotRepeated) {
  for (const char* proxy :
       {"http://me:hunter2@:x", "me:hunter2@p:3128", "ftp://me:hunter2@p", "://", "https://p"}) {
    EXPECT_THAT(error(v2({{"proxy", proxy}})), AllOf(HasSubstr("proxy"), Not(HasSubstr("hunter2")))) << proxy;
  }
  EXPECT_EQ(error(v2({{"proxy", "http://me:hunter2@p:3128"}})), "");
}

// The secrets of the option table are what settings never print or serve.
TEST(InfluxSettingsTest, WhatMayHoldASecretIsMarked) {
  for (const OptionSpec& spec : option_table()) {
    const bool secret =
        spec.name == "token" || spec.name == "password" || spec.name == "proxy" || spec.name == "headers";
    EXPECT_EQ(spec.secret, secret) << spec.name;
  }
}

TEST(InfluxSettingsTest, EveryOptionIsInTheReadme) {
  std::ifstream file(VIGILE_SOURCE_DIR "/agent/sinks/influx/README.md");
  const std::string readme(std::istreambuf_iterator<char>(file), {});
  for (const OptionSpec& spec : option_table()) {
    const std::size_t row = readme.find("| `" + std::string(spec.name) + "` | ");
    ASSERT_NE(row, std::string::npos) << spec.name;
    const std::string line = readme.substr(row, readme.find('\n', row) - row);
    const std::string fallback = spec.required           ? "required"
                                 : spec.fallback.empty() ? "none"
                                                         : "`" + std::string(spec.fallback) + "`";
    EXPECT_THAT(line, HasSubstr(" | " + fallback + " | "));
    EXPECT_EQ(line.find("secret") != std::string::npos, spec.secret) << line;
  }
}

class AnswerTest : public ::testing::Test {
 protected:
  Outcome judged(long status, std::string body = "", Api api = Api::v1, std::string retry_after = "") {
    InfluxSettings settings{.api = api, .password = "hunter2", .token = "s3cret-token"};
    settings.headers["X-Key"] = "header-key";
    return judge(Answer{status, std::move(body), std::move(retry_after), whole_}, settings, clock_.wall());
  }
  FakeClock clock_;  // 2026-11-01T00:00:00Z, a Sunday
  bool whole_ = true;
};

struct Case {
  Api api;
  long status;
  const char* body;
  Kind kind;
  const char* message;
};

constexpr const char* kHtml = "<html><head><title>400 Bad Request</title></head></html>";

const Case kCases[] = {
    {Api::v1, 204, "", Kind::accepted, ""},
    {Api::v2, 204, "", Kind::accepted, ""},
    {Api::v3, 204, "", Kind::accepted, ""},
    // Portals, wrong servers, and a success that is none.
    {Api::v1, 200, kHtml, Kind::paused, "portal"},
    {Api::v2, 200, "", Kind::paused, "HTTP 200"},
    {Api::v3, 200, "{}", Kind::paused, "204"},
    {Api::v1, 200, R"({"results":[{"statement_id":0}]})", Kind::paused, "url"},
    {Api::v2, 202, "queued", Kind::paused, "HTTP 202: queued"},
    {Api::v1, 206, "", Kind::paused, "HTTP 206"},
    {Api::v2, 201,
     R"({"code":"invalid","message":"failed to parse line protocol: errors encountered on line(s): x"})",
     Kind::malformed, "line(s)"},
    {Api::v1, 200, R"({"error":"partial write: points beyond retention policy dropped=1"})", Kind::partial,
     "beyond"},
    // Never followed.
    {Api::v2, 301, "", Kind::paused, "redirects are not followed"},
    {Api::v2, 302, kHtml, Kind::paused, "url"},
    {Api::v2, 307, "", Kind::paused, "HTTP 307"},
    {Api::v2, 308, "", Kind::paused, "HTTP 308"},
    {Api::v1, 304, "", Kind::paused, "HTTP 304"},
    // Of the lines.
    {Api::v1, 400, R"({"error":"unable to parse 'x': missing fields"})", Kind::malformed, "missing fields"},
    {Api::v1, 400, R"({"error":"partial write: field type conflict: input field \"v\" dropped=1"})",
     Kind::partial, "field type conflict"},
    {Api::v1, 400, R"({"error":"field type conflict: input field \"v\""})", Kind::malformed, "conflict"},
    {Api::v2, 400, R"({"code":"invalid","message":"unable to parse 'x': missing fields"})", Kind::malformed,
     "unable to parse 'x'"},
    {Api::v2, 400, R"({"code":"invalid","message":"a new way to say it"})", Kind::malformed, "new way"},
    {Api::v2, 422,
     R"({"code":"unprocessable entity","message":"failure writing points to database: partial write: field type conflict: x dropped=3"})",
     Kind::partial, "dropped=3"},
    {Api::v3, 400,
     R"({"error":"partial write of line protocol occurred","data":[{"original_line":"x","line_number":2,"error_message":"m"}]})",
     Kind::partial, "partial write"},
    {Api::v3, 422,
     R"({"error":"partial write of line protocol occurred","data":[{"original_line":"x","line_number":2,"error_message":"Update to schema would exceed number of columns"}]})",
     Kind::partial, "partial write"},
    {Api::v2, 400,
     R"({"error":"partial write of line protocol occurred","data":[{"original_line":"x","line_number":2,"error_message":"m"}]})",
     Kind::partial, "partial write"},
    {Api::v3, 400,
     R"({"error":"parsing failed for write_lp endpoint","data":{"original_line":"x","line_number":2,"error_message":"No fields were provided"}})",
     Kind::malformed, "No fields were provided"},
    // 400s and 422s that are not of the lines: bad lines must not be looked for.
    {Api::v1, 400, "Client sent an HTTP request to an HTTPS server.\n", Kind::paused, "HTTPS server."},
    {Api::v1, 400, kHtml, Kind::paused, "HTTP 400"},
    {Api::v2, 400, kHtml, Kind::paused, "HTTP 400"},
    {Api::v3, 400, kHtml, Kind::paused, "HTTP 400"},
    {Api::v2, 400, "", Kind::paused, "HTTP 400"},
    {Api::v2, 400, R"({"message":"Bad Request"})", Kind::paused, "Bad Request"},
    {Api::v2, 400, R"({"code":"invalid","message":"unable to read data"})", Kind::paused, "read data"},
    {Api::v1, 400, R"({"error":"database is required"})", Kind::paused, "database is required"},
    {Api::v1, 400, R"({"error":"unexpected EOF"})", Kind::paused, "EOF"},
    {Api::v3, 400, R"({"error":"db name did not start with a number or letter","data":null})", Kind::paused,
     "db name"},
    {Api::v3, 422, R"({"error":"Adding a new database would exceed limit of 5 databases","data":null})",
     Kind::paused, "5 databases"},
    {Api::v3, 422,
     R"({"error":"partial write of line protocol occurred","data":[{"original_line":"x","line_number":1,"error_message":"Adding a new database would exceed limit of 5 databases"}]})",
     Kind::paused, "partial write"},
    {Api::v2, 422, kHtml, Kind::paused, "HTTP 422"},
    {Api::v1, 400, "[1,2]", Kind::paused, "[1,2]"},
    {Api::v1, 400, R"({"error":17,"message":[]})", Kind::paused, "HTTP 400"},
    // Somebody must act.
    {Api::v2, 401, R"({"code":"unauthorized","message":"unauthorized access"})", Kind::paused,
     "unauthorized"},
    {Api::v1, 403, R"({"error":"\"me\" user is not authorized"})", Kind::paused, "not authorized"},
    {Api::v1, 404, R"({"error":"database not found: \"d\""})", Kind::paused, "database not found"},
    {Api::v2, 404, R"({"code":"not found","message":"bucket \"b\" not found"})", Kind::paused, "bucket"},
    {Api::v1, 404, "404 page not found\n", Kind::paused, "404 page not found"},
    {Api::v1, 405, "", Kind::paused, "HTTP 405"},
    {Api::v1, 407, "", Kind::paused, "HTTP 407"},
    {Api::v1, 415, "", Kind::paused, "HTTP 415"},
    {Api::v1, 500, R"({"error":"retention policy not found: nope"})", Kind::paused, "nope"},
    // Its fault, for now.
    {Api::v1, 408, "", Kind::retry_later, "HTTP 408"},
    {Api::v1, 429, "", Kind::retry_later, "HTTP 429"},
    {Api::v1, 500, R"({"error":"timeout"})", Kind::retry_later, "timeout"},
    {Api::v1, 500, R"({"error":"partial write"})", Kind::retry_later,
     "partial write"},  // Enterprise: nodes are down
    {Api::v2, 502, kHtml, Kind::retry_later, "HTTP 502"},
    {Api::v2, 503, "", Kind::retry_later, "HTTP 503"},
    {Api::v2, 504, "", Kind::retry_later, "HTTP 504"},
    {Api::v2, 507, "", Kind::retry_later, "HTTP 507"},
    {Api::v2, 511, kHtml, Kind::retry_later, "HTTP 511"},
    {Api::v2, 0, "", Kind::retry_later, "HTTP 0"},
    {Api::v2, 101, "", Kind::retry_later, "HTTP 101"},
    {Api::v2, 999, "", Kind::retry_later, "HTTP 999"},
    // Of the size.
    {Api::v1, 413, R"({"error":"Request Entity Too Large"})", Kind::too_large, "Too Large"},
    {Api::v2, 413, kHtml, Kind::too_large, "HTTP 413"},
    {Api::v3, 500, "max request size (10485760 bytes) exceeded", Kind::too_large, "10485760"},
};

TEST_F(AnswerTest, EveryAnswerLeadsToItsOutcome) {
  for (const Case& c : kCases) {
    const Outcome outcome = judged(c.status, c.body, c.api);
    EXPECT_EQ(outcome.kind, c.kind) << c.status << " " << c.body;
    if (c.kind == Kind::accepted) {
      EXPECT_EQ(outcome.message, "");
    } else {
      EXPECT_THAT(outcome.message,
                  AllOf(HasSubstr("HTTP " + std::to_string(c.status)), HasSubstr(c.message)));
    }
    EXPECT_FALSE(outcome.retry_after) << c.status;
  }
}

TEST_F(AnswerTest, RetryAfter) {
  const std::pair<const char*, std::optional<std::chrono::nanoseconds>> cases[] = {
      {"30", 30s},
      {"0", 0s},
      {"3600", 3600s},
      {"99999999", 1'000'000s},  // the delivery loop keeps to an hour
      {"99999999999999999999999999", 1'000'000s},
      {"Sun, 01 Nov 2026 00:01:30 GMT", 90s},
      {"Sun, 01 Nov 2026 00:00:00 GMT", 0s},
      {"Sat, 31 Oct 2026 23:00:00 GMT", 0s},  // has passed
      {"Fri, 01 Jan 2100 00:00:00 GMT", 1'000'000s},
      {"", std::nullopt},
      {"soon", std::nullopt},
      {"-5", std::nullopt},
      {"1.5", std::nullopt},
      {"30 s", std::nullopt},
      {"Sun, 99 Nov 2026 00:01:30 GMT", std::nullopt},
      {"Sun, 01 Nov 2026 00:01:30 GMT and more", std::nullopt},
      {"2026-11-01", std::nullopt},
  };
  for (const auto& [header, wait] : cases) {
    for (const long status : {429, 503}) {
      EXPECT_EQ(judged(status, "", Api::v2, header).retry_after, wait) << header;
    }
  }
  EXPECT_FALSE(judged(500, "", Api::v2, "30").retry_after);
  EXPECT_FALSE(judged(401, "", Api::v2, "30").retry_after);
}

TEST_F(AnswerTest, DatesPastAllClocksAreBroughtInto64Bits) {
  std::tm date{.tm_mday = 31, .tm_mon = 11, .tm_year = 9999 - 1900};
  EXPECT_EQ(to_iso8601(wall_of(date)).substr(0, 4), "2261");
  date.tm_year = 99 - 1900;
  EXPECT_EQ(to_iso8601(wall_of(date)), "1970-01-01T00:00:00.000Z");
  date.tm_year = 2027 - 1900;
  EXPECT_EQ(to_iso8601(wall_of(date)), "2027-12-31T00:00:00.000Z");
}

TEST(PredicateTest, WhatCannotBeWrittenIsRefused) {
  EXPECT_TRUE(parse_predicate("equipment_id=\"1\""));
  const auto with_nul = parse_predicate(std::string_view("equipment_id=\"1\0\"", 17));
  ASSERT_FALSE(with_nul);  // without it the points of another equipment would be deleted
  EXPECT_EQ(with_nul.error().kind, ErrorKind::parse);
}

TEST_F(AnswerTest, QuotedLinesOfInfluxDb1AreNamed) {
  const Outcome outcome = judged(
      400,
      R"({"error":"partial write: unable to parse 'bad line': invalid field format\nunable to parse 'm,k= v=\"q\" 1': missing tag value dropped=0"})");
  ASSERT_EQ(outcome.kind, Kind::partial);
  ASSERT_EQ(outcome.rejected.size(), 2u);
  EXPECT_EQ(outcome.rejected_count, 2u);
  EXPECT_EQ(outcome.rejected[0].number, 0u);
  EXPECT_EQ(outcome.rejected[0].text, "bad line");
  EXPECT_EQ(outcome.rejected[0].reason, "invalid field format");
  EXPECT_EQ(outcome.rejected[1].text, R"(m,k= v="q" 1)");
}

TEST_F(AnswerTest, DroppedPointsAreCountedThoughNotNamed) {
  const Outcome outcome =
      judged(400, R"({"error":"partial write: points beyond retention policy dropped=17"})");
  EXPECT_EQ(outcome.rejected_count, 17u);
  EXPECT_TRUE(outcome.rejected.empty());
  EXPECT_EQ(judged(400, R"({"error":"partial write: x dropped="})").rejected_count, 0u);
}

TEST_F(AnswerTest, LinesOfInfluxDb3AreNumbered) {
  const Outcome outcome = judged(
      400,
      R"({"error":"partial write of line protocol occurred","data":[{"original_line":"a","line_number":3,"error_message":"why\u0007"},{"original_line":"b","line_number":"x"},17]})",
      Api::v3);
  ASSERT_EQ(outcome.rejected.size(), 2u);
  EXPECT_EQ(outcome.rejected_count, 2u);
  EXPECT_EQ(outcome.rejected[0].number, 3u);
  EXPECT_EQ(outcome.rejected[0].reason, "why");
  EXPECT_EQ(outcome.rejected[1].number, 0u);
  EXPECT_EQ(outcome.rejected[1].text, "b");
}

TEST_F(AnswerTest, AListOfAHundredMayGoOn) {
  std::string data;
  for (int i = 1; i <= 100; ++i) {
    data +=
        (i > 1 ? "," : "") + std::string(R"({"original_line":"a","line_number":)") + std::to_string(i) + "}";
  }
  const Outcome outcome = judged(400, R"({"error":"partial write","data":[)" + data + "]}", Api::v3);
  EXPECT_EQ(outcome.rejected.size(), 100u);
  EXPECT_EQ(outcome.rejected_count, 0u);
}

TEST_F(AnswerTest, ABodyThatBrokeOffIsNoCompleteList) {
  whole_ = false;
  const Outcome outcome =
      judged(400, R"({"error":"partial write: unable to parse 'bad line': invalid\nunable to parse 'ba)");
  EXPECT_EQ(outcome.kind, Kind::partial);
  ASSERT_EQ(outcome.rejected.size(), 1u);
  EXPECT_EQ(outcome.rejected_count, 0u);
}

TEST_F(AnswerTest, MessagesAreBoundedCleanUtf8) {
  const std::string long_text(2'000'000, 'x');
  for (const long status : {200, 302, 400, 404, 413, 500, 503}) {
    for (const std::string& body :
         {long_text, "{\"message\":\"" + long_text + "\"}", std::string("a\0b\r\n\x1b[2J\x7f\xc2\x9b", 12),
          std::string("\xff\xfe\xc3"), std::string(499, 'x') + "éééé"}) {
      const std::string message = judged(status, body).message;
      EXPECT_LE(message.size(), 500u);
      for (std::size_t at = 0; at < message.size();) {
        const std::size_t length = utf8_length(std::string_view(message).substr(at));
        ASSERT_GT(length, 0u) << message;
        EXPECT_GE(static_cast<unsigned char>(message[at]), 0x20) << message;
        EXPECT_NE(message[at], '\x7f');
        EXPECT_NE(message.substr(at, length), "\xc2\x9b");
        at += length;
      }
    }
  }
  EXPECT_EQ(judged(500, "a\nb").message, "HTTP 500: a b");
}

TEST_F(AnswerTest, SecretsThatAServerQuotesAreNotRepeated) {
  const Outcome outcome = judged(401, "no such token s3cret-token, user me:hunter2, key header-key");
  EXPECT_EQ(outcome.message, "HTTP 401: no such token ***, user me:***, key ***");
  const Outcome lines =
      judged(400, R"({"error":"x","data":[{"original_line":"a","line_number":1,"error_message":"hunter2"}]})",
             Api::v3);
  EXPECT_EQ(lines.rejected.at(0).reason, "***");
}

}  // namespace
}  // namespace vigile::influx_sink
