// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <limits>

#include "sample_catalog.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

Settings parse_good(std::string_view yaml, std::map<std::string, std::string> values = {}) {
  LoadedSettings loaded = parse_sample(yaml, std::move(values));
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  return loaded.settings.value_or(Settings{});
}

constexpr std::string_view kFull = R"(
site: {id: 12, name: Lyon-Nord}
device: press-07
layout: native
unsigned: true
clock: {require_sync: true}
equipment:
  - id: 1
    name: Serveur principal
    type: server
    ip_address: 127.0.0.1
    tags: {row: 4, hall: B}
    offline_after: 3
    online_after: 1000
    drivers:
      - cpu:    {every: 2s, per_core: true}
      - cpu
      - memory:
      - http:   {every: 30s, deadline: 20s, url: "http://127.0.0.1/health", timeout: 1.5s, decides: availability, ratio: 0.25, method: HEAD}
      - disk:   {name: disks, tags: {unit: main}, mounts: [/, "/var/lib"]}
    warning:
      cpu_usage: {above: 90, for: 5m, clear: 80}
      voltage: {above: 250, below: 200}
  - id: "cam 2"
    type: camera
    ip_address: "fe80::1"
    drivers: [ping: {decides: availability}]
store: {path: /tmp/v.db, max_size: 64MiB, keep: 1d, keep_summaries: 30d, commit_every: 250ms, memory: 1MiB, overflow: drop_newest, write_budget: 50MiB/day, commit_every_max: 2m}
sinks:
  - influx: {name: central, url: "http://db:8086", token: secret, every: 5s, batch_bytes: 512KiB}
  - mqtt: {url: "mqtt://b", qos: 0, order: live_first, backlog_rate: 64KiB, max_message: 1000}
api: {socket: /tmp/v.sock, listen: "127.0.0.1:8786", token: abc}
)";

