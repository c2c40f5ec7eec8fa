// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "sample_catalog.h"
#include "settings/limit_key.h"

namespace vigile {
namespace {

std::string refused(std::string_view text) {
  const auto key = parse_limit_key(text);
  return key ? "" : key.error().message;
}

TEST(LimitKeys, AreAMetricAndTheTagsOfASeries) {
  EXPECT_EQ(*parse_limit_key("cpu_usage"), (LimitKey{"cpu_usage", {}}));
  EXPECT_EQ(*parse_limit_key("disk_usage{mount=/data}"), (LimitKey{"disk_usage", {{"mount", "/data"}}}));
  EXPECT_EQ(*parse_limit_key("a{b=c d,e=f=g}"), (LimitKey{"a", {{"b", "c d"}, {"e", "f=g"}}}));
  EXPECT_EQ(*parse_limit_key(R"(a{b=c\,d\}\\e})"), (LimitKey{"a", {{"b", R"(c,d}\e)"}}}));
  for (const char* const text : {"cpu_usage", "a{b=c,d=e}", R"(a{b=c\,d\}\\})"}) {
    const auto key = parse_limit_key(text);
    ASSERT_TRUE(key) << text;
    EXPECT_EQ(format_limit_key(key->metric, key->tags), text);
  }
}

TEST(LimitKeys, SayWhatIsWrong) {
  EXPECT_EQ(refused("{a=b}"), "expected the name of a metric, as in disk_usage{mount=/data}");
  for (const char* const text : {"a{", "a{}", "a{b}", "a{=c}", "a{b=c,}"})
    EXPECT_EQ(refused(text), "expected tags within the braces, as in disk_usage{mount=/data}") << text;
  EXPECT_EQ(refused("a{b=}"), "expected a value for each tag, as in disk_usage{mount=/data}");
  EXPECT_EQ(refused("a{b=c"), "expected a closing brace, as in disk_usage{mount=/data}");
  EXPECT_EQ(refused("a{b=c}d"), "expected nothing behind the closing brace, as in disk_usage{mount=/data}");
  EXPECT_EQ(refused("a{b=c,b=d}"), "expected each tag once, as in disk_usage{mount=/data}");
}

TEST(Limits, OfSingleSeriesStandBesideThoseOfAll) {
  const LoadedSettings loaded = parse_sample(
      "equipment:\n- id: 1\n  drivers: [disk]\n  warning:\n    disk_usage: {above: 90}\n"
      "    disk_usage{mount=/data}: {above: 95, for: 5m}\n    heat: {above: 1, recorded: true}\n");
  ASSERT_TRUE(loaded.settings) << to_string(loaded.errors.at(0));
  const auto& limits = loaded.settings->equipment.at(0).warnings;
  ASSERT_EQ(limits.size(), 3u);
  EXPECT_TRUE(limits[0].tags.empty());
  EXPECT_EQ(limits[1].metric, "disk_usage");
  EXPECT_EQ(limits[1].tags, (std::map<std::string, std::string>{{"mount", "/data"}}));
  EXPECT_EQ(limits[1].above, 95);
  EXPECT_FALSE(limits[1].is_recorded);
  EXPECT_TRUE(limits[2].is_recorded);
}

TEST(Limits, OneSeriesHasOneLimit) {
  const LoadedSettings loaded = parse_sample(
      "equipment:\n- id: 1\n  drivers: [disk]\n  warning:\n    usage{mount=/,type=x}: {above: 90}\n"
      "    usage{type=x,mount=/}: {above: 95}\n");
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_EQ(to_string(loaded.errors[0]),
            "site.yaml:6:5: warning: duplicate limit on \"usage{mount=/,type=x}\"; it is on line 5 already");
}

TEST(Limits, AKeyThatIsNoSeriesIsReportedWithItsPlace) {
  const LoadedSettings loaded = parse_sample(
      "equipment:\n- id: 1\n  drivers: [disk]\n  warning:\n    'disk_usage{mount}': {above: 90}\n");
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_EQ(to_string(loaded.errors[0]).substr(0, 19), "site.yaml:5:5: warn");
}

TEST(Unsigned, HasThreeMeanings) {
  const auto read = [](const char* text) {
    const LoadedSettings loaded = parse_sample(std::string("unsigned: ") + text + "\n");
    return loaded.settings ? loaded.settings->unsigned_numbers : UnsignedNumbers::as_int64;
  };
  EXPECT_EQ(read("false"), UnsignedNumbers::as_int64);
  EXPECT_EQ(read("true"), UnsignedNumbers::suffixed);
  EXPECT_EQ(read("float"), UnsignedNumbers::as_float);
}

}  // namespace
}  // namespace vigile
