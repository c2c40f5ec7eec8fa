// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "sample_catalog.h"
#include "settings/effective.h"
#include "settings/redacted.h"
#include "settings/values.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kSecret = "hunter2-xyzzy";

// Everything that reading these settings says, and what --check prints.
std::string everything_said(const LoadedSettings& loaded) {
  std::string said;
  for (const auto& error : loaded.errors) said += to_string(error) + "\n";
  for (const auto& warning : loaded.warnings) said += to_string(warning) + "\n";
  if (loaded.settings) said += effective_text(*loaded.settings, sample_catalog());
  return said;
}

std::string sink_yaml(const std::string& token) {
  return "sinks: [influx: {url: \"http://db\", token: " + token + "}]\n";
}

void write_file(const std::filesystem::path& path, std::string_view content, mode_t mode) {
  std::ofstream(path) << content;
  ASSERT_EQ(::chmod(path.c_str(), mode), 0);
}

TEST(Secrets, FromAFile) {
  const TempDir dir;
  const std::string path = (dir / "token").string();
  for (const std::string_view ending : {"", "\n", "\r\n"}) {
    write_file(path, std::string(kSecret) + std::string(ending), 0640);
    const LoadedSettings loaded =
        parse_sample(sink_yaml("{file: \"${DIR}/token\"}") + "equipment: [{id: 1, drivers: [cpu]}]",
                     {{"DIR", dir.path().string()}});
    EXPECT_THAT(texts(loaded.errors), IsEmpty());
    EXPECT_THAT(texts(loaded.warnings), IsEmpty());
    EXPECT_EQ(loaded.settings.value().sinks.at(0).options.text("token"), kSecret);
  }
}

TEST(Secrets, FromASystemdCredential) {
  const TempDir dir;
  write_file(dir / "influx", std::string(kSecret) + "\n", 0400);
  const LoadedSettings loaded =
      parse_sample("api: {token: {credential: influx}}\n", {{"CREDENTIALS_DIRECTORY", dir.path().string()}});
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_EQ(loaded.settings.value().api.token, kSecret);
  EXPECT_THAT(texts(parse_sample("api: {token: {credential: influx}}\n").errors),
              ElementsAre("site.yaml:1:27: token: CREDENTIALS_DIRECTORY is not set: systemd sets it for "
                          "LoadCredential= in the unit"));
  EXPECT_THAT(texts(parse_sample("api: {token: {credential: ../influx}}\n",
                                 {{"CREDENTIALS_DIRECTORY", dir.path().string()}})
                        .errors),
              ElementsAre("site.yaml:1:27: token: a credential's name holds no \"/\""));
}

TEST(Secrets, EachValueOfASecretMapMayBeAFile) {
  const TempDir dir;
  write_file(dir / "auth", kSecret, 0600);
  const LoadedSettings loaded = parse_sample(
      "equipment: [{id: 1, drivers: [http: {url: u, headers: {A: b, X: {file: " + (dir / "auth").string() +
      "}}}]}]");
  ASSERT_THAT(texts(loaded.errors), IsEmpty());
  const auto& headers = loaded.settings.value().equipment.at(0).drivers.at(0).options.map("headers");
  EXPECT_THAT(headers, ElementsAre(testing::Pair("A", "b"), testing::Pair("X", kSecret)));
  EXPECT_THAT(everything_said(loaded), HasSubstr("headers (secret)"));
}

TEST(Secrets, WhatProgramsAreGivenIsNotPrinted) {
  const auto shown = [](const char* name, OptionType type, const OptionValue& value) {
    return format_value({.name = name, .type = type, .help = ""}, value);
  };
  EXPECT_EQ(shown("environment", OptionType::map, std::map<std::string, std::string>{{"PW", "hunter2"}}),
            "(secret)");
  EXPECT_EQ(shown("body", OptionType::text, std::string("hunter2")), "(secret)");
  EXPECT_EQ(shown("command", OptionType::list,
                  std::vector<std::string>{"ask", "--Token", "hunter2", "-v", "--password=hunter2", "a=b",
                                           "http://u:hunter2@h/?apiKey=hunter2&q=1"}),
            "[ask, --Token, ***, -v, --password=***, a=b, http://***@h/?apiKey=***&q=1]");
}

