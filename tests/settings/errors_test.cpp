// SPDX-License-Identifier: Apache-2.0
// Every kind of mistake, with the exact words and place that the user sees.
#include <gmock/gmock.h>

#include <fstream>

#include "sample_catalog.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct BadCase {
  std::string_view yaml;
  std::vector<std::string> errors;  // without the file's name
};

void PrintTo(const BadCase& bad, std::ostream* out) {
  *out << bad.yaml;
}

class Bad : public testing::TestWithParam<BadCase> {};

TEST_P(Bad, IsReported) {
  const LoadedSettings loaded = parse_sample(GetParam().yaml, {{"SIXTY", "60"}, {"SOME", "sesame"}});
  std::vector<std::string> expected;
  for (const std::string& error : GetParam().errors) expected.push_back("site.yaml:" + error);
  EXPECT_EQ(texts(loaded.errors), expected);
  EXPECT_FALSE(loaded.settings);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, Bad,
    testing::Values(
        BadCase{"devise: x\n", {"1:1: unknown key \"devise\"; did you mean \"device\"?"}},
        BadCase{"zzz: 1\n",
                {"1:1: unknown key \"zzz\"; valid here: device, layout, unsigned, site, clock, equipment, "
                 "store, sinks, api, remote_settings, include, devices"}},
        BadCase{"store: {Keep-Summaries: 3d}\n",
                {"1:9: unknown key \"Keep-Summaries\"; did you mean \"keep_summaries\"?"}},
        BadCase{"equipment: [{id: 1, tpye: server}]\n",
                {"1:21: unknown key \"tpye\"; did you mean \"type\"?"}},
        BadCase{"equipment:\n  - id: 1\n    drivers:\n      - cpu: {evry: 10s}\n",
                {"4:15: unknown key \"evry\"; did you mean \"every\"?"}},
        // The names of a skipped entry's keys are checked all the same.
        BadCase{"sinks: [mqtt: {when: \"\", urll: x}]\n",
                {"1:26: unknown key \"urll\"; did you mean \"url\"?"}},
        BadCase{"site: {name: Forêt, nmae: x}\n", {"1:21: unknown key \"nmae\"; did you mean \"name\"?"}},
        BadCase{"device: a\ndevice: b\n", {"2:1: duplicate key \"device\"; it is on line 1 already"}},
        BadCase{"store: {keep: 1d, keep: 2d}\n", {"1:19: duplicate key \"keep\"; it is on line 1 already"}},
        BadCase{"equipment: [{id: 1, tags: {a: 1, a: 2}}]\n",
                {"1:34: duplicate key \"a\"; it is on line 1 already"}},
        BadCase{"? [a]\n: b\n", {"1:3: a key must be a text"}},
        BadCase{"sinks: [mqtt: {qos: 1}]\n", {"1:9: required key \"url\" is missing"}},
        BadCase{"equipment: [{name: x}]\n", {"1:13: required key \"id\" is missing"}},
        BadCase{"sinks: [mqtt: {url: \"${NO:-}\"}]\n", {"1:21: url: is required, and empty here"}},
        BadCase{"sinks: [mqtt: {url: \"\"}]\n", {"1:21: url: must not be empty"}},
        BadCase{"[a, b]\n", {"1:1: settings: expected keys and values, not a list"}},
        BadCase{"just words\n", {"1:1: settings: expected keys and values, not a text"}},
        BadCase{"site: Lyon\n", {"1:7: site: expected keys and values, not a text"}}));

