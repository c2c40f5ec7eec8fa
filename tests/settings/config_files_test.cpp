// SPDX-License-Identifier: Apache-2.0
// The files of config/ and the drivers' samples against the drivers and sinks that are built in.
// With UPDATE=1 in the environment the schema is written anew.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "core/file.h"
#include "drivers/registry.h"
#include "kept_settings.h"
#include "settings/keys.h"
#include "settings/settings.h"
#include "settings/values.h"
#include "sinks/registry.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using testing::IsEmpty;

const std::filesystem::path kConfig = std::filesystem::path(VIGILE_SOURCE_DIR) / "config";

// What is built in.
class BuiltIn {
 public:
  BuiltIn() {
    for (const DriverInfo* const driver : all_drivers()) {
      drivers_.push_back({{driver->name, driver->summary, driver->options}, driver->decides_availability});
    }
    for (const SinkInfo* const sink : all_sinks())
      sinks_.push_back({sink->kind, sink->summary, sink->options});
  }
  SettingsCatalog catalog() const { return {drivers_, sinks_}; }

 private:
  std::vector<DriverKind> drivers_;
  std::vector<OptionTable> sinks_;
};

std::string content_of(const std::filesystem::path& path) {
  const auto content = read_file(path);
  EXPECT_TRUE(content) << path;
  return content.value_or(std::string());
}

// Every variable and credential that the files of config/ ask for.
class Surroundings {
 public:
  Surroundings() {
    for (const char* const name : {"influx-token", "mqtt-password"})
      std::ofstream(credentials_ / name) << "t\n";
    values_["CREDENTIALS_DIRECTORY"] = credentials_.path().string();
    values_["VIGILE_STATE"] = "/var/lib/vigile";
    values_["VIGILE_TOKEN"] = "t";
    values_["INFLUXDB_URL"] = "http://127.0.0.1:8086";
    values_["INFLUXDB_TOKEN"] = "t";
    values_["INFLUXDB_ORG"] = "o";
    values_["INFLUXDB_BUCKET"] = "b";
    values_["MQTT_URL"] = "mqtt://127.0.0.1:1883";
    values_["SIMULATE"] = "1";
  }
  void unset(const std::string& name) { values_.erase(name); }
  EnvironmentLookup lookup() const {
    return [this](const std::string& name) -> std::optional<std::string> {
      const auto found = values_.find(name);
      if (found == values_.end()) return std::nullopt;
      return found->second;
    };
  }

 private:
  TempDir credentials_;
  std::map<std::string, std::string> values_;
};

std::vector<std::string> errors_of(const LoadedSettings& loaded) {
  std::vector<std::string> lines;
  for (const SettingsError& error : loaded.errors) lines.push_back(to_string(error));
  return lines;
}

// Read, and kept for tests/settings/schema/run.
LoadedSettings load_and_keep(const std::filesystem::path& path, const SettingsCatalog& catalog,
                             const EnvironmentLookup& environment, const char* host = "h") {
  auto loaded = load_settings(path, catalog, environment, host);
  keep_settings(content_of(path), loaded);
  return loaded;
}

// The files of config/ are for a build with all drivers.
std::string_view missing_driver() {
  for (const DriverInfo* const driver : all_drivers()) {
    if (!driver->missing.empty()) return driver->name;
  }
  return "";
}

TEST(ConfigFiles, TheSchemaIsTheGeneratedOne) {
  if (!missing_driver().empty()) GTEST_SKIP() << missing_driver() << " is not in this build";
  const std::filesystem::path path = kConfig / "vigile.schema.json";
  const std::string generated = settings_schema(BuiltIn().catalog());
  const char* const update = std::getenv("UPDATE");
  if (update != nullptr && std::string_view(update) == "1") std::ofstream(path) << generated;
  EXPECT_EQ(content_of(path), generated) << "run this test with UPDATE=1 and look at the difference";
}

TEST(ConfigFiles, TheAnnotatedFileLoads) {
  const BuiltIn built_in;
  Surroundings surroundings;
  EXPECT_THAT(errors_of(load_and_keep(kConfig / "vigile.yaml", built_in.catalog(), surroundings.lookup())),
              IsEmpty());
}

TEST(ConfigFiles, TheAnnotatedFileMentionsEveryKey) {
  const std::string text = content_of(kConfig / "vigile.yaml");
  const auto expect_mention = [&](std::string_view key) {
    EXPECT_TRUE(testing::Value(text, testing::ContainsRegex("[ \n{]" + std::string(key) + ":"))) << key;
  };
  for (const auto sections : {top_sections(), equipment_sections(), driver_sections()}) {
    for (const SectionKey& section : sections) expect_mention(section.name);
  }
  for (const auto table : {top_keys(), site_keys(), clock_keys(), store_keys(), api_keys(), equipment_keys(),
                           limit_keys(), driver_keys(), on_change_keys(), sink_keys()}) {
    for (const OptionSpec& key : table) expect_mention(key.name);
  }
  for (const SinkInfo* const sink : all_sinks()) {
    expect_mention(sink->kind);
    for (const OptionSpec& key : sink->options) expect_mention(key.name);
  }
  for (const DriverInfo* const driver : all_drivers()) {
    EXPECT_TRUE(testing::Value(text, testing::ContainsRegex("- " + std::string(driver->name) + "[:\n]")))
        << driver->name;
  }
}

