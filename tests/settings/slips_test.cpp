// SPDX-License-Identifier: Apache-2.0
// Slips of typing, named for what they are.
#include <gmock/gmock.h>

#include "sample_catalog.h"

namespace vigile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> errors(const std::string& yaml) {
  return texts(parse_sample(yaml).errors);
}

std::string in_limit(const std::string& limit) {
  return "equipment:\n- id: 1\n  drivers: [cpu]\n  warning:\n    cpu_usage: " + limit + "\n";
}

TEST(Slips, ADecimalCommaIsNamed) {
  EXPECT_THAT(errors(in_limit("{above: '0,5'}")),
              ElementsAre(HasSubstr("\"0,5\" is not a number; decimals have a point: 0.5")));
  EXPECT_THAT(
      errors("equipment:\n- id: 1\n  drivers: [cpu]\n  warning:\n    cpu_usage:\n      above: -12,75\n"),
      ElementsAre(HasSubstr("\"-12,75\" is not a number; decimals have a point: -12.75")));
  EXPECT_THAT(errors(in_limit("{above: 0,5}")),
              ElementsAre(HasSubstr("unknown key \"5\"; decimals have a point: 0.5")));
  EXPECT_THAT(errors("store: {keep: '1,5h'}"), ElementsAre(HasSubstr("decimals have a point: 1.5h")));
  EXPECT_THAT(errors(in_limit("{above: '1,000,000'}")), ElementsAre(testing::Not(HasSubstr("point"))));
}

TEST(Slips, ATextIsNoNumber) {
  EXPECT_THAT(errors(in_limit("{above: abc}")), ElementsAre(HasSubstr("above: \"abc\" is not a number")));
  EXPECT_THAT(errors("equipment: [{id: 1, offline_after: many, drivers: [cpu]}]"),
              ElementsAre(HasSubstr("offline_after: \"many\" is not a whole number")));
}

TEST(Slips, ABlankThatIsMissingAfterAColonIsNamed) {
  const char* const named = "a blank is missing after the colon: every: …";
  EXPECT_THAT(errors("equipment: [{id: 1, drivers: [cpu: {every:10s}]}]"), ElementsAre(HasSubstr(named)));
  EXPECT_THAT(errors("equipment:\n- id: 1\n  drivers:\n  - cpu:\n      every:10s\n"),
              ElementsAre(HasSubstr(named)));
  EXPECT_THAT(errors("equipment:\n- id: 1\n  drivers:\n  - cpu:\n      every:10s\n      name: a\n"),
              ElementsAre(HasSubstr(named)));
  EXPECT_THAT(errors("site:\n  id: 1\n  name:x\n"), ElementsAre(HasSubstr("after the colon: name: …")));
  EXPECT_THAT(errors("store:\n  path:/var/x.db\n"), ElementsAre(HasSubstr("after the colon: path: …")));
  EXPECT_THAT(errors("site: http://x"), ElementsAre(testing::Not(HasSubstr("after the colon"))));
}

TEST(Slips, ANoBreakSpaceIsNamed) {
  const char* const named = "it holds a no-break space, which looks like a blank: type a plain one";
  EXPECT_THAT(errors("store: {keep: 7\xc2\xa0"
                     "d}"),
              ElementsAre(HasSubstr(named)));
  EXPECT_THAT(errors("site:\n\xc2\xa0\xc2\xa0id: 1\n"), testing::Contains(HasSubstr(named)));
  EXPECT_THAT(errors("store:\n  keep:\xc2\xa0"
                     "7d\n"),
              ElementsAre(HasSubstr(named)));
  EXPECT_THAT(errors("site: {name: 'Lyon\xc2\xa0Nord'}\n"), ElementsAre()) << "in a name it may be meant";
}

TEST(Slips, AVariableInAFlowMapNeedsQuotes) {
  EXPECT_THAT(errors("sinks:\n- influx: {url: ${URL}, token: t}\n"),
              ElementsAre(HasSubstr("a text that holds { or ${…} needs quotes within braces or brackets")));
  EXPECT_THAT(errors("equipment: [{id: 1, drivers: [disk: {mounts: [${A}]}]}]\n"),
              ElementsAre(HasSubstr("needs quotes")));
}

TEST(Slips, ALimitOnASeriesInAFlowMapNeedsQuotes) {
  EXPECT_THAT(errors("equipment: [{id: 1, drivers: [cpu], warning: {usage{core=0}: {above: 9}}}]\n"),
              ElementsAre(HasSubstr("a text that holds { or ${…} needs quotes within braces or brackets")));
  EXPECT_THAT(errors("equipment: [{id: 1, drivers: [cpu]\n"), ElementsAre(testing::Not(HasSubstr("quotes"))));
}

TEST(Slips, WholeNumbersMayBeHexadecimal) {
  const auto address = [](const std::string& text) {
    const LoadedSettings loaded =
        parse_sample("equipment: [{id: 1, drivers: [bus: {registers: [{name: a, address: " + text + "}]}]}]");
    return loaded.settings
               ? loaded.settings->equipment.at(0).drivers.at(0).options.rows("registers")[0].integer(
                     "address")
               : -1;
  };
  EXPECT_EQ(address("0x10"), 16);
  EXPECT_EQ(address("0XfF"), 255);
  EXPECT_EQ(address("'0x10'"), 16);
  EXPECT_EQ(address("10"), 10);
  for (const char* const bad : {"0x", "0x1g", "0x-1", "-0x1", "x10", "0x10000"})
    EXPECT_EQ(address(bad), -1) << bad;
}

}  // namespace
}  // namespace vigile
