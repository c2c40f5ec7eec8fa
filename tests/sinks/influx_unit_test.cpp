// SPDX-License-Identifier: Apache-2.0
// Settings, without a server.
#include <gmock/gmock.h>

#include <fstream>

#include "sinks/influx/influx.h"
#include "sinks/influx/influx_settings.h"
#include "sinks/sink_batch.h"
#include "support/temp_dir.h"

namespace vigile::influx_sink {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
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

}  // namespace
}  // namespace vigile::influx_sink