INSTANTIATE_TEST_SUITE_P(
    Types, Bad,
    testing::Values(
        BadCase{"unsigned: yes\n",
                {"1:11: unsigned: \"yes\" is not known; possible here: false, true, float"}},
        BadCase{"unsigned:\n", {"1:1: unsigned: has no value; expected a text"}},
        BadCase{"device: [a]\n", {"1:9: device: expected a text, not a list"}},
        BadCase{"layout: nativ\n", {"1:9: layout: \"nativ\" is not known; did you mean \"native\"?"}},
        BadCase{"layout: columns\n",
                {"1:9: layout: \"columns\" is not known; possible here: equipment, native"}},
        BadCase{"store: {keep: 7}\n", {"1:15: keep: \"7\" has no unit; write 7s, 7m or the like"}},
        BadCase{"store: {keep: 7 days}\n",
                {"1:15: keep: \"7 days\" is not a duration like 500ms, 10s, 5m or 7d"}},
        BadCase{"store: {keep: 7x}\n", {"1:15: keep: \"7x\" is not a duration like 500ms, 10s, 5m or 7d"}},
        BadCase{"store: {keep: -7d}\n", {"1:15: keep: \"-7d\" is negative"}},
        BadCase{"store: {keep: {a: b}}\n",
                {"1:15: keep: expected a duration like 500ms, 10s, 5m or 7d, not a map"}},
        BadCase{"store: {max_size: 10Mb}\n",
                {"1:19: max_size: \"10Mb\" is not a size like 512, 64KiB or 256MiB"}},
        BadCase{"store: {max_size: 1023KiB}\n",
                {"1:19: max_size: \"1023KiB\" is less than the least allowed, 1MiB"}},
        BadCase{"store: {memory: 3GiB}\n", {"1:17: memory: \"3GiB\" is more than the most allowed, 1GiB"}},
        BadCase{"store: {commit_every: 1ms}\n",
                {"1:23: commit_every: \"1ms\" is less than the least allowed, 10ms"}},
        BadCase{"store: {commit_every: 2h}\n",
                {"1:23: commit_every: \"2h\" is more than the most allowed, 1h"}},
        BadCase{"sinks: [mqtt: {url: u, qos: 3}]\n", {"1:29: qos: \"3\" is more than the most allowed, 2"}},
        BadCase{"sinks: [mqtt: {url: u, qos: 1.0}]\n", {"1:29: qos: \"1.0\" is not a whole number"}},
        BadCase{"sinks: [mqtt: {url: u, qos: 99999999999999999999}]\n",
                {"1:29: qos: \"99999999999999999999\" does not fit in 64 bits"}},
        BadCase{"equipment: [{id: 1, drivers: [http: {url: u, ratio: 50%}]}]\n",
                {"1:53: ratio: \"50%\" is not a number"}},
        BadCase{"equipment: [{id: 1, drivers: [http: {url: u, ratio: nan}]}]\n",
                {"1:53: ratio: \"nan\" is not a number"}},
        BadCase{"equipment: [{id: 1, drivers: [disk: {mounts: /}]}]\n",
                {"1:46: mounts: expected a list like [a, b], not a text"}},
        BadCase{"equipment: [{id: 1, drivers: [disk: {mounts: [/, [x]]}]}]\n",
                {"1:50: mounts: expected a text, not a list"}},
        BadCase{"equipment: [{id: 1, tags: [a]}]\n", {"1:27: tags: expected a map like {a: b}, not a list"}},
        BadCase{"equipment: [{id: 1, drivers: [cpu: {every: 0}]}]\n",
                {"1:44: every: \"0\" is less than the least allowed, 1ms"}},
        BadCase{"equipment: [{id: 1, drivers: [cpu: {decides: status}]}]\n",
                {"1:46: decides: \"status\" is not known; possible here: availability"}}));