TEST(Secrets, FilesThatCannotBeUsed) {
  const TempDir dir;
  const auto error_of = [&](const std::string& name) {
    const LoadedSettings loaded = parse_sample("api: {token: {file: " + (dir / name).string() + "}}\n");
    EXPECT_EQ(loaded.errors.size(), 1U);
    return loaded.errors.empty() ? "" : to_string(loaded.errors.front());
  };
  const std::string prefix = "site.yaml:1:21: token: \"" + dir.path().string() + "/";
  EXPECT_EQ(error_of("missing"), prefix + "missing\": No such file or directory");
  write_file(dir / "empty", "\n", 0600);
  EXPECT_EQ(error_of("empty"), prefix + "empty\": is empty");
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(error_of("fifo"), prefix + "fifo\": not a regular file");
  write_file(dir / "big", std::string(100'000, 'x'), 0600);
  EXPECT_EQ(error_of("big"), prefix + "big\": larger than 65536 bytes");
  write_file(dir / "lines", std::string(kSecret) + "\nforged: header\n", 0600);
  EXPECT_EQ(error_of("lines"),
            "site.yaml:1:14: token: the secret holds a line break or another control character");
}

TEST(Secrets, AFileThatEveryoneMayReadIsAWarning) {
  const TempDir dir;
  write_file(dir / "token", kSecret, 0644);
  const LoadedSettings loaded = parse_sample(
      "equipment: [{id: 1, drivers: [cpu]}]\napi: {token: {file: " + (dir / "token").string() + "}}\n");
  EXPECT_TRUE(loaded.settings);
  EXPECT_THAT(texts(loaded.warnings),
              ElementsAre("site.yaml:2:21: token: \"" + (dir / "token").string() +
                          "\" can be read by every user of this machine; chmod o-r it"));
}

TEST(Secrets, ASettingsFileWithASecretThatEveryoneMayReadIsAWarning) {
  const TempDir dir;
  const auto warnings = [&](const std::string& token, mode_t mode) {
    write_file(dir / "site.yaml", "equipment: [{id: 1, drivers: [cpu]}]\napi: {token: " + token + "}\n",
               mode);
    const LoadedSettings loaded =
        load_settings(dir / "site.yaml", sample_catalog(), variables({{"TOKEN", "t"}}), "h");
    EXPECT_TRUE(loaded.settings);
    return texts(loaded.warnings);
  };
  EXPECT_THAT(warnings("abc", 0600), IsEmpty());
  EXPECT_THAT(warnings("\"${TOKEN}\"", 0644), IsEmpty());
  EXPECT_THAT(
      warnings("abc", 0644),
      ElementsAre((dir / "site.yaml").string() +
                  ":2:14: a secret in a file that every user of this machine can read; chmod o-r it, or "
                  "write {file: path}"));
}

// Each of these holds the secret somewhere; whatever is said must not.
TEST(Secrets, AreNeverSaid) {
  const std::string secret(kSecret);
  const std::map<std::string, std::string> values = {
      {"TOKEN", secret}, {"BAD", secret + "\n"}, {"CREDENTIALS_DIRECTORY", "/nowhere"}};
  const std::string cases[] = {
      sink_yaml(secret),
      sink_yaml("\"${TOKEN}\""),
      sink_yaml("\"${BAD}\""),
      sink_yaml("\"${NO:-" + secret + "}\""),
      sink_yaml("\"" + secret + "${\""),
      sink_yaml("\"" + secret + "\\n\""),
      sink_yaml("\"" + secret),
      sink_yaml("\"" + secret + "\\q\""),
      sink_yaml("'" + secret),
      sink_yaml("[" + secret + "]"),
      sink_yaml("{" + secret + "}"),
      sink_yaml("{" + secret + ": x}"),
      sink_yaml("{file: [" + secret + "]}"),
      sink_yaml("{fiel: " + secret + "}"),
      sink_yaml("{file: \"${TOKEN}\"}"),
      sink_yaml("{file: \"/etc/${TOKEN}\"}"),
      sink_yaml("{credential: \"${TOKEN}\"}"),
      sink_yaml("{" + secret + ": 1, " + secret + ": 2}"),
      sink_yaml("!!str " + secret),
      sink_yaml("&" + secret + " x"),
      sink_yaml("*" + secret),
      sink_yaml("a: " + secret),
      sink_yaml("{file: x, " + secret),
      "sinks: [influx: {url: u, tokn: " + secret + "}]\n",
      "sinks: [influx: {url: u, every: \"${TOKEN}\"}]\n",
      "sinks: [influx: {url: u, api: \"${TOKEN}\"}]\n",
      "sinks: [influx: {url: \"http://me:" + secret + "@db:8086/x\"}]\n",
      "sinks: [influx: {url: \"http://db/write?db=x&p=" + secret + "\"}]\n",
      "sinks: [mqtt: {url: u, qos: \"mqtt://me:" + secret + "@db\"}]\n",
      "equipment: [{id: 1, drivers: [http: {url: u, headers: {A: " + secret + "}}]}]\n",
      "equipment: [{id: 1, drivers: [http: {url: u, pin: " + secret + "}]}]\n",
      "equipment: [{id: 1, drivers: [http: {url: u, headers: " + secret + "}]}]\n",
      "equipment: [{id: 1, drivers: [http: {url: u, headers: [" + secret + "]}]}]\n",
      "equipment: [{id: 1, drivers: [http: {url: u, headers: {A: [" + secret + "]}}]}]\n",
      "api: {token: " + secret + ", listen: \"127.0.0.1:1\"}\n",
      "api: {token: " + secret + ", listen: nonsense}\n",
      "api: {token: \"" + secret + "\\t\"}\n",
  };
  for (const std::string& yaml : cases) {
    EXPECT_THAT(everything_said(parse_sample(yaml, values)), Not(HasSubstr(secret))) << yaml;
  }
}

TEST(Redacted, UnitsLoseWhatTheirEnvironmentAndCredentialsHold) {
  EXPECT_EQ(
      without_unit_values(
          "[Service]\nEnvironment=A=secret \\\n  B=secret\nExecStart=/usr/bin/vigiled\n"
          " Environment=\"C=secret\"\nSetCredential=token:secret\nEnvironmentFile=-/etc/vigile/environment\n"
          "LoadCredential=token:/etc/vigile/token\n"),
      "[Service]\nEnvironment=***\n***\nExecStart=/usr/bin/vigiled\nEnvironment=***\nSetCredential=***\n"
      "EnvironmentFile=-/etc/vigile/environment\nLoadCredential=token:/etc/vigile/token\n");
}

}  // namespace
}  // namespace vigile
