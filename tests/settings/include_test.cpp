// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "sample_catalog.h"
#include "settings/settings.h"

namespace vigile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Include : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(::testing::TempDir()) /
        ("vigile_include_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "d");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }

  LoadedSettings load(const std::string& name = "site.yaml", const std::string& host = "press-07") {
    return load_settings(
        folder_ / name, sample_catalog(),
        [this](const std::string& key) -> std::optional<std::string> {
          const auto found = environment_.find(key);
          return found == environment_.end() ? std::nullopt : std::optional(found->second);
        },
        host);
  }
  // Of what is to be right.
  Settings settings(const std::string& name = "site.yaml", const std::string& host = "press-07") {
    LoadedSettings loaded = load(name, host);
    for (const SettingsError& error : loaded.errors) ADD_FAILURE() << to_string(error);
    return loaded.settings.value_or(Settings{});
  }
  // Each as "file:line:column: message", the folder left out.
  std::vector<std::string> errors(const std::string& host = "press-07") {
    std::vector<std::string> found;
    for (const SettingsError& error : load("site.yaml", host).errors) {
      std::string text = to_string(error);
      const std::string path = folder_.string() + "/";
      for (std::size_t at = 0; (at = text.find(path)) != std::string::npos;) text.erase(at, path.size());
      found.push_back(text);
    }
    return found;
  }

  std::filesystem::path folder_;
  std::map<std::string, std::string> environment_;
};

std::vector<std::string> names(const EquipmentSettings& equipment) {
  std::vector<std::string> all;
  for (const DriverSettings& driver : equipment.drivers) all.push_back(driver.name);
  return all;
}

TEST_F(Include, WhatIncludesWinsAndMapsAreMergedKeyByKey) {
  write("base.yaml", "site: {id: 12, name: Lyon}\nstore: {max_size: 64MiB, keep: 3d}\n");
  write("site.yaml", "include: base.yaml\nsite: {name: Nord}\nstore: {keep: 5d}\n");
  const Settings got = settings();
  EXPECT_EQ(got.site_id, "12");
  EXPECT_EQ(got.site_name, "Nord");
  EXPECT_EQ(got.store.max_size_bytes, 64u << 20);
  EXPECT_EQ(got.store.keep, std::chrono::hours(5 * 24));
}

TEST_F(Include, LaterFilesWinAndGlobsAreSortedAndMayMatchNothing) {
  write("d/20.yaml", "site: {id: 20}\n");
  write("d/10.yaml", "site: {id: 10, name: ten}\n");
  write("site.yaml", "include: [\"d/*.yaml\", \"d/none-*.yaml\"]\n");
  EXPECT_EQ(settings().site_id, "20");
  EXPECT_EQ(settings().site_name, "ten");
  LoadedSettings loaded = load();
  ASSERT_EQ(loaded.files.size(), 3u);
  EXPECT_THAT(loaded.files[1], HasSubstr("10.yaml"));
}

TEST_F(Include, EquipmentIsMatchedByIdAndDriversByKindAndName) {
  write("base.yaml",
        "equipment:\n"
        "  - {id: 1, name: One, drivers: [cpu: {every: 10s}, cpu: {name: other, every: 20s}, memory]}\n"
        "  - {id: 2, name: Two}\n");
  write("site.yaml",
        "include: base.yaml\n"
        "equipment:\n"
        "  - {id: 2, type: server}\n"
        "  - {id: 1, drivers: [cpu: {name: other, every: 1s}, memory: {every: 5s}, cpu: {every: 2s}, cpu: "
        "{every: 3s}]}\n"
        "  - {id: 3}\n");
  const Settings got = settings();
  ASSERT_EQ(got.equipment.size(), 3u);
  EXPECT_EQ(got.equipment[0].name, "One");
  EXPECT_THAT(names(got.equipment[0]), ElementsAre("1/cpu", "other", "1/memory", "1/cpu-3"));
  EXPECT_EQ(got.equipment[0].drivers[0].every, std::chrono::seconds(2));
  EXPECT_EQ(got.equipment[0].drivers[1].every, std::chrono::seconds(1));
  EXPECT_EQ(got.equipment[0].drivers[2].every, std::chrono::seconds(5));
  EXPECT_EQ(got.equipment[0].drivers[3].every, std::chrono::seconds(3));
  EXPECT_EQ(got.equipment[1].name, "Two");
  EXPECT_EQ(got.equipment[1].type, "server");
}