TEST(SettingsGood, EveryKeyIsRead) {
  const Settings s = parse_good(kFull);
  EXPECT_EQ(s.site_id, "12");
  EXPECT_EQ(s.site_name, "Lyon-Nord");
  EXPECT_EQ(s.device, "press-07");
  EXPECT_EQ(s.layout, Layout::native);
  EXPECT_EQ(s.unsigned_numbers, UnsignedNumbers::suffixed);
  EXPECT_TRUE(s.require_clock_sync);
  ASSERT_EQ(s.equipment.size(), 2U);

  const EquipmentSettings& server = s.equipment[0];
  EXPECT_EQ(server.id, "1");
  EXPECT_EQ(server.name, "Serveur principal");
  EXPECT_EQ(server.type, "server");
  EXPECT_EQ(server.ip_address, "127.0.0.1");
  EXPECT_THAT(server.tags, UnorderedElementsAre(Pair("row", "4"), Pair("hall", "B")));
  EXPECT_EQ(server.offline_after, 3U);
  EXPECT_EQ(server.online_after, 1000U);
  EXPECT_EQ(s.equipment[1].offline_after, 2U);
  EXPECT_EQ(s.equipment[1].online_after, 1U);
  ASSERT_EQ(server.drivers.size(), 5U);
  EXPECT_EQ(server.drivers[0].name, "1/cpu");
  EXPECT_EQ(server.drivers[0].every, 2s);
  EXPECT_EQ(server.drivers[0].deadline, 2s);
  EXPECT_TRUE(server.drivers[0].options.flag("per_core"));
  EXPECT_EQ(server.drivers[0].place.line, 16);
  EXPECT_EQ(server.drivers[0].place.column, 9);
  EXPECT_EQ(server.drivers[1].name, "1/cpu-2");
  EXPECT_EQ(server.drivers[1].every, 10s);
  EXPECT_FALSE(server.drivers[1].options.flag("per_core"));
  EXPECT_EQ(server.drivers[2].name, "1/memory");
  const DriverSettings& http = server.drivers[3];
  EXPECT_EQ(http.driver, "http");
  EXPECT_EQ(http.deadline, 20s);
  EXPECT_TRUE(http.decides_availability);
  EXPECT_EQ(http.options.text("url"), "http://127.0.0.1/health");
  EXPECT_EQ(http.options.duration("timeout"), 1500ms);
  EXPECT_EQ(http.options.integer("expect_status"), 200);
  EXPECT_EQ(http.options.number("ratio"), 0.25);
  EXPECT_EQ(http.options.text("method"), "HEAD");
  EXPECT_FALSE(http.options.has("headers"));
  EXPECT_EQ(server.drivers[4].name, "disks");
  EXPECT_THAT(server.drivers[4].tags, ElementsAre(Pair("unit", "main")));
  EXPECT_THAT(server.drivers[4].options.list("mounts"), ElementsAre("/", "/var/lib"));
  ASSERT_EQ(server.warnings.size(), 2U);
  EXPECT_EQ(server.warnings[0].metric, "cpu_usage");
  EXPECT_EQ(server.warnings[0].above, 90.0);
  EXPECT_EQ(server.warnings[0].below, std::nullopt);
  EXPECT_EQ(server.warnings[0].clear, 80.0);
  EXPECT_EQ(server.warnings[0].held, 5min);
  EXPECT_EQ(server.warnings[1].below, 200.0);

  EXPECT_EQ(s.equipment[1].id, "cam 2");
  EXPECT_EQ(s.equipment[1].name, "cam 2");
  EXPECT_EQ(s.equipment[1].drivers.at(0).name, "cam 2/ping");

  EXPECT_EQ(s.store.path, "/tmp/v.db");
  EXPECT_EQ(s.store.max_size_bytes, 64U << 20);
  EXPECT_EQ(s.store.keep, 24h);
  EXPECT_EQ(s.store.keep_summaries, 720h);
  EXPECT_EQ(s.store.commit_every, 250ms);
  EXPECT_EQ(s.store.memory_bytes, 1U << 20);
  EXPECT_EQ(s.store.overflow, StoreOverflow::drop_newest);
  EXPECT_EQ(s.store.write_budget_bytes, std::uint64_t{50} << 20);
  EXPECT_EQ(s.store.commit_every_max, 2min);

  ASSERT_EQ(s.sinks.size(), 2U);
  EXPECT_EQ(s.sinks[0].kind, "influx");
  EXPECT_EQ(s.sinks[0].name, "central");
  EXPECT_EQ(s.sinks[0].every, 5s);
  EXPECT_EQ(s.sinks[0].batch_bytes, 512U << 10);
  EXPECT_EQ(s.sinks[0].options.text("token"), "secret");
  EXPECT_EQ(s.sinks[1].name, "mqtt");
  EXPECT_EQ(s.sinks[1].order, DeliveryOrder::live_first);
  EXPECT_EQ(s.sinks[1].backlog_bytes_per_second, 64U << 10);
  EXPECT_EQ(s.sinks[1].options.integer("qos"), 0);
  EXPECT_EQ(s.sinks[1].options.size_bytes("max_message"), 1000U);

  EXPECT_EQ(s.api.socket, "/tmp/v.sock");
  EXPECT_EQ(s.api.listen, "127.0.0.1:8786");
  EXPECT_EQ(s.api.token, "abc");
}

TEST(SettingsGood, DefaultsAreThoseOfTheStructs) {
  Settings expected;
  expected.device = "edge-1";
  EXPECT_EQ(parse_good(""), expected);
  EXPECT_EQ(parse_good("# nothing\n"), expected);
  EXPECT_EQ(parse_good("site:\nstore: {}\nequipment: []\nsinks:\napi:\n"), expected);
  const Settings one = parse_good("sinks: [mqtt: {url: x}]\n");
  SinkSettings sink;
  sink.kind = "mqtt";
  sink.name = "mqtt";
  sink.options = one.sinks.at(0).options;
  EXPECT_EQ(one.sinks.at(0), sink);
}

