// SPDX-License-Identifier: Apache-2.0
// remote_settings, and settings from elsewhere that are laid over the file.
#include <gmock/gmock.h>

#include <fstream>

#include "sample_catalog.h"
#include "settings/effective.h"
#include "settings/redacted.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kSite = R"(site: {id: 12, name: Lyon}
device: press-07
equipment:
  - id: 1
    drivers: [cpu, http: {url: "http://h/"}]
store: {path: /v.db, max_size: 32MiB}
remote_settings: {url: "mqtt://u:pw@broker:1883"}
)";

class Layer : public testing::Test {
 protected:
  LoadedSettings load(const std::string& yaml, std::string_view site = kSite) {
    std::ofstream(dir_ / "site.yaml") << site;
    asked_ = 0;
    return load_settings(dir_ / "site.yaml", sample_catalog(), variables({{"SIZE", "48MiB"}}), "edge-1",
                         [&](const Settings& alone) -> Result<std::optional<SettingsLayer>> {
                           ++asked_;
                           EXPECT_EQ(alone.site_id, "12");
                           return std::optional(SettingsLayer{"layer.yaml", yaml});
                         });
  }
  std::vector<std::string> errors(const std::string& yaml, std::string_view site = kSite) {
    std::vector<std::string> found;
    for (std::string text : texts(load(yaml, site).errors)) {
      const std::string path = dir_.path().string() + "/";
      for (std::size_t at = 0; (at = text.find(path)) != std::string::npos;) text.erase(at, path.size());
      found.push_back(text);
    }
    return found;
  }

  TempDir dir_;
  int asked_ = 0;
};

TEST(RemoteSettings, AreOffByDefault) {
  EXPECT_FALSE(parse_sample("site: {id: 12}\n").settings->remote);
}

TEST(RemoteSettings, HaveDefaultsOfTheSite) {
  const LoadedSettings loaded = parse_sample(kSite);
  ASSERT_TRUE(loaded.settings) << texts(loaded.errors)[0];
  const RemoteSettings& remote = *loaded.settings->remote;
  EXPECT_EQ(remote.topic, "vigile/12/press-07/settings");
  EXPECT_EQ(remote.client_id, "vigile-12-press-07-settings");
  EXPECT_EQ(remote.public_key, "/etc/vigile/settings.pub");
  EXPECT_EQ(remote.folder, "/var/lib/vigile/settings");
  EXPECT_EQ(remote.trial, 2min);
  EXPECT_TRUE(remote.is_version_5);
  EXPECT_THAT(
      effective_text(*loaded.settings, sample_catalog()),
      HasSubstr("settings from mqtt://***@broker:1883, topic vigile/12/press-07/settings, signed by a "
                "key of /etc/vigile/settings.pub, kept in /var/lib/vigile/settings; on trial for 2m"));
  EXPECT_THAT(secrets_of(*loaded.settings, sample_catalog()), testing::Contains("pw"));
}

TEST(RemoteSettings, BadOnesSayWhatWouldBeRight) {
  const auto error = [](const std::string& remote) {
    const auto found = texts(parse_sample("remote_settings: " + remote + "\n").errors);
    return found.size() == 1 ? found[0] : "errors: " + std::to_string(found.size());
  };
  EXPECT_THAT(error("{}"), HasSubstr("\"url\""));
  EXPECT_THAT(error("{url: \"mqtt://h\", topic: \"a/#\"}"), HasSubstr("1:43: topic: must be one topic"));
  EXPECT_THAT(error("{url: \"mqtt://h\", password: s3}"), HasSubstr("password: needs a user"));
  EXPECT_THAT(error("{url: \"mqtt://h\", cert_file: /c}"), HasSubstr("cert_file and key_file go together"));
  EXPECT_THAT(error("{url: \"mqtt://h\", folder: here}"), HasSubstr("folder: must be a path from the root"));
  EXPECT_THAT(error("{url: \"mqtt://h\", trial: 0s}"), HasSubstr("trial"));
  EXPECT_THAT(error("{url: \"mqtt://h\", tryal: 1m}"), HasSubstr("did you mean \"trial\"?"));
  EXPECT_THAT(error("{url: \"mqtt://h\", client_id: \"" + std::string(201, 'x') + "\"}"),
              HasSubstr("client_id: has 1 to 200 bytes"));
}

TEST_F(Layer, LiesOverTheFileByTheRulesOfInclude) {
  const LoadedSettings loaded = load(
      "# a comment\n"
      "site: {name: Lyon-Nord}\n"
      "store: {max_size: \"${SIZE}\"}\n"
      "equipment:\n"
      "  - id: 1\n"
      "    drivers: [cpu: {every: 1m}, memory]\n");
  ASSERT_TRUE(loaded.settings) << texts(loaded.errors)[0];
  EXPECT_EQ(loaded.settings->site_id, "12");
  EXPECT_EQ(loaded.settings->site_name, "Lyon-Nord");
  EXPECT_EQ(loaded.settings->store.max_size_bytes, 48u << 20);
  EXPECT_EQ(loaded.settings->store.path, "/v.db");
  const auto& drivers = loaded.settings->equipment.at(0).drivers;
  ASSERT_EQ(drivers.size(), 3u);
  EXPECT_EQ(drivers[0].every, 1min);
  EXPECT_EQ(drivers[2].driver, "memory");
  EXPECT_EQ(loaded.files.back(), "layer.yaml");
}