TEST_F(Include, NothingTakesAwayAndWhenFalseLeavesOut) {
  write("base.yaml",
        "site: {id: 12, name: Lyon}\nequipment: [{id: 1, drivers: [cpu, memory], tags: {hall: B}}]\n");
  write(
      "site.yaml",
      "include: base.yaml\nsite: {name: ~}\nequipment: [{id: 1, tags: ~, drivers: [cpu: {when: false}]}]\n");
  const Settings got = settings();
  EXPECT_EQ(got.site_id, "12");
  EXPECT_EQ(got.site_name, "");
  ASSERT_EQ(got.equipment.size(), 1u);
  EXPECT_THAT(got.equipment[0].tags, IsEmpty());
  EXPECT_THAT(names(got.equipment[0]), ElementsAre("1/memory"));
}

TEST_F(Include, WhatIsSaidOfThisDeviceIsLaidOverEverything) {
  write("site.yaml",
        "store: {max_size: 64MiB}\n"
        "equipment: [{id: 1, drivers: [cpu: {every: 10s}]}]\n"
        "devices:\n"
        "  press-07: {store: {max_size: 8MiB}, equipment: [{id: 1, drivers: [cpu: {every: 1m}]}]}\n"
        "  press-08: {store: {max_size: 16MiB}}\n");
  EXPECT_EQ(settings().store.max_size_bytes, 8u << 20);
  EXPECT_EQ(settings().equipment[0].drivers[0].every, std::chrono::minutes(1));
  EXPECT_EQ(settings("site.yaml", "press-08").store.max_size_bytes, 16u << 20);
  EXPECT_EQ(settings("site.yaml", "press-09").store.max_size_bytes, 64u << 20);
  environment_["DEVICE"] = "press-08";
  write("named.yaml", "include: site.yaml\ndevice: \"${DEVICE}\"\n");
  EXPECT_EQ(settings("named.yaml").store.max_size_bytes, 16u << 20);
}

TEST_F(Include, OtherDevicesAreLookedAtForWrongKeys) {
  write("site.yaml",
        "devices:\n  press-08: {stor: {max_size: 1MiB}}\n  press-09: 5\n  press-07: {include: x.yaml}\n");
  EXPECT_THAT(errors(),
              ElementsAre("site.yaml:2:14: unknown key \"stor\"; did you mean \"store\"?",
                          HasSubstr("site.yaml:3:13: \"press-09\": expected settings of this device"),
                          HasSubstr("site.yaml:4:14: \"include\" cannot be different")));
}

TEST_F(Include, ErrorsStandWhereTheTextStands) {
  write("base.yaml", "site: {id: 1}\nequipment:\n  - {id: 1, drivers: [cpu: {evry: 1s}]}\n");
  write("site.yaml", "include: base.yaml\nstore: {max_size: 3}\n");
  const auto found = errors();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_THAT(found[0], HasSubstr("site.yaml:2:"));
  EXPECT_THAT(found[1], HasSubstr("base.yaml:3:"));
  EXPECT_THAT(found[1], HasSubstr("did you mean \"every\"?"));
}

TEST_F(Include, DuplicatesInOneFileStayErrors) {
  write("base.yaml", "equipment: [{id: 1}]\nsite: {id: 3}\n");
  write("site.yaml", "include: base.yaml\nequipment: [{id: 1}, {id: 1}]\nsite: {id: 4, id: 5}\n");
  const auto found = errors();
  ASSERT_EQ(found.size(), 2u) << ::testing::PrintToString(found);
  EXPECT_THAT(found[0], HasSubstr("site.yaml:2:"));
  EXPECT_THAT(found[1], HasSubstr("site.yaml:3:"));
}