TEST(SettingsGood, DeadlineIsTheIntervalButAtMostTenSeconds) {
  const Settings s = parse_good("equipment: [{id: 1, drivers: [cpu: {every: 4s}, memory: {every: 1h}]}]");
  EXPECT_EQ(s.equipment.at(0).drivers.at(0).deadline, 4s);
  EXPECT_EQ(s.equipment.at(0).drivers.at(1).deadline, 10s);
}

TEST(SettingsGood, TextsStayAsTheyAreWritten) {
  const Settings s = parse_good("site: {id: 007, name: 1.50}\ndevice: \"yes\"\n");
  EXPECT_EQ(s.site_id, "007");
  EXPECT_EQ(s.site_name, "1.50");
  EXPECT_EQ(s.device, "yes");
}

TEST(SettingsGood, AliasesStandForTheirValue) {
  const Settings s = parse_good(
      "equipment:\n"
      "  - {id: 1, drivers: &both [cpu: {every: 3s}, ping]}\n"
      "  - {id: 2, drivers: *both}\n");
  ASSERT_EQ(s.equipment.at(1).drivers.size(), 2U);
  EXPECT_EQ(s.equipment[1].drivers[0].name, "2/cpu");
  EXPECT_EQ(s.equipment[1].drivers[0].every, 3s);
}

TEST(SettingsGood, AByteOrderMarkAndWindowsLineEndsAreFine) {
  EXPECT_EQ(parse_good("\xEF\xBB\xBFsite: {id: 4}\r\ndevice: d\r\n").device, "d");
}

struct ExpansionCase {
  std::string_view written;
  std::string_view read;
};
class Expansion : public testing::TestWithParam<ExpansionCase> {};

TEST_P(Expansion, OfVariables) {
  const std::map<std::string, std::string> values = {
      {"A", "alpha"}, {"EMPTY", ""}, {"YAML", "{x: [1, 2]}: \"# \n"}, {"NESTED", "${A}"}};
  const Settings s = parse_good("sinks: [mqtt: {url: '" + std::string(GetParam().written) + "'}]", values);
  ASSERT_EQ(s.sinks.size(), 1U);
  EXPECT_EQ(s.sinks[0].options.text("url"), GetParam().read);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, Expansion,
    testing::Values(ExpansionCase{"${A}", "alpha"}, ExpansionCase{"x${A}y${A}", "xalphayalpha"},
                    ExpansionCase{"${A:-other}", "alpha"}, ExpansionCase{"${UNSET:-other}", "other"},
                    ExpansionCase{"${EMPTY:-other}", "other"}, ExpansionCase{"x${EMPTY}", "x"},
                    ExpansionCase{"x${UNSET:-}", "x"}, ExpansionCase{"${UNSET:-${A}/v}", "alpha/v"},
                    ExpansionCase{"${UNSET:-${EMPTY:-deep}}!", "deep!"}, ExpansionCase{"$${A}", "${A}"},
                    ExpansionCase{"a$$b$", "a$b$"}, ExpansionCase{"$A $1", "$A $1"},
                    // Never read again: neither as YAML nor for further variables.
                    ExpansionCase{"${YAML}", "{x: [1, 2]}: \"# \n"}, ExpansionCase{"${NESTED}", "${A}"}));

TEST(SettingsGood, ExpandedValuesAreTyped) {
  const Settings s = parse_good(
      "unsigned: ${FLAG}\nequipment: [{id: 1, drivers: [cpu: {every: \"${EVERY:-3s}\"}]}]\n"
      "sinks: [mqtt: {url: u, qos: \"${QOS}\"}]\n",
      {{"FLAG", "true"}, {"QOS", "2"}});
  EXPECT_EQ(s.unsigned_numbers, UnsignedNumbers::suffixed);
  EXPECT_EQ(s.equipment.at(0).drivers.at(0).every, 3s);
  EXPECT_EQ(s.sinks.at(0).options.integer("qos"), 2);
}