INSTANTIATE_TEST_SUITE_P(
    Entries, Bad,
    testing::Values(
        BadCase{"equipment: [{id: 1, drivers: [cpuu]}]\n",
                {"1:31: unknown driver \"cpuu\"; did you mean \"cpu\"?"}},
        BadCase{"equipment: [{id: 1, drivers: [pcu]}]\n",
                {"1:31: unknown driver \"pcu\"; did you mean \"cpu\"?"}},
        BadCase{"equipment: [{id: 1, drivers: [modbus: {}]}]\n",
                {"1:31: unknown driver \"modbus\"; known here: cpu, memory, disk, http, ping, bus, lost"}},
        BadCase{"sinks: [inflxu: {url: u}]\n", {"1:9: unknown sink \"inflxu\"; did you mean \"influx\"?"}},
        BadCase{"equipment: [{id: 1, type: serveur}]\n",
                {"1:27: type: \"serveur\" is not known; did you mean \"server\"?"}},
        BadCase{
            "equipment:\n  - id: 1\n    drivers:\n      - cpu:\n        every: 10s\n",
            {"5:9: \"every\" stands beside \"cpu\", not under it; indent it further, or begin a new entry "
             "with \"- \""}},
        BadCase{"equipment: [{id: 1, drivers: [[cpu]]}]\n",
                {"1:31: expected a driver, like - cpu: {every: 10s}"}},
        BadCase{"equipment: [{id: 1, drivers: [cpu: 10s]}]\n",
                {"1:36: cpu: expected keys and values, not a text"}},
        BadCase{"equipment: [{id: 1, drivers: {cpu: {}}}]\n",
                {"1:30: drivers: expected a list, each entry begun with \"- \""}},
        BadCase{"equipment: {id: 1}\n", {"1:12: equipment: expected a list, each entry begun with \"- \""}},
        BadCase{"equipment: [x]\n",
                {"1:13: equipment: expected keys and values, not a text",
                 "1:13: required key \"id\" is missing"}},
        BadCase{"equipment: [{id: 1, drivers: [cpu: {decides: availability}]}]\n",
                {"1:46: decides: the driver \"cpu\" cannot decide availability; these can: http, ping"}},
        BadCase{"equipment:\n  - {id: 1}\n  - {id: \"1\"}\n",
                {"3:10: duplicate equipment id \"1\"; it is on line 2 already"}},
        BadCase{"equipment:\n  - id: 1\n    drivers:\n      - cpu: {name: a}\n      - ping: {name: a}\n",
                {"5:22: duplicate driver name \"a\"; it is on line 4 already"}},
        BadCase{"equipment: [{id: 1, drivers: [cpu: {name: 1/ping}, ping]}]\n",
                {"1:52: duplicate driver name \"1/ping\"; it is on line 1 already"}},
        BadCase{"sinks:\n  - mqtt: {url: a}\n  - mqtt: {url: b}\n",
                {"3:5: duplicate sink name \"mqtt\"; it is on line 2 already; give this one a \"name\""}},
        BadCase{"equipment: [{id: 1, ip_address: 10.0.0.256}]\n",
                {"1:33: ip_address: not an IPv4 or IPv6 address"}},
        BadCase{"equipment: [{id: 1, tags: {site_id: 4}}]\n",
                {"1:28: tags: \"site_id\" is a tag that Vigile writes itself"}},
        BadCase{"equipment: [{id: 1, drivers: [cpu: {tags: {time: now}}]}]\n",
                {"1:44: tags: \"time\" is a tag that Vigile writes itself"}},
        BadCase{"equipment: [{id: 1, tags: {\"\": 4}}]\n", {"1:28: tags: a tag without a name"}},
        BadCase{"equipment: [{id: \"a\\nb\"}]\n",
                {"1:18: id: holds a line break or another control character"}}));

INSTANTIATE_TEST_SUITE_P(
    Limits, Bad,
    testing::Values(
        BadCase{"equipment: [{id: 1, warning: {cpu_usage: {for: 5m}}}]\n",
                {"1:31: warning on \"cpu_usage\" needs \"above\" or \"below\""}},
        BadCase{"equipment: [{id: 1, warning: {cpu_usage: }}]\n",
                {"1:31: warning on \"cpu_usage\" needs \"above\" or \"below\""}},
        BadCase{"equipment: [{id: 1, warning: {u: {above: 90, for: -5m}}}]\n",
                {"1:51: for: \"-5m\" is negative"}},
        BadCase{"equipment: [{id: 1, warning: {u: {above: 90, for: 5}}}]\n",
                {"1:51: for: \"5\" has no unit; write 5s, 5m or the like"}},
        BadCase{"equipment: [{id: 1, warning: {u: {above: high}}}]\n",
                {"1:42: above: \"high\" is not a number"}},
        BadCase{"equipment: [{id: 1, warning: {u: {abov: 3}}}]\n",
                {"1:31: warning on \"u\" needs \"above\" or \"below\"",
                 "1:35: unknown key \"abov\"; did you mean \"above\"?"}},
        BadCase{"equipment: [{id: 1, warning: {u: {above: 10, below: 20}}}]\n",
                {"1:31: warning on \"u\": \"below\" must be less than \"above\", or it always holds"}},
        BadCase{"equipment: [{id: 1, warning: {u: {above: 90, clear: 95}}}]\n",
                {"1:53: clear: must not be more than \"above\", which is 90"}},
        BadCase{"equipment: [{id: 1, warning: {u: {below: 1.5, clear: 1}}}]\n",
                {"1:54: clear: must not be less than \"below\", which is 1.5"}},
        BadCase{"equipment: [{id: 1, warning: {u: {above: 9, below: 1, clear: 5}}}]\n",
                {"1:62: clear: has no meaning with both \"above\" and \"below\""}},
        BadCase{"equipment: [{id: 1, offline_after: 0, online_after: 1001}]\n",
                {"1:36: offline_after: \"0\" is less than the least allowed, 1",
                 "1:53: online_after: \"1001\" is more than the most allowed, 1000"}},
        BadCase{"equipment: [{id: 1, offline_after: 1.5}]\n",
                {"1:36: offline_after: \"1.5\" is not a whole number"}},
        BadCase{"equipment: [{id: 1, warning: 90}]\n",
                {"1:30: warning: expected keys and values, not a text"}}));