TEST_F(Layer, OfNothingIsTheFileAlone) {
  for (const char* const yaml : {"", "# nothing\n"}) {
    const LoadedSettings loaded = load(yaml);
    ASSERT_TRUE(loaded.settings) << texts(loaded.errors)[0];
    EXPECT_EQ(*loaded.settings, *parse_sample(kSite).settings);
  }
}

TEST_F(Layer, HasDevicesOfItsOwn) {
  const LoadedSettings loaded = load(
      "store: {max_size: 40MiB}\n"
      "devices:\n"
      "  press-07: {store: {max_size: 41MiB}}\n"
      "  press-08: {store: {max_size: 42MiB}}\n");
  ASSERT_TRUE(loaded.settings) << texts(loaded.errors)[0];
  EXPECT_EQ(loaded.settings->store.max_size_bytes, 41u << 20);
}

TEST_F(Layer, ErrorsHaveTheirPlaceInIt) {
  EXPECT_THAT(errors("\nstroe: {}\n"),
              ElementsAre("layer.yaml:2:1: unknown key \"stroe\"; did you mean \"store\"?"));
  EXPECT_THAT(errors("store: {max_size: 5 apples}\n"), ElementsAre(HasSubstr("layer.yaml:1:19: max_size")));
  EXPECT_THAT(errors("{\n"), ElementsAre(HasSubstr("layer.yaml:")));
  EXPECT_THAT(errors("- a\n"), ElementsAre(HasSubstr("layer.yaml:1:1: settings: expected keys with values")));
  EXPECT_THAT(errors("include: x.yaml\n"), ElementsAre(HasSubstr("layer.yaml:1:1: include: not here")));
  EXPECT_THAT(errors("store: {max_size: \"${ABSENT}\"}\n"), ElementsAre(HasSubstr("layer.yaml:1:19")));
}

TEST_F(Layer, CannotChangeWhoTheDeviceIsNorTheWayBack) {
  constexpr const char* kOnly = "only the file on the device can say this";
  EXPECT_THAT(errors("device: x\n"), ElementsAre("layer.yaml:1:1: device: " + std::string(kOnly)));
  EXPECT_THAT(errors("remote_settings: {url: \"mqtt://evil\"}\n"), ElementsAre(HasSubstr(kOnly)));
  EXPECT_THAT(errors("remote_settings:\n"), ElementsAre(HasSubstr(kOnly)));
  EXPECT_THAT(errors("site: {id: 13}\n"), ElementsAre("layer.yaml:1:8: site: id: " + std::string(kOnly)));
  EXPECT_THAT(errors("site:\n"), ElementsAre(HasSubstr(kOnly)));
  EXPECT_THAT(errors("store: {path: /w.db}\n"), ElementsAre(HasSubstr(kOnly)));
  EXPECT_THAT(errors("store:\n"), ElementsAre(HasSubstr(kOnly)));
  EXPECT_THAT(errors("devices: {press-07: {store: {path: /w.db}}}\n"), ElementsAre(HasSubstr(kOnly)));
  EXPECT_THAT(errors("devices: {press-07: {remote_settings: {url: x}}}\n"), ElementsAre(HasSubstr(kOnly)));
  EXPECT_THAT(errors("devices: {press-07: {device: x}}\n"), ElementsAre(HasSubstr("cannot be different")));
}

TEST_F(Layer, IsNotAskedForWhereTheFileIsWrongOrWantsNone) {
  EXPECT_THAT(errors("", "site: {id: 12}\nremote_settings: {url: \"mqtt://h\", tryal: 1m}\n"),
              ElementsAre(HasSubstr("site.yaml:2:")));
  EXPECT_EQ(asked_, 0);
  EXPECT_THAT(errors("store: {max_size: 1MiB}\n", "site: {id: 12}\n"), IsEmpty());
  EXPECT_EQ(asked_, 0);
}

TEST_F(Layer, ThatCannotBeHadIsAnError) {
  std::ofstream(dir_ / "site.yaml") << kSite;
  const LoadedSettings loaded =
      load_settings(dir_ / "site.yaml", sample_catalog(), variables({}), "edge-1",
                    [](const Settings&) -> Result<std::optional<SettingsLayer>> {
                      return Error{ErrorKind::permission, "settings.yaml: not signed"};
                    });
  EXPECT_FALSE(loaded.settings);
  EXPECT_THAT(texts(loaded.errors), ElementsAre(HasSubstr("remote_settings: settings.yaml: not signed")));
}

}  // namespace
}  // namespace vigile