TEST_F(Include, ASecondIncludeOrDevicesIsAnError) {
  write("a.yaml", "site: {id: 1}\n");
  write("b.yaml", "site: {id: 2}\n");
  write("site.yaml", "include: a.yaml\ninclude: b.yaml\n");
  EXPECT_THAT(errors(), ElementsAre("site.yaml:2:1: duplicate key \"include\"; it is on line 1 already"));
  write("site.yaml", "devices: {press-07: {store: {max_size: 8MiB}}}\ndevices: {press-08: {stor: {}}}\n");
  EXPECT_THAT(errors(), ElementsAre("site.yaml:2:1: duplicate key \"devices\"; it is on line 1 already"));
  const auto alone = parse_settings(
      "include: a\ninclude: b\n", "text", sample_catalog(), [](const std::string&) { return std::nullopt; },
      "h");
  EXPECT_EQ(alone.errors.size(), 2u);
}

TEST_F(Include, AllErrorsAreToldAtOnceUnlessAFileIsMissing) {
  write("a.yaml", "");
  write("site.yaml", "include: a.yaml\ninclude: a.yaml\nstor: {}\ndevices: 7\n");
  EXPECT_THAT(errors(), ElementsAre(HasSubstr(":2:1: duplicate key"), HasSubstr(":3:1: unknown key \"stor\""),
                                    HasSubstr(":4:10: devices: expected")));
  // What is missing may have had what an override leaves out.
  write("site.yaml", "include: missing.yaml\nequipment: [{id: 1, drivers: [http: {every: 1s}]}]\n");
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("missing.yaml: No such file")));
}

TEST_F(Include, ADuplicateOfAnotherFileNamesIt) {
  write("base.yaml", "equipment: [{id: 1, drivers: [cpu: {name: one}]}]\n");
  write("site.yaml", "include: base.yaml\n\nequipment: [{id: 2, drivers: [memory: {name: one}]}]\n");
  const auto found = errors();
  ASSERT_EQ(found.size(), 1u) << ::testing::PrintToString(found);
  EXPECT_THAT(found[0], HasSubstr("site.yaml:3:"));
  EXPECT_THAT(found[0], HasSubstr("it is on line 1 of base.yaml already"));
}

TEST_F(Include, SinksAreMatchedByKindAndName) {
  write("base.yaml",
        "sinks: [mqtt: {url: \"mqtt://a\"}, mqtt: {name: second, url: \"mqtt://b\", every: 5s}]\n");
  write("site.yaml", "include: base.yaml\nsinks: [mqtt: {name: second, every: 7s}]\n");
  const Settings got = settings();
  ASSERT_EQ(got.sinks.size(), 2u);
  EXPECT_EQ(got.sinks[0].every, std::chrono::seconds(10));
  EXPECT_EQ(got.sinks[1].name, "second");
  EXPECT_EQ(got.sinks[1].every, std::chrono::seconds(7));
  EXPECT_EQ(got.sinks[1].options.text("url"), "mqtt://b");
}

TEST_F(Include, AnEntryWithoutOptionsChangesNone) {
  write("base.yaml", "equipment: [{id: 1, drivers: [cpu: {every: 7s}]}]\n");
  for (const char* const entry : {"cpu", "cpu:", "cpu: {}"}) {
    write("site.yaml", "include: base.yaml\nequipment: [{id: 1, drivers: [{" + std::string(entry) + "}]}]\n");
    if (entry == std::string("cpu"))
      write("site.yaml", "include: base.yaml\nequipment: [{id: 1, drivers: [cpu]}]\n");
    EXPECT_EQ(settings().equipment.at(0).drivers.at(0).every, std::chrono::seconds(7)) << entry;
  }
}

TEST_F(Include, AFolderThatCannotBeReadIsNamed) {
  const std::string folder(300, 'x');  // longer than a name may be: not readable for root either
  write("site.yaml", "include: \"" + folder + "/*.yaml\"\n");
  const auto found = errors();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0], HasSubstr("site.yaml:1:10: include: "));
  EXPECT_THAT(found[0], HasSubstr("File name too long"));
}