INSTANTIATE_TEST_SUITE_P(
    Site, Bad,
    testing::Values(
        BadCase{"api: {listen: \"127.0.0.1:8786\"}\n",
                {"1:15: listen: needs a \"token\", or every user of this machine could ask"}},
        BadCase{"api: {listen: \"127.0.0.1:8786\", token: \"${T:-}\"}\n",
                {"1:15: listen: needs a \"token\", or every user of this machine could ask"}},
        BadCase{"api: {listen: \"0.0.0.0:8786\", token: t}\n",
                {"1:15: listen: only loopback addresses are allowed: 127.0.0.1, [::1] or localhost"}},
        BadCase{"api: {listen: \"127.0.0.1.evil.example:80\", token: t}\n",
                {"1:15: listen: only loopback addresses are allowed: 127.0.0.1, [::1] or localhost"}},
        BadCase{"api: {listen: \"127.0.0.1\", token: t}\n",
                {"1:15: listen: expected host:port, like 127.0.0.1:8786"}},
        BadCase{"api: {listen: \"localhost:65536\", token: t}\n",
                {"1:15: listen: expected host:port, like 127.0.0.1:8786"}},
        BadCase{"api: {socket: \"\"}\n", {"1:15: socket: must be a path of 1 to 107 bytes"}},
        BadCase{"store: {path: /var/lib/}\n", {"1:15: path: must name a file"}},
        BadCase{"device: a/b\n",
                {"1:9: device: must not hold \"/\", \"+\" or \"#\": it is part of MQTT topics"}},
        BadCase{"site: {id: \"\"}\n", {"1:12: id: must not be empty"}}));

INSTANTIATE_TEST_SUITE_P(
    Variables, Bad,
    testing::Values(
        BadCase{
            "device: ${NOPE}\n",
            {"1:9: device: the environment variable NOPE is not set; ${NOPE:-…} would give it a default"}},
        BadCase{"device: \"${NOPE\"\n",
                {"1:9: device: \"${\" must go on as ${NAME} or ${NAME:-default}; write $$ for a dollar"}},
        BadCase{"device: \"${1X}\"\n",
                {"1:9: device: \"${\" must go on as ${NAME} or ${NAME:-default}; write $$ for a dollar"}},
        BadCase{"device: \"${}\"\n",
                {"1:9: device: \"${\" must go on as ${NAME} or ${NAME:-default}; write $$ for a dollar"}},
        BadCase{"device: \"${SOME:x}\"\n",
                {"1:9: device: \"${\" must go on as ${NAME} or ${NAME:-default}; write $$ for a dollar"}},
        // What a variable holds may be anybody's secret.
        BadCase{"store: {keep: \"${SIXTY}\", path: x}\n",
                {"1:15: keep: \"${SIXTY}\" stands for something that is not a duration like 500ms, 10s, 5m "
                 "or 7d"}},
        BadCase{"layout: ${SOME}\n",
                {"1:9: layout: \"${SOME}\" is not known; possible here: equipment, native"}},
        BadCase{
            "sinks: [mqtt: {when: \"${NOPE}\", url: x}]\n",
            {"1:22: when: the environment variable NOPE is not set; ${NOPE:-…} would give it a default"}}));

INSTANTIATE_TEST_SUITE_P(
    Syntax, Bad,
    testing::Values(
        BadCase{"site: {id: 1\ndevice: x\n",
                {"2:7: a \"{\" without its \"}\", or a missing \",\"; it was opened at 1:7"}},
        BadCase{"sinks: [a\n", {"2:1: a \"[\" without its \"]\", or a missing \",\"; it was opened at 1:8"}},
        BadCase{"device: \"abc\n", {"1:9: a quote that is never closed"}},
        BadCase{"device: 'it''s\n", {"1:9: a quote that is never closed"}},
        BadCase{
            "device: a: b\n",
            {"1:10: a \":\" that cannot stand here: quote the text that holds it, or check the indentation"}},
        BadCase{"site:\n\tid: 1\n", {"2:1: a tab in the indentation; use spaces"}},
        BadCase{"site:\n  id: 1\n name: x\n",
                {"3:2: the map ends wrongly: check the indentation, or a missing \":\""}},
        BadCase{"device: *other\n", {"1:9: an alias (*name) of an anchor (&name) that is not defined"}},
        BadCase{"device: \"a\\qb\"\n",
                {"1:13: an unknown escape in a \"…\" text; write \\\\ for a backslash"}},
        BadCase{"device: !!str x\n", {"1:9: YAML tags (!…) have no meaning in settings"}},
        BadCase{"device: a\n---\ndevice: b\n",
                {"2:1: a second document begins here; a settings file holds one"}},
        BadCase{"device: a\x01\n", {"1:10: a control character; settings are plain text"}},
        BadCase{"device: caf\xE9\n", {"1:12: a byte that is not UTF-8; save the file as UTF-8"}},
        BadCase{"store: &s {path: x, keep: *s}\n", {"1:27: an alias inside the value that it stands for"}}));

