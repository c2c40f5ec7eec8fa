// SPDX-License-Identifier: Apache-2.0
// What --check prints, what a reload compares, and the settings that come from the environment alone.
#include <gmock/gmock.h>

#include "sample_catalog.h"
#include "settings/change.h"
#include "settings/effective.h"

namespace vigile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kBefore = R"(
site: {id: 12, name: Lyon-Nord}
device: press-07
equipment:
  - id: 1
    name: Serveur
    type: server
    ip_address: 127.0.0.1
    tags: {row: 4}
    drivers:
      - cpu: {every: 10s}
      - http: {every: 30s, url: "http://me:pw@h/x?token=abc&q=1", timeout: 2s, decides: availability, password: s, tags: {a: b}}
      - disk: {name: disks}
    warning: {cpu_usage: {above: 90, for: 5m, clear: 80}}
  - id: 2
    drivers: [ping]
store: {path: /v.db}
sinks:
  - influx: {name: central, url: "http://u:p@db", token: t}
  - mqtt: {url: b, order: live_first, backlog_rate: 64KiB}
api: {listen: "127.0.0.1:8786", token: t}
)";

Settings parse_edited(std::string_view from = "", std::string_view to = "") {
  std::string yaml(kBefore);
  if (!from.empty()) {
    const std::size_t at = yaml.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    yaml.replace(at, from.size(), to);
  }
  const LoadedSettings loaded = parse_sample(yaml);
  EXPECT_THAT(texts(loaded.errors), IsEmpty()) << yaml;
  return loaded.settings.value_or(Settings{});
}

std::string change_by(std::string_view from, std::string_view to) {
  return to_string(compare(parse_edited(), parse_edited(from, to)));
}

TEST(EffectiveText, SaysWhatWouldRun) {
  EXPECT_EQ(effective_text(parse_edited(), sample_catalog()),
            R"(site 12 "Lyon-Nord", device press-07, layout equipment
equipment 1 "Serveur", server, 127.0.0.1, tags row=4, offline after 2 failures, online after 1 success
  1/cpu: every 10s, deadline 10s
  1/http: every 30s, deadline 10s, decides availability, tags a=b, url "http://***@h/x?token=***&q=1", timeout 2s, password (secret)
  disks (disk): every 10s, deadline 10s
  warning when cpu_usage > 90 for 5m, normal again past 80
equipment 2 "2", other
  2/ping: every 10s, deadline 10s
store /v.db: at most 256MiB, then drop_oldest; keep 7d, summaries 400d; commit every 1s; 2MiB of memory while the disk fails
sink central (influx): every 10s, batches of 1MiB, url "http://***@db", token (secret)
sink mqtt: every 10s, batches of 1MiB, live first, backlog at 64KiB/s, url "b"
api /run/vigile/vigiled.sock, and 127.0.0.1:8786 with a token (secret)
)");
  EXPECT_THAT(effective_text(Settings{}, sample_catalog()),
              HasSubstr("no sinks: readings stay on this device"));
}

TEST(SettingsChange, OfTheSameIsNothing) {
  const SettingsChange change = compare(parse_edited(), parse_edited("site: {id: 12", "\n\nsite: {id: 12"));
  EXPECT_TRUE(change.none());
  EXPECT_EQ(to_string(change), "nothing changed");
  EXPECT_THAT(change.needs_restart(), IsEmpty());
}

TEST(SettingsChange, IsToldByName) {
  EXPECT_EQ(change_by("every: 10s", "every: 5s"), "drivers: 1 changed (1/cpu)");
  EXPECT_EQ(change_by("password: s", "password: t"), "drivers: 1 changed (1/http)");
  EXPECT_EQ(change_by("- disk: {name: disks}", "- memory"), "drivers: 1 added (1/memory), 1 removed (disks)");
  EXPECT_EQ(change_by("[ping]", "[cpu, ping: {every: 1s}]"), "drivers: 1 added (2/cpu), 1 changed (2/ping)");
  EXPECT_EQ(change_by("above: 90", "above: 95"), "equipment: 1 changed (1)");
  // Neither limits nor what makes it offline is any driver's business.
  EXPECT_EQ(change_by("ip_address: 127.0.0.1", "ip_address: 127.0.0.1\n    offline_after: 3"),
            "equipment: 1 changed (1)");
  EXPECT_EQ(change_by("ip_address: 127.0.0.1", "ip_address: 127.0.0.1\n    online_after: 4"),
            "equipment: 1 changed (1)");
  EXPECT_EQ(change_by("ip_address: 127.0.0.1", "ip_address: 127.0.0.1\n    offline_after: 2"),
            "nothing changed");
  // What a driver is told of its equipment, it must be told again.
  EXPECT_EQ(change_by("name: Serveur", "name: Server"),
            "equipment: 1 changed (1); drivers: 3 changed (1/cpu, 1/http, disks)");
  EXPECT_EQ(change_by("  - id: 2\n", "  - id: 3\n"),
            "equipment: 1 added (3), 1 removed (2); drivers: 1 added (3/ping), 1 removed (2/ping)");
  EXPECT_EQ(change_by("token: t}\n  - mqtt", "token: u}\n  - mqtt"), "sinks: 1 changed (central)");
  EXPECT_EQ(change_by("name: central", "name: other"), "sinks: 1 added (other), 1 removed (central)");
  EXPECT_EQ(change_by("127.0.0.1:8786", "127.0.0.1:8787"), "api changed");
  // Everything that is written reads differently then.
  for (const std::string_view edited :
       {"device: press-08", "device: press-07\nlayout: native", "device: press-07\nunsigned: true"}) {
    EXPECT_EQ(change_by("device: press-07", edited),
              "site, device or layout changed; drivers: 4 changed (1/cpu, 1/http, disks, 2/ping); "
              "sinks: 2 changed (central, mqtt)");
  }
  EXPECT_EQ(change_by("device: press-07", "device: press-07\nremote_settings: {url: \"mqtt://h\"}"),
            "remote settings changed");
  EXPECT_EQ(change_by("path: /v.db", "path: /v.db, keep: 2d"), "store limits changed");
}

