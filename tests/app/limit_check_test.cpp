// SPDX-License-Identifier: Apache-2.0
// Limits on metrics that no driver makes, against the drivers that are built in.
#include <gmock/gmock.h>

#include "app/assembly.h"
#include "app/limit_check.h"
#include "catalog/catalog.h"

namespace vigile {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Settings settings(const std::string& drivers, const std::string& warning) {
  const auto loaded = parse_settings(
      "equipment:\n- id: 1\n  drivers: [" + drivers + "]\n  warning: {" + warning + "}\n", "site.yaml",
      built_in_catalog(), [](const std::string&) { return std::nullopt; }, "host");
  for (const SettingsError& error : loaded.errors) ADD_FAILURE() << to_string(error);
  return loaded.settings.value_or(Settings());
}

std::vector<std::string> problems(const std::string& drivers, const std::string& warning) {
  std::vector<std::string> texts;
  for (const SettingsError& problem : limits_on_nothing(settings(drivers, warning)))
    texts.push_back(to_string(problem));
  return texts;
}

TEST(LimitCheck, NamesOfTheDriversTablesAreKnown) {
  EXPECT_THAT(problems("cpu, memory", "cpu_usage: {above: 90}, memory_usage: {above: 90}"), IsEmpty());
  EXPECT_THAT(problems("cpu, memory", "cpu_usge: {above: 90}"),
              ElementsAre("site.yaml:4:13: warning on \"cpu_usge\": no driver of equipment \"1\" makes this "
                          "metric (add recorded: true if programs record it over the API); did you mean "
                          "\"cpu_usage\"?"));
  EXPECT_THAT(problems("cpu", "memory_usage: {above: 90}").size(), 1u) << "of another driver";
  EXPECT_THAT(problems("cpu", "'cpu_usge{core=0}': {above: 90}"),
              ElementsAre(HasSubstr("warning on \"cpu_usge{core=0}\"")));
}

TEST(LimitCheck, OnlyExceptAndRenameCount) {
  const auto left_out = ElementsAre(HasSubstr("; 1/cpu leaves it out by `only` or `except`"));
  EXPECT_THAT(problems("cpu: {only: [cpu_frequency]}", "cpu_usage: {above: 90}"), left_out);
  EXPECT_THAT(problems("cpu: {except: ['*_usage']}", "cpu_usage: {above: 90}"), left_out);
  EXPECT_THAT(problems("cpu: {rename: {cpu_usage: busy}}", "busy: {above: 90}"), IsEmpty());
  EXPECT_THAT(problems("cpu: {rename: {cpu_usage: busy}}", "cpu_usage: {above: 90}"),
              ElementsAre(HasSubstr("; 1/cpu renames it to \"busy\"")));
  EXPECT_THAT(problems("cpu: {only: [cpu_user]}, cpu: {name: all}", "cpu_usage: {above: 90}"), IsEmpty());
}

TEST(LimitCheck, NamesThatTheSettingsGiveAreKnown) {
  const std::string file = "file: {values: [{name: fuel, path: /run/fuel}]}";
  EXPECT_THAT(problems(file, "fuel: {below: 5}"), IsEmpty());
  EXPECT_THAT(problems(file, "feul: {below: 5}"), ElementsAre(HasSubstr("did you mean \"fuel\"?")));
}

TEST(LimitCheck, NamesThatComeAtRunTimeAreNotHeldAgainstAnything) {
  EXPECT_THAT(problems("cpu, exec: {command: [/bin/true]}", "whatever: {above: 1}"), IsEmpty());
  EXPECT_THAT(problems("", "whatever: {above: 1}"), IsEmpty());
  EXPECT_THAT(problems("cpu", "whatever: {above: 1, recorded: true}"), IsEmpty());
}

TEST(LimitCheck, AnEntryThatIsSkippedHereHasItsMetrics) {
  EXPECT_THAT(problems("cpu, memory: {when: ''}", "memory_usage: {above: 1}"), IsEmpty());
  EXPECT_THAT(problems("memory: {when: ''}", "memory_usage: {above: 1}"), IsEmpty());
  EXPECT_THAT(problems("cpu, memory: {when: ''}", "memory_usge: {above: 1}"),
              ElementsAre(HasSubstr("did you mean \"memory_usage\"?")));
  EXPECT_THAT(problems("cpu, memory: {when: '', rename: {memory_usage: used}}", "used: {above: 1}"),
              IsEmpty());
  EXPECT_THAT(problems("cpu, exec: {when: ''}", "whatever: {above: 1}"), IsEmpty());
}

TEST(LimitCheck, RulesOnLinesOfOtherAgentsHaveNoEffect) {
  const auto told =
      rules_without_effect(settings("listen: {address: '127.0.0.1:0', forward: true, only: [a]}, listen: "
                                    "{address: '127.0.0.1:0', only: [a]}",
                                    ""));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0].message, AllOf(HasSubstr("1/listen: "), HasSubstr("have no effect")));
}

TEST(MetricNames, AreTheSameInTheNativeLayout) {
  const MetricNamer namer = driver_metric_namer([](std::string_view name) { return name == "kraft"; });
  EXPECT_EQ(metric_name_of(namer, "cpu", "usage"), "cpu_usage");
  EXPECT_EQ(metric_name_of(namer, "press", "force"), "press_force");
  EXPECT_EQ(metric_name_of(namer, "press", "kraft"), "kraft");
  EXPECT_EQ(metric_name_of(namer, "statsd", "jobs"), "jobs");
  EXPECT_EQ(metric_name_of(namer, "exec", "time_"), "time");
  EXPECT_EQ(metric_name_of(namer, "modbus", "pressure"), "pressure");
  EXPECT_EQ(metric_name_of(namer, "availability", "value"), "availability");
}

}  // namespace
}  // namespace vigile
