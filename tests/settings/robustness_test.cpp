// SPDX-License-Identifier: Apache-2.0
// Hostile and damaged files get an error, in bounded time and memory, never a crash.
#include <gmock/gmock.h>

#include <random>

#include "sample_catalog.h"
#include "settings/effective.h"

namespace vigile {
namespace {

using testing::HasSubstr;

std::string repeated(std::string_view part, std::size_t size) {
  std::string text;
  while (text.size() + part.size() <= size) text += part;
  return text;
}

std::string only_error(const std::string& yaml) {
  const LoadedSettings loaded = parse_sample(yaml);
  EXPECT_FALSE(loaded.settings);
  EXPECT_EQ(loaded.errors.size(), 1U);
  return loaded.errors.empty() ? "" : to_string(loaded.errors.front());
}

TEST(Robustness, LargeTextsAreRefused) {
  EXPECT_EQ(only_error(std::string((1U << 20) + 1, ' ')), "site.yaml: larger than 1 MiB");
}

TEST(Robustness, DeepNestingIsRefused) {
  EXPECT_THAT(only_error("device: " + std::string(100, '[') + std::string(100, ']')),
              HasSubstr(":1:40: nested too deeply"));
  EXPECT_THAT(only_error("device: " + std::string(100'000, '[')), HasSubstr("nested too deeply"));
  EXPECT_THAT(only_error("device: " + repeated("{a: ", 100'000)), HasSubstr("nested too deeply"));
  EXPECT_THAT(only_error(repeated("- ", 100'000)), HasSubstr("nested too deeply"));
}

TEST(Robustness, AliasBombsAreRefused) {
  std::string wide = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    wide += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int j = 0; j < 8; ++j) wide += ", " + last;
    wide += "]\n";
  }
  EXPECT_THAT(only_error(wide), HasSubstr("more than 100000 values; aliases count"));
  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 1000; ++i) {
    deep += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_THAT(only_error(deep), HasSubstr(":32:12: nested too deeply"));
  EXPECT_THAT(only_error("device: [" + repeated("a,", 300'000) + "]"), HasSubstr("more than 100000 values"));
}

TEST(Robustness, AnythingRepeatedEndsSoon) {
  for (const std::string_view part :
       {"[",    "{",   "- ",  "? ",      ": ",    ", ",    "a: ",   "a\n",     "a: b\n",   "'",   "\"",
        "|\n ", "&a ", "*a ", "!a ",     "%a\n",  "---\n", "...\n", "[]\n",    "{}",       "{a,", "[{",
        "\t",   "\\",  "#",   "a: 'b\n", ": b\n", "? a\n", "${",    "x: &a\n", "\xC3\xA9", "<<: "}) {
    // What is quadratic anywhere would take minutes.
    const LoadedSettings loaded = parse_sample(repeated(part, 1U << 18));
    EXPECT_LE(loaded.errors.size(), 1001U) << part;
    EXPECT_EQ(loaded.settings.has_value(), loaded.errors.empty()) << part;
  }
}

TEST(Robustness, ExpansionIsBounded) {
  const std::string big(40'000, 'x');
  const LoadedSettings loaded = parse_sample("sinks: [mqtt: {url: \"${BIG}${BIG}${BIG}\"}]", {{"BIG", big}});
  ASSERT_EQ(loaded.errors.size(), 1U);
  EXPECT_EQ(loaded.errors[0].message, "url: longer than 64 KiB with its variables");
  EXPECT_THAT(only_error("device: \"" + repeated("${A:-", 10'000) + std::string(200, '}') + "\""),
              HasSubstr("\"${\" must go on"));
  EXPECT_THAT(only_error("device: \"" + repeated("${A:-", 100) + std::string(20, '}') + "\""),
              HasSubstr("too many variables inside"));
}

constexpr std::string_view kValid = R"(site: {id: 12, name: "Forêt-Nord"}
device: &d press-07
equipment:
  - id: 1
    name: Serveur
    type: server
    tags: {row: 4, x: "${A:-${B:-c}}$$"}
    drivers:
      - cpu: {every: 10s, per_core: true}
      - http: {every: 30s, url: "http://${HOST:-h}/x", timeout: 5s, decides: availability, headers: {A: b}}
      - disk: {mounts: [/, '/da''ta']}
    warning:
      cpu_usage: {above: 90, for: 5m, clear: 80}
  - {id: 2, name: *d}
store: {path: /x/v.db, max_size: 256MiB, keep: 7d}
sinks:
  - influx: {name: central, url: "${URL}", token: t, when: "${URL}"}
  - mqtt:
      url: mqtts://b # a comment
      qos: 1
api: {socket: /x.sock, listen: 127.0.0.1:8786, token: t}
)";

TEST(Robustness, MutatedFilesNeverCrash) {
  std::mt19937 random(20261124);
  constexpr std::string_view kBytes = "{}[]:,-&*!|>'\"%@`#?$ \n\t\r~\\<=0a\x80\xC3\x01";
  const std::map<std::string, std::string> values = {{"URL", "http://x"}, {"HOST", "y"}};
  int valid = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string yaml(kValid);
    const auto below = [&](std::size_t limit) { return random() % limit; };
    for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
      const std::size_t at = below(yaml.size());
      switch (below(5)) {
        case 0:
          yaml[at] = static_cast<char>(random());
          break;
        case 1:
          yaml[at] = kBytes[below(kBytes.size())];
          break;
        case 2:
          yaml.insert(at, 1, kBytes[below(kBytes.size())]);
          break;
        case 3:
          yaml.erase(at, 1 + below(20));
          break;
        default:
          yaml.insert(at, yaml.substr(below(yaml.size()), below(40)));
      }
      if (yaml.empty()) yaml = " ";
    }
    const LoadedSettings loaded = parse_sample(yaml, values);
    ASSERT_EQ(loaded.settings.has_value(), loaded.errors.empty()) << yaml;
    for (const SettingsError& error : loaded.errors) ASSERT_FALSE(error.message.empty()) << yaml;
    if (loaded.settings) {
      ++valid;
      ASSERT_FALSE(effective_text(*loaded.settings, sample_catalog()).empty());
    }
  }
  // The mutations are small enough to reach past the parser.
  EXPECT_GT(valid, 500);
}

}  // namespace
}  // namespace vigile
