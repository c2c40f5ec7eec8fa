// SPDX-License-Identifier: Apache-2.0
// What programs print, and what becomes of it.
#include <gmock/gmock.h>

#include "drivers/exec/exec.h"
#include "drivers/exec/output.h"
#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"

namespace vigile::exec {
namespace {

using testing::HasSubstr;

struct Got {
  std::string text;
  std::string error;
  std::uint64_t refused = 0;
};

Got json(std::string_view text) {
  TextOutput out(kExecDriver);
  TextReport report;
  add_json(text, "press.py", 1'793'491'200'000'000'000, out, report);
  return {out.text, report.errors.empty() ? "" : report.errors[0].message, report.refused};
}

TEST(ExecJson, ObjectsAndLists) {
  EXPECT_EQ(json(R"({"temperature": 21, "door": true, "state": "idle", "none": null})").text,
            "exec door=true,state=\"idle\",temperature=21\n");
  EXPECT_EQ(
      json(
          R"([{"measurement": "press", "tags": {"line": "7"}, "time": 1793491200000000000, "values": {"force": 1.5}},
                     {"a": -1e3}])")
          .text,
      "press,line=7 force=1.5 1793491200000000000\nexec a=-1000\n");
  EXPECT_EQ(json(R"({"time": "2026-11-01T00:00:00Z", "a": 1})").text, "exec a=1 1793491200000000000\n");
  // A metric may be called values.
  EXPECT_EQ(json(R"({"values": 3})").text, "exec values=3\n");
  EXPECT_EQ(json("[]").text, "");
}

TEST(ExecJson, WhatIsWrongHasAPlace) {
  EXPECT_EQ(json("{\"a\": 1").error, "press.py: what it printed: is not JSON: \"{\"a\": 1\"");
  EXPECT_EQ(json("3").error, "press.py: what it printed: is not an object like {\"temperature\": 21.5}");
  const Got part = json(R"([{"a": 1, "b": [2]}, 7, {"c": 3}])");
  EXPECT_EQ(part.text, "exec a=1\nexec c=3\n");
  EXPECT_EQ(part.error, "press.py: /0/b: is not a number, a text, true, false or null");
  EXPECT_EQ(part.refused, 2u);
  EXPECT_EQ(json(R"({"tags": {"a": 1}, "b": 2})").error, "press.py: /tags/a: is not a text");
  EXPECT_EQ(json(R"({"time": "soon", "b": 2})").error,
            "press.py: /time: is not nanoseconds since 1970, or a text like 2026-11-01T00:00:00Z");
  EXPECT_THAT(json(R"({"time": 1793491200, "b": 2})").error, HasSubstr("was another unit meant?"));
  EXPECT_EQ(json(R"({"": 1})").refused, 1u);
  EXPECT_EQ(json(std::string(1000, '[')).refused, 1u);
  std::string many = "{\"a\": 1";
  for (int i = 0; i < 1500; ++i) many += ", \"m" + std::to_string(i) + "\": 1";
  EXPECT_THAT(json(many + "}").error, HasSubstr("is one too many"));
}

std::string plugin(std::string_view text) {
  TextReport report;
  const PluginOutput output = parse_plugin_output(text, "check_x", report);
  std::string all = output.text;
  for (const auto& figure : output.figures) {
    all += "\n" + figure.label + "=" + std::to_string(figure.value) + " " + figure.unit;
    if (figure.warn) all += " warn " + std::to_string(*figure.warn);
    if (figure.crit) all += " crit " + std::to_string(*figure.crit);
    if (figure.min) all += " min " + std::to_string(*figure.min);
    if (figure.max) all += " max " + std::to_string(*figure.max);
  }
  for (const Error& error : report.errors) all += "\n" + error.message;
  return all;
}

TEST(ExecPlugin, TextAndFigures) {
  EXPECT_EQ(plugin("PING OK - rta 0.80ms|rta=0.80ms;3000.0;5000.0;0 pl=0%;80;100;0\n"),
            "PING OK - rta 0.80ms\nrta=0.000800 s warn 3.000000 crit 5.000000 min 0.000000\n"
            "pl=0.000000 percent warn 80.000000 crit 100.000000 min 0.000000");
  // As the guidelines' example: long output, and more figures behind it.
  EXPECT_EQ(
      plugin(
          "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n"
          "/ 15272 MB (77%);\n/boot 68 MB (69%); | /boot=68MB;88;93;0;98\n'it''s a label'=3;10:20;@5:;;\n"),
      "DISK OK - free space: / 3326 MB (56%);\n"
      "/=2771386368.000000 bytes warn 6236930048.000000 crit 6247415808.000000 min 0.000000 max "
      "6257901568.000000\n"
      "/boot=71303168.000000 bytes warn 92274688.000000 crit 97517568.000000 min 0.000000 max "
      "102760448.000000\n"
      "it's a label=3.000000 1");
  EXPECT_EQ(plugin("OK"), "OK");
  EXPECT_EQ(plugin(""), "");
  EXPECT_EQ(plugin("OK | a=U b=1,5s c=2x"), "OK\nb=1.500000 s\nc=2.000000 x");
}

TEST(ExecPlugin, BadFiguresAreToldAndTheOthersTaken) {
  EXPECT_EQ(plugin("OK | a=x b=2"),
            "OK\nb=2.000000 1\ncheck_x: performance data: \"x\" of \"a\" is not a number with a unit");
  EXPECT_EQ(plugin("OK | nonsense"), "OK\ncheck_x: performance data: \"nonsense\" has no label=value");
  EXPECT_EQ(plugin("OK | 'open=1"), "OK\ncheck_x: performance data: \"'open=1\" has no label=value");
  EXPECT_EQ(plugin("OK | a=nan"),
            "OK\ncheck_x: performance data: \"nan\" of \"a\" is not a number with a unit");
}

std::string settings_error(const std::string& yaml) {
  const FakeClock clock;
  const auto made = kExecDriver.make(options_from_yaml(kExecDriver, yaml), {.clock = clock});
  return made ? "fine" : made.error().message;
}

TEST(ExecSettings, BadOnesSayWhatWouldBeRight) {
  EXPECT_EQ(settings_error("command: [/bin/true]"), "fine");
  EXPECT_EQ(settings_error("command: []"), "command: names no program");
  EXPECT_EQ(settings_error("command: ['/bin/ls -l']"),
            "command: write arguments apart: [/bin/ls, …]; no shell reads it");
  EXPECT_EQ(settings_error("{command: [a], mode: keep, format: nagios}"),
            "mode: a nagios plugin ends by itself: once");
  EXPECT_EQ(settings_error("{command: [a], directory: here}"), "directory: must begin with /");
  EXPECT_EQ(settings_error("{command: [a], environment: {'A=B': c}}"),
            "environment: \"A=B\" is not the name of a variable");
}

}  // namespace
}  // namespace vigile::exec