TEST(SettingsErrors, AllOfThemInFileOrder) {
  const LoadedSettings loaded = parse_sample(
      "sinks:\n"
      "  - influx: {token: x}\n"
      "  - kafka: {}\n"
      "store: {keep: 3, max_size: 1}\n"
      "equipment:\n"
      "  - id: 1\n"
      "    typ: server\n"
      "    drivers:\n"
      "      - cpu: {every: 10, per_core: maybe}\n"
      "      - http: {timeout: 2m}\n"
      "      - gpu\n"
      "  - id: 1\n"
      "device: ${DEVICE}\n"
      "colour: blue\n");
  EXPECT_THAT(texts(loaded.errors),
              ElementsAre("site.yaml:2:5: required key \"url\" is missing",
                          "site.yaml:3:5: unknown sink \"kafka\"; known here: influx, mqtt",
                          "site.yaml:4:15: keep: \"3\" has no unit; write 3s, 3m or the like",
                          "site.yaml:4:28: max_size: \"1\" is less than the least allowed, 1MiB",
                          "site.yaml:7:5: unknown key \"typ\"; did you mean \"type\"?",
                          "site.yaml:9:22: every: \"10\" has no unit; write 10s, 10m or the like",
                          "site.yaml:9:36: per_core: \"maybe\" is not true or false",
                          "site.yaml:10:9: required key \"url\" is missing",
                          "site.yaml:10:25: timeout: \"2m\" is more than the most allowed, 1m",
                          "site.yaml:11:9: unknown driver \"gpu\"; did you mean \"cpu\"?",
                          "site.yaml:12:9: duplicate equipment id \"1\"; it is on line 6 already",
                          "site.yaml:13:9: device: the environment variable DEVICE is not set; ${DEVICE:-…} "
                          "would give it a default",
                          StartsWith("site.yaml:14:1: unknown key \"colour\"; valid here: ")));
}

TEST(SettingsErrors, ThousandsOfThemAreCounted) {
  std::string yaml;
  for (int i = 0; i < 5000; ++i) yaml += "x" + std::to_string(i) + ":\n";
  const LoadedSettings loaded = parse_sample(yaml);
  ASSERT_EQ(loaded.errors.size(), 1001U);
  EXPECT_EQ(to_string(loaded.errors.back()), "site.yaml: and 4000 more errors");
}

TEST(SettingsErrors, QuotedTextIsShortAndPlain) {
  const LoadedSettings loaded = parse_sample("layout: \"\\e" + std::string(5000, 'x') + "\"\n");
  ASSERT_EQ(loaded.errors.size(), 1U);
  EXPECT_THAT(loaded.errors[0].message, StartsWith("layout: \"?xxx"));
  EXPECT_LT(loaded.errors[0].message.size(), 200U);
}

TEST(SettingsErrors, UnreadableFilesSayWhy) {
  const TempDir dir;
  const auto load = [&](const std::filesystem::path& path) {
    return texts(load_settings(path, sample_catalog(), variables({}), "h").errors);
  };
  const std::string missing = (dir / "missing.yaml").string();
  EXPECT_THAT(load(missing), ElementsAre(missing + ": No such file or directory"));
  EXPECT_THAT(load(dir.path()), ElementsAre(dir.path().string() + ": Is a directory"));
  const std::string big = (dir / "big.yaml").string();
  std::ofstream(big) << std::string(2U << 20, '#');
  EXPECT_THAT(load(big), ElementsAre(big + ": larger than 1 MiB"));
  EXPECT_THAT(load("/dev/zero"), ElementsAre("/dev/zero: larger than 1 MiB"));
  const std::string good = (dir / "good.yaml").string();
  std::ofstream(good) << "device: [\n";
  EXPECT_THAT(load(good), ElementsAre(HasSubstr("good.yaml:2:1: a \"[\" without its \"]\"")));
}

}  // namespace
}  // namespace vigile
