// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "sample_catalog.h"

namespace vigile {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;

json sample_schema() {
  return json::parse(settings_schema(sample_catalog()));
}

std::set<std::string> keys(const json& object) {
  std::set<std::string> names;
  for (const auto& [key, value] : object.items()) names.insert(key);
  return names;
}

TEST(SettingsSchema, IsTheSameEveryTime) {
  EXPECT_EQ(settings_schema(sample_catalog()), settings_schema(sample_catalog()));
  EXPECT_EQ(sample_schema().at("$schema"), "https://json-schema.org/draft/2020-12/schema");
}

// For tests/settings/schema/run.
TEST(SettingsSchema, IsKeptBesideTheSettingsThatTestsRead) {
  const char* const folder = std::getenv("VIGILE_KEEP_SETTINGS");
  if (folder == nullptr)
    GTEST_SKIP() << "VIGILE_KEEP_SETTINGS is not set: only tests/settings/schema/run sets it";
  std::ofstream(std::string(folder) + "/schema.json") << settings_schema(sample_catalog());
}

TEST(SettingsSchema, NamesEverySectionAndNoOther) {
  const json schema = sample_schema();
  const json& whole = schema.at("$defs").at("whole");
  EXPECT_THAT(keys(whole.at("properties")),
              ElementsAre("api", "clock", "device", "devices", "equipment", "include", "layout",
                          "remote_settings", "sinks", "site", "store", "unsigned"));
  EXPECT_EQ(whole.at("additionalProperties"), false);
  EXPECT_EQ(keys(schema.at("$defs").at("partial").at("properties")), keys(whole.at("properties")));
  const json& store = whole.at("properties").at("store");
  EXPECT_THAT(keys(store.at("properties")),
              ElementsAre("commit_every", "commit_every_max", "keep", "keep_summaries", "max_size", "memory",
                          "overflow", "path", "write_budget"));
  EXPECT_EQ(store.at("properties").at("keep").at("default"), "7d");
  EXPECT_THAT(store.at("properties").at("overflow").at("anyOf").at(0).at("enum"),
              ElementsAre("drop_oldest", "drop_newest", "thin"));
}

TEST(SettingsSchema, HasADefinitionForEachDriverAndSink) {
  const json schema = sample_schema();
  const json& defs = schema.at("$defs");
  const json& http = defs.at("driver_http");
  EXPECT_EQ(http.at("description"), "Web servers");
  EXPECT_EQ(http.at("additionalProperties"), false);
  EXPECT_THAT(
      keys(http.at("properties")),
      ElementsAre("deadline", "decides", "every", "except", "expect_status", "headers", "method", "name",
                  "only", "password", "pin", "ratio", "rename", "report", "tags", "timeout", "url", "when"));
  const json& row = defs.at("driver_bus").at("properties").at("registers").at("items");
  EXPECT_EQ(row.at("required"), json({"name", "address"}));
  EXPECT_EQ(row.at("additionalProperties"), false);
  EXPECT_EQ(http.at("anyOf").at(0).at("required"), json({"url"}));
  EXPECT_EQ(http.at("properties").at("expect_status").at("default"), 200);
  EXPECT_EQ(http.at("properties").at("expect_status").at("anyOf").at(0).at("maximum"), 599);
  EXPECT_EQ(http.at("properties").at("password").at("$ref"), "#/$defs/secret");
  EXPECT_FALSE(defs.at("driver_cpu").at("properties").contains("decides"));
  EXPECT_EQ(defs.at("driver_disk").at("properties").at("mounts").at("default"), json({"/", "/data"}));
  EXPECT_TRUE(defs.contains("sink_influx"));
  EXPECT_FALSE(defs.at("overlay_driver_http").contains("anyOf")) << "others may have said the url";
  const json& entries = defs.at("equipment").at("properties").at("drivers").at("items");
  EXPECT_THAT(entries.at("anyOf").at(1).at("enum"),
              ElementsAre("cpu", "memory", "disk", "http", "ping", "bus", "lost"));
  EXPECT_EQ(entries.at("anyOf").at(0).at("properties").at("http").at("$ref"), "#/$defs/driver_http");
}

void check_references(const json& schema, const json& node) {
  if (node.is_object()) {
    for (const auto& [key, value] : node.items()) {
      if (key == "$ref") {
        const std::string target = value.get<std::string>();
        EXPECT_TRUE(schema.contains(json::json_pointer(target.substr(1)))) << target;
      }
      check_references(schema, value);
    }
  } else if (node.is_array()) {
    for (const json& item : node) check_references(schema, item);
  }
}

TEST(SettingsSchema, EveryReferenceLeadsSomewhere) {
  const json schema = sample_schema();
  check_references(schema, schema);
}

// Every property says what it is.
void check_descriptions(const json& node, const std::string& path) {
  if (!node.is_object()) return;
  for (const auto& [key, value] : node.items()) {
    if (key == "properties") {
      for (const auto& [name, property] : value.items()) {
        EXPECT_TRUE(property.contains("description") || property.contains("$ref")) << path << "/" << name;
      }
    }
    check_descriptions(value, path + "/" + key);
  }
}

TEST(SettingsSchema, EveryPropertyIsDescribed) {
  check_descriptions(sample_schema(), "");
}

TEST(SettingsSchema, PatternsTakeWhatTheReaderTakes) {
  const json schema = sample_schema();
  const json& defs = schema.at("$defs");
  const auto duration =
      testing::ContainsRegex(defs.at("duration").at("anyOf").at(0).at("pattern").get<std::string>());
  const auto size =
      testing::ContainsRegex(defs.at("size").at("anyOf").at(0).at("pattern").get<std::string>());
  for (const std::string text : {"0", "10s", "1.5h", "1h30m", "500ms", "7d", "3us", "9ns", "2w", "10", "5 m",
                                 "x", "-1s", "s", "1h30"}) {
    const LoadedSettings loaded = parse_sample("store: {keep: " + text + "}");
    EXPECT_EQ(testing::Value(text, duration), loaded.settings.has_value()) << text;
  }
  for (const std::string text :
       {"2097152", "2MiB", "2.5MiB", "3GB", "2Mib", "MiB", "2 MiB", "-2MiB", "1TiB", "9999999B"}) {
    const LoadedSettings loaded = parse_sample("store: {max_size: " + text + "}");
    EXPECT_EQ(testing::Value(text, size), loaded.settings.has_value()) << text;
  }
}

}  // namespace
}  // namespace vigile