TEST(ConfigFiles, EachSiteLoads) {
  if (!missing_driver().empty()) GTEST_SKIP() << missing_driver() << " is not in this build";
  const BuiltIn built_in;
  Surroundings surroundings;
  int sites = 0;
  for (const auto& file : std::filesystem::directory_iterator(kConfig / "sites")) {
    if (file.path().extension() != ".yaml") continue;
    ++sites;
    EXPECT_THAT(errors_of(load_and_keep(file.path(), built_in.catalog(), surroundings.lookup())), IsEmpty());
  }
  EXPECT_GE(sites, 3);
}

TEST(ConfigFiles, TheFleetIsOneFileForEachDevice) {
  if (!missing_driver().empty()) GTEST_SKIP() << missing_driver() << " is not in this build";
  const BuiltIn built_in;
  Surroundings surroundings;
  const auto on = [&](const char* host) {
    return load_and_keep(kConfig / "sites" / "fleet" / "lyon.yaml", built_in.catalog(), surroundings.lookup(),
                         host);
  };
  for (const char* const host : {"press-07", "press-08", "camera-01", "elsewhere"})
    EXPECT_THAT(errors_of(on(host)), IsEmpty());
  EXPECT_EQ(on("press-07").settings->equipment.size(), 2u);
  EXPECT_EQ(on("press-08").settings->equipment.at(0).drivers.size(), 4u);
  EXPECT_EQ(on("camera-01").settings->sinks.at(0).name, "plant");
}

TEST(ConfigFiles, ThisMachineNeedsNeitherInfluxNorMqtt) {
  const BuiltIn built_in;
  Surroundings surroundings;
  for (const char* const name :
       {"INFLUXDB_URL", "INFLUXDB_TOKEN", "INFLUXDB_ORG", "INFLUXDB_BUCKET", "MQTT_URL"}) {
    surroundings.unset(name);
  }
  const LoadedSettings loaded =
      load_settings(kConfig / "sites" / "this-machine.yaml", built_in.catalog(), surroundings.lookup(), "h");
  ASSERT_THAT(errors_of(loaded), IsEmpty());
  EXPECT_THAT(loaded.settings->sinks, IsEmpty());
}

TEST(ConfigFiles, EachDriversSampleLoads) {
  const BuiltIn built_in;
  Surroundings surroundings;
  for (const DriverInfo* const driver : all_drivers()) {
    if (!driver->missing.empty()) continue;
    const std::filesystem::path path =
        std::filesystem::path(VIGILE_SOURCE_DIR) / "drivers" / driver->name / "sample.yaml";
    // As it would be pasted under an equipment.
    std::string yaml = "equipment:\n  - id: 1\n    drivers:\n";
    std::istringstream sample(content_of(path));
    for (std::string line; std::getline(sample, line);) yaml += "      " + line + "\n";
    const LoadedSettings loaded =
        parse_settings(yaml, path.string(), built_in.catalog(), surroundings.lookup(), "h");
    keep_settings(yaml, loaded);
    ASSERT_THAT(errors_of(loaded), IsEmpty()) << yaml;
    EXPECT_FALSE(loaded.settings->equipment.at(0).drivers.empty()) << path;
  }
}

// The corpus of the fuzzer has bad files, too: they are for tests/settings/schema/run.
TEST(ConfigFiles, TheCorpusIsRead) {
  const BuiltIn built_in;
  Surroundings surroundings;
  const auto corpus = std::filesystem::path(VIGILE_SOURCE_DIR) / "tests" / "fuzz" / "corpus" / "settings";
  std::size_t refused = 0;
  for (const auto& file : std::filesystem::directory_iterator(corpus)) {
    const std::string yaml = content_of(file.path());
    const auto loaded = parse_settings(yaml, "site.yaml", built_in.catalog(), surroundings.lookup(), "h");
    keep_settings(yaml, loaded);
    if (!loaded.settings) ++refused;
  }
  EXPECT_GT(refused, 0u);
}

TEST(ConfigFiles, EachDefaultIsOneThatItsTableAllows) {
  const auto check = [](std::string_view kind, std::span<const OptionSpec> options) {
    for (const OptionSpec& option : options) {
      EXPECT_FALSE(option.help.empty()) << kind << ": " << option.name;
      if (option.fallback.empty()) continue;
      EXPECT_TRUE(default_value(option)) << kind << ": " << option.name;
    }
  };
  for (const auto table : {top_keys(), site_keys(), clock_keys(), store_keys(), api_keys(), equipment_keys(),
                           limit_keys(), driver_keys(), sink_keys()}) {
    check("settings", table);
  }
  for (const DriverInfo* const driver : all_drivers()) check(driver->name, driver->options);
  for (const SinkInfo* const sink : all_sinks()) check(sink->kind, sink->options);
}

}  // namespace
}  // namespace vigile