TEST(SettingsChange, OfTheStoresPathNeedsARestart) {
  const SettingsChange change = compare(parse_edited(), parse_edited("path: /v.db", "path: /w.db"));
  EXPECT_TRUE(change.store_path);
  EXPECT_FALSE(change.store_limits);
  EXPECT_THAT(change.needs_restart(), ElementsAre(HasSubstr("store.path changed")));
}

TEST(SettingsChange, OfTheClocksRulesNeedsARestart) {
  const SettingsChange change = compare(
      parse_edited(), parse_edited("device: press-07", "device: press-07\nclock: {require_sync: true}"));
  EXPECT_FALSE(change.identity);
  EXPECT_THAT(change.needs_restart(), ElementsAre(HasSubstr("clock changed")));
  EXPECT_EQ(to_string(change), "clock changed");
}

LoadedSettings from_environment(std::map<std::string, std::string> values) {
  return settings_from_environment(sample_catalog(), variables(std::move(values)), "edge: \"1\"");
}

TEST(SettingsFromEnvironment, InfluxDb2) {
  const LoadedSettings loaded = from_environment({{"INFLUXDB_URL", "http://db:8086"},
                                                  {"INFLUXDB_TOKEN", "t: {x}"},
                                                  {"INFLUXDB_ORG", "o"},
                                                  {"INFLUXDB_BUCKET", "b"}});
  ASSERT_THAT(texts(loaded.errors), IsEmpty());
  const Settings& s = *loaded.settings;
  EXPECT_EQ(s.device, "edge: \"1\"");
  EXPECT_EQ(s.store.path, "/var/lib/vigile/vigile.db");
  ASSERT_EQ(s.equipment.size(), 1U);
  EXPECT_EQ(s.equipment[0].id, "1");
  EXPECT_EQ(s.equipment[0].name, "edge: \"1\"");
  EXPECT_EQ(s.equipment[0].type, "server");
  EXPECT_EQ(s.equipment[0].ip_address, "127.0.0.1");
  // Of the six, those that this catalog has.
  ASSERT_EQ(s.equipment[0].drivers.size(), 3U);
  EXPECT_EQ(s.equipment[0].drivers[2].name, "1/disk");
  ASSERT_EQ(s.sinks.size(), 1U);
  EXPECT_EQ(s.sinks[0].options.text("api"), "v2");
  EXPECT_EQ(s.sinks[0].options.text("url"), "http://db:8086");
  EXPECT_EQ(s.sinks[0].options.text("token"), "t: {x}");
  EXPECT_EQ(s.sinks[0].options.text("org"), "o");
  EXPECT_EQ(s.sinks[0].options.text("bucket"), "b");
}

TEST(SettingsFromEnvironment, InfluxDb1) {
  const LoadedSettings loaded = from_environment({{"INFLUXDB_URL", "http://db"},
                                                  {"INFLUXDB_DATABASE", "d"},
                                                  {"INFLUXDB_USER", "u"},
                                                  {"VIGILE_STATE", "/s"}});
  ASSERT_THAT(texts(loaded.errors), IsEmpty());
  const Options& options = loaded.settings->sinks.at(0).options;
  EXPECT_EQ(options.text("api"), "v1");
  EXPECT_EQ(options.text("database"), "d");
  EXPECT_EQ(options.text("user"), "u");
  EXPECT_FALSE(options.has("password"));
  EXPECT_EQ(loaded.settings->store.path, "/s/vigile.db");
  EXPECT_EQ(loaded.settings->api.socket, "/s/vigiled.sock");
}

TEST(SettingsFromEnvironment, NamesWhatIsMissing) {
  const auto missing = [](const std::string& name) {
    return "environment: without a settings file, the environment variable " + name + " must be set";
  };
  EXPECT_THAT(texts(from_environment({}).errors),
              ElementsAre(missing("INFLUXDB_URL"),
                          missing("INFLUXDB_TOKEN") + " (or INFLUXDB_DATABASE for InfluxDB 1)",
                          missing("INFLUXDB_ORG"), missing("INFLUXDB_BUCKET")));
  EXPECT_THAT(
      texts(from_environment({{"INFLUXDB_TOKEN", "t"}, {"INFLUXDB_ORG", "o"}, {"INFLUXDB_BUCKET", "b"}})
                .errors),
      ElementsAre(missing("INFLUXDB_URL")));
  EXPECT_THAT(texts(from_environment({{"INFLUXDB_DATABASE", "d"}}).errors),
              ElementsAre(missing("INFLUXDB_URL")));
}

}  // namespace
}  // namespace vigile
