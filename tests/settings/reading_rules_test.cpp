// SPDX-License-Identifier: Apache-2.0
// What any driver instance may say of its readings, and options that are lists of entries.
#include <gmock/gmock.h>

#include "sample_catalog.h"
#include "settings/effective.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

LoadedSettings with_driver(const std::string& driver) {
  return parse_sample("equipment: [{id: 1, drivers: [" + driver + "]}]\n");
}

DriverSettings good(const std::string& driver) {
  const LoadedSettings loaded = with_driver(driver);
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  return loaded.settings ? loaded.settings->equipment[0].drivers[0] : DriverSettings{};
}

std::vector<std::string> errors(const std::string& driver) {
  return texts(with_driver(driver).errors);
}

TEST(ReadingRules, EverythingIsReportedUnlessSaidOtherwise) {
  const DriverSettings driver = good("cpu");
  EXPECT_EQ(driver.metrics, MetricRules{});
  EXPECT_EQ(driver.report, ReportRules{});
  EXPECT_FALSE(good("cpu: {report: always}").report.on_change);
}

TEST(ReadingRules, MetricsAreChosenAndRenamed) {
  const DriverSettings driver = good("cpu: {only: [cpu_*], except: ['*_idle'], rename: {cpu_usage: load}}");
  EXPECT_THAT(driver.metrics.only, ElementsAre("cpu_*"));
  EXPECT_THAT(driver.metrics.except, ElementsAre("*_idle"));
  EXPECT_THAT(driver.metrics.rename, ElementsAre(Pair("cpu_usage", "load")));
}

TEST(ReadingRules, OnChangeTakesItsKeys) {
  EXPECT_TRUE(good("cpu: {report: on_change}").report.on_change);
  const ReportRules rules = good(
                                "cpu: {report: {on_change: {deadband: 0.5, deadbands: {load: 2}, "
                                "at_most_every: 1m, at_least_every: 1h}}}")
                                .report;
  EXPECT_TRUE(rules.on_change);
  EXPECT_EQ(rules.deadband, 0.5);
  EXPECT_THAT(rules.deadbands, ElementsAre(Pair("load", 2)));
  EXPECT_EQ(rules.at_most_every, 1min);
  EXPECT_EQ(rules.at_least_every, 1h);
}

TEST(ReadingRules, MistakesAreNamed) {
  EXPECT_THAT(errors("cpu: {report: on_chnge}"),
              ElementsAre(HasSubstr("report: \"on_chnge\" is not known; did you mean \"on_change\"?")));
  EXPECT_THAT(errors("cpu: {report: [a]}"), ElementsAre(HasSubstr("report: expected always, on_change or")));
  EXPECT_THAT(errors("cpu: {report: {always: {}}}"),
              ElementsAre(HasSubstr("report: \"always\" is not known")));
  EXPECT_THAT(errors("cpu: {report: {on_change: {deadbnd: 1}}}"),
              ElementsAre(HasSubstr("unknown key \"deadbnd\"; did you mean \"deadband\"?")));
  EXPECT_THAT(errors("cpu: {report: {on_change: {deadbands: {load: -1}}}}"),
              ElementsAre(HasSubstr("deadbands: \"load\": expected a number, 0 or more, not \"-1\"")));
  EXPECT_THAT(errors("cpu: {report: {on_change: {at_most_every: 1h, at_least_every: 1m}}}"),
              ElementsAre(HasSubstr("at_least_every: must not be less than \"at_most_every\", which is 1h")));
  EXPECT_THAT(errors("cpu: {rename: {a: x, b: x}}"),
              ElementsAre(HasSubstr("rename: \"a\" and \"b\" cannot both become \"x\"")));
}

TEST(ReadingRules, AreInTheEffectiveSettings) {
  const LoadedSettings loaded = with_driver(
      "cpu: {only: [cpu_*], rename: {cpu_usage: load}, report: {on_change: {deadband: 0.5, at_most_every: "
      "1m}}}");
  ASSERT_TRUE(loaded.settings);
  EXPECT_THAT(effective_text(*loaded.settings, sample_catalog()),
              HasSubstr(", only cpu_*, cpu_usage as load, on change of more than 0.5, at most every 1m"));
}

TEST(Rows, EachIsReadByItsColumns) {
  const std::vector<Options> rows =
      good("bus: {registers: [{name: a, address: 1}, {name: b, address: 2, scale: 0.1}]}")
          .options.rows("registers");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].text("name"), "a");
  EXPECT_EQ(rows[0].number("scale"), 1);
  EXPECT_EQ(rows[1].integer("address"), 2);
  EXPECT_EQ(rows[1].number("scale"), 0.1);
}

TEST(Rows, MistakesAreNamedWhereTheyStand) {
  const LoadedSettings loaded = parse_sample(
      "equipment:\n- id: 1\n  drivers:\n  - bus:\n      registers:\n      - {nam: a, address: 70000}\n      "
      "- 7\n");
  EXPECT_THAT(texts(loaded.errors),
              ElementsAre("site.yaml:6:9: required key \"name\" is missing",
                          "site.yaml:6:10: unknown key \"nam\"; did you mean \"name\"?",
                          "site.yaml:6:27: address: \"70000\" is more than the most allowed, 65535",
                          "site.yaml:7:9: registers: expected keys and values, not a text",
                          "site.yaml:7:9: required key \"name\" is missing",
                          "site.yaml:7:9: required key \"address\" is missing"));
  EXPECT_THAT(errors("bus: {registers: []}"), ElementsAre(HasSubstr("registers: must not be empty")));
  EXPECT_THAT(errors("bus: {registers: x}"), ElementsAre(HasSubstr("expected a list of entries")));
  EXPECT_THAT(errors("bus"), ElementsAre(HasSubstr("required key \"registers\" is missing")));
}

TEST(Rows, AreInTheEffectiveSettings) {
  const LoadedSettings loaded = with_driver("bus: {registers: [{name: a, address: 1, scale: 2}]}");
  ASSERT_TRUE(loaded.settings);
  EXPECT_THAT(effective_text(*loaded.settings, sample_catalog()),
              HasSubstr("registers [{name: \"a\", address: 1, scale: 2}]"));
}

TEST(MissingDriver, IsAnErrorThatSaysWhy) {
  EXPECT_THAT(
      errors("lost: {every: 1s, anything: 2}"),
      ElementsAre(HasSubstr("the driver \"lost\" is not in this build: it was built without libnothing")));
}

}  // namespace
}  // namespace vigile