TEST(SettingsGood, AValueThatExpandsToNothingIsAbsent) {
  const Settings s = parse_good(
      "site: {id: \"${SITE:-}\"}\ndevice: \"${DEVICE:-}\"\n"
      "sinks: [influx: {url: u, api: \"${V:-}\", org: \"${ORG:-}\", token: \"${TOKEN:-}\"}]\n");
  EXPECT_EQ(s.site_id, "0");
  EXPECT_EQ(s.device, "edge-1");
  EXPECT_EQ(s.sinks.at(0).options.text("api"), "v2");
  EXPECT_FALSE(s.sinks.at(0).options.has("org"));
  EXPECT_FALSE(s.sinks.at(0).options.has("token"));
}

TEST(SettingsGood, WhenSkipsAnEntryWhoseConditionIsEmpty) {
  constexpr std::string_view kYaml =
      "equipment:\n"
      "  - id: 1\n"
      "    drivers:\n"
      "      - ping: {when: \"${PING:-}\"}\n"
      "      - ping: {when: \"${HTTP:-}${PING:-}x\"}\n"
      "      - http: {when: \"${HTTP:-}\", url: \"${HTTP}\", expect_status: nonsense}\n"
      "      - cpu: {when: false}\n"
      "sinks:\n"
      "  - influx: {when: \"${URL:-}\", url: \"${URL}\", token: \"${TOKEN}\"}\n";
  const Settings without = parse_good(kYaml);
  ASSERT_EQ(without.equipment.at(0).drivers.size(), 1U);
  EXPECT_EQ(without.equipment[0].drivers[0].name, "1/ping-2") << "names do not depend on what is skipped";
  EXPECT_THAT(without.sinks, IsEmpty());
  const Settings with = parse_good(kYaml, {{"URL", "http://db"}, {"TOKEN", "t"}, {"PING", "1"}});
  EXPECT_EQ(with.equipment.at(0).drivers.size(), 2U);
  EXPECT_EQ(with.sinks.at(0).options.text("url"), "http://db");
}

TEST(SettingsGood, SeveralInstancesMayDecideTogether) {
  const Settings s = parse_good(
      "equipment: [{id: 1, drivers: [ping: {decides: availability}, http: {url: u, decides: "
      "availability}]}]");
  EXPECT_TRUE(s.equipment.at(0).drivers.at(0).decides_availability);
  EXPECT_TRUE(s.equipment.at(0).drivers.at(1).decides_availability);
}

TEST(SettingsGood, Warnings) {
  const LoadedSettings loaded = parse_sample(
      "equipment:\n"
      "  - id: 1\n"
      "    drivers: [cpu: {every: 2s, deadline: 5s}]\n"
      "  - id: 2\n"
      "sinks: [mqtt: {url: u, backlog_rate: 1KiB}]\n");
  EXPECT_TRUE(loaded.settings);
  EXPECT_THAT(
      texts(loaded.warnings),
      ElementsAre("site.yaml:3:42: deadline: 5s is longer than the interval of 2s: a slow sample makes "
                  "the next ones late",
                  "site.yaml:4:5: equipment \"2\" has no drivers",
                  "site.yaml:5:38: backlog_rate: has no effect without order: live_first"));
  EXPECT_THAT(texts(parse_sample("").warnings),
              ElementsAre("site.yaml:1:1: there is no equipment: nothing is sampled"));
}

TEST(SettingsGood, PlacesDoNotCountWhenComparing) {
  EXPECT_EQ(parse_good("equipment: [{id: 1, drivers: [cpu]}]"),
            parse_good("\n\nequipment:\n  - id: 1\n    drivers:\n      - cpu:\n"));
}

}  // namespace
}  // namespace vigile