TEST_F(Include, AnErrorElsewhereHidesNone) {
  // An unknown key stands where `api` stands in the other file.
  write("base.yaml", "site: {id: 1}\nzzz: 1\n");
  write("site.yaml", "include: base.yaml\napi: {listen: \"127.0.0.1:1\"}\n");
  const auto found = errors();
  ASSERT_EQ(found.size(), 2u) << ::testing::PrintToString(found);
  EXPECT_THAT(found[0], HasSubstr("needs a \"token\""));
}

TEST_F(Include, ACycleNamesItsFiles) {
  write("a.yaml", "include: site.yaml\n");
  write("site.yaml", "include: a.yaml\n");
  EXPECT_THAT(errors(),
              ElementsAre(HasSubstr(
                  "a.yaml:1:10: include: site.yaml: includes itself: site.yaml -> a.yaml -> site.yaml")));
}

TEST_F(Include, ItIsBoundedInDepthAndNumber) {
  for (int i = 0; i < 10; ++i) {
    write("deep" + std::to_string(i) + ".yaml", "include: deep" + std::to_string(i + 1) + ".yaml\n");
  }
  write("site.yaml", "include: deep0.yaml\n");
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("more than 8 files deep")));
  for (int i = 0; i < 63; ++i) write("d/" + std::to_string(i) + ".yaml", "");
  write("site.yaml", "include: d/*.yaml\n");
  EXPECT_THAT(errors(), IsEmpty()) << "64 with the first";
  write("d/64.yaml", "");
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("more than 64 files")));
}

TEST_F(Include, WhatCannotBeReadIsNamedWithItsPlace) {
  write("bad.yaml", "site: [\n");
  write("large.yaml", std::string((1u << 20) + 1, '#'));
  write("site.yaml", "include: [missing.yaml, bad.yaml, large.yaml, \"${UNSET}\", {a: b}]\n");
  EXPECT_THAT(errors(), UnorderedElementsAre(HasSubstr("site.yaml:1:11: include: missing.yaml: No such file"),
                                             HasSubstr("bad.yaml:"),
                                             HasSubstr("include: large.yaml: larger than 1 MiB"),
                                             HasSubstr("UNSET"), HasSubstr("expected a path")));
}

TEST_F(Include, OnlyFilesInclude) {
  const auto parsed = parse_settings(
      "include: /etc/hostname\n", "text", sample_catalog(), [](const std::string&) { return std::nullopt; },
      "h");
  ASSERT_EQ(parsed.errors.size(), 1u);
  EXPECT_THAT(parsed.errors[0].message, HasSubstr("only a settings file can include"));
}

TEST_F(Include, EachDeviceIsLoadedByItself) {
  write("site.yaml",
        "include: base.yaml\n"
        "device: press-09\n"
        "devices:\n"
        "  press-07: {store: {max_size: 41MiB}}\n"
        "  press-08:\n"
        "    equipment: [{id: 1, drivers: [cpu: {evry: 1s}]}]\n");
  write("base.yaml", "devices:\n  camera-01: {store: {max_size: 43MiB}}\n");
  const auto all = load_each_device(folder_ / "site.yaml", sample_catalog(), variables({}));
  ASSERT_EQ(all.size(), 3u);
  std::map<std::string, const LoadedSettings*> by_name;
  for (const DeviceSettings& one : all) by_name[one.device] = &one.loaded;
  ASSERT_TRUE(by_name.at("press-07")->settings);
  EXPECT_EQ(by_name.at("press-07")->settings->device, "press-07");
  EXPECT_EQ(by_name.at("press-07")->settings->store.max_size_bytes, 41u << 20);
  EXPECT_EQ(by_name.at("camera-01")->settings->store.max_size_bytes, 43u << 20);
  ASSERT_EQ(by_name.at("press-08")->errors.size(), 1u);
  EXPECT_THAT(to_string(by_name.at("press-08")->errors[0]),
              HasSubstr("site.yaml:6:41: unknown key \"evry\""));
  write("site.yaml", "store: {}\n");
  EXPECT_THAT(load_each_device(folder_ / "site.yaml", sample_catalog(), variables({})), IsEmpty());
}

}  // namespace
}  // namespace vigile
