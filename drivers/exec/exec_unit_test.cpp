// SPDX-License-Identifier: Apache-2.0
// What programs print, and what becomes of it.
#include <gmock/gmock.h>

#include "drivers/exec/accepted_status.h"
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

Got json(std::string_view text, std::string_view separator = "_", bool integers = false) {
  TextOutput out(kExecDriver);
  TextReport report;
  add_json(text, {"press.py", separator, 1'793'491'200'000'000'000, integers}, out, report);
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
  EXPECT_EQ(json(R"({"a": 1, "b": 2, "a": 3})").error,
            "press.py: what it printed: /a stands twice in one object: \"{\"a\": 1, \"b\": 2, \"a\": 3}\"");
  EXPECT_EQ(json("3").error, "press.py: what it printed: is not an object like {\"temperature\": 21.5}");
  const Got part = json(R"([{"a": 1, "": [2]}, 7, {"c": 3}])");
  EXPECT_EQ(part.text, "exec a=1\nexec c=3\n");
  EXPECT_EQ(part.error, "press.py: /0/: a name has 1 to 100 bytes, and no control characters");
  EXPECT_EQ(part.refused, 2u);
  EXPECT_EQ(json(R"({"tags": {"a": 1}, "b": 2})").error, "press.py: /tags/a: is not a text");
  EXPECT_EQ(json(R"({"time": "soon", "b": 2})").error,
            "press.py: /time: is not nanoseconds since 1970, or a text like 2026-11-01T00:00:00Z");
  EXPECT_THAT(json(R"({"time": 1793491200, "b": 2})").error, HasSubstr("was another unit meant?"));
  EXPECT_EQ(json(R"({"tags": {"time": "1", "time_": "2"}, "b": 2})").error,
            "press.py: /tags/time_: another tag is written like it");
  EXPECT_EQ(json(R"({"values": {"time": 1, "time_": 2}})").text, "exec time=1\n");
  EXPECT_EQ(json(R"({"a\tb": 1, "a b": 2})").text, "exec a b=2\n");
  EXPECT_EQ(json(R"({"": 1})").refused, 1u);
  EXPECT_EQ(json(std::string(1000, '[')).refused, 1u);
  std::string many = "{\"a\": 1";
  for (int i = 0; i < 4500; ++i) many += ", \"m" + std::to_string(i) + "\": 1";
  EXPECT_EQ(json(many + "}").error,
            "press.py: what it printed: has more than 4000 values: the others are left out");
}

TEST(ExecJson, NestedMembersAreMetricsByAllTheirNames) {
  EXPECT_EQ(json(R"({"a": {"b": {"c": 1, "d": null}, "e": {}}, "f": [1.5, "x", [true], []]})").text,
            "exec a_b_c=1,f_0=1.5,f_1=\"x\",f_2_0=true\n");
  EXPECT_EQ(json(R"({"a": {"b": 1}})", ".").text, "exec a.b=1\n");
  EXPECT_EQ(json(R"({"measurement": "m", "values": {"a": {"b": 1}, "time": 3}})").text, "m a_b=1,time=3\n");
  // By their names, where they have some of their own.
  const std::string fans =
      R"([{"name": "cpu", "rpm": 900}, {"name": "?", "rpm": 1}, {"name": "?", "rpm": 2}, {"rpm": 3}])";
  EXPECT_EQ(json(R"({"fans": )" + fans + "}").text,
            "exec fans_cpu_name=\"cpu\",fans_cpu_rpm=900,fans_1_name=\"?\",fans_1_rpm=1,fans_2_name=\"?\","
            "fans_2_rpm=2,fans_3_rpm=3\n");
  // Two that would have the same name: one is taken, the other reported.
  const Got same = json(R"({"a": {"b": 1}, "a_b": 2})");
  EXPECT_EQ(same.text, "exec a_b=1\n");
  EXPECT_EQ(same.error, "press.py: /a_b: is \"a_b\", as another one is");
  const std::string name(90, 'n');
  EXPECT_EQ(
      json("{\"" + name + "\": {\"" + name + "\": {\"" + name + "\": 1}}}").error,
      "press.py: /" + name + "/" + name + "/" + name + ": has nested names of more than 250 bytes together");
  // Deeper than anything that is meant to be read.
  std::string deep = "1";
  for (int i = 0; i < 16; ++i) deep = "{\"a\": " + deep + "}";
  EXPECT_EQ(json(deep).refused, 0u);
  EXPECT_EQ(json("{\"a\": " + deep + "}").refused, 1u);
}

TEST(ExecJson, IntegersAreExactWhenAskedFor) {
  EXPECT_EQ(json(R"({"a": 9007199254740993, "b": 7})").text, "exec a=9007199254740992,b=7\n");
  EXPECT_EQ(
      json(R"({"a": 9007199254740993, "b": -9223372036854775808, "c": 7.0, "d": 7, "e": 1e3})", "_", true)
          .text,
      "exec a=9007199254740993i,b=-9223372036854775808i,c=7,d=7i,e=1000\n");
  EXPECT_EQ(
      json(R"({"a": 9223372036854775807, "b": 9223372036854775808, "c": [18446744073709551615]})", "_", true)
          .text,
      "exec a=9223372036854775807i,b=9223372036854775808u,c_0=18446744073709551615u\n");
  // Past 64 bits there are only floats.
  EXPECT_EQ(json(R"({"a": 18446744073709551616})", "_", true).text, "exec a=18446744073709551616\n");
}

TEST(ExecStatus, WhichAreNoFailure) {
  const auto accepted = [](std::vector<std::string> listed, const std::string& bits) {
    const auto read = read_accepted_status(listed, bits);
    if (!read) return read.error().message;
    std::string all;
    for (std::size_t i = 0; i < 256; ++i) all += read->test(i) ? std::to_string(i) + " " : "";
    return all;
  };
  EXPECT_EQ(accepted({}, ""), "0 ");
  EXPECT_EQ(accepted({"0", "4", "8"}, ""), "0 4 8 ");
  EXPECT_EQ(accepted({"0x40"}, ""), "64 ");
  EXPECT_EQ(accepted({}, "0x28"), "0 8 32 40 ");
  EXPECT_EQ(accepted({"0", "1"}, "12"), "0 1 4 8 12 ");
  EXPECT_EQ(accepted({"0", "256"}, ""), "accept_status: \"256\" is not a number from 0 to 255");
  EXPECT_EQ(accepted({"-1"}, ""), "accept_status: \"-1\" is not a number from 0 to 255");
  EXPECT_EQ(accepted({"0"}, "all"), "accept_status_bits: \"all\" is not a number from 0 to 255");
}

using Thousands = NumberFormat::Thousands;

std::string plugin(std::string_view text, Thousands thousands = Thousands::none) {
  TextReport report;
  const PluginOutput output = parse_plugin_output(text, {"check_x", thousands}, report);
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

TEST(ExecPlugin, UnitsThatAreKnownBecomeOne) {
  const std::pair<const char*, const char*> known[] = {
      {"1B", "1.000000 bytes"},
      {"1KB", "1024.000000 bytes"},
      {"2kB", "2048.000000 bytes"},
      {"125KiB", "128000.000000 bytes"},
      {"4838MiB", "5073010688.000000 bytes"},
      {"12GB", "12884901888.000000 bytes"},
      {"2GiB", "2147483648.000000 bytes"},
      {"1.5TiB", "1649267441664.000000 bytes"},
      {"1PB", "1125899906842624.000000 bytes"},
      {"1EiB", "1152921504606846976.000000 bytes"},
      {"5us", "0.000005 s"},
      {"7\u00b5s", "0.000007 s"},
      {"-12e-3s", "-0.012000 s"},
      {"42C", "42.000000 C"},
      {"230.1V", "230.100000 V"},
      {"3MBs", "3.000000 MBs"},
      {"8Mb", "8.000000 Mb"},
      {"2EUR", "2.000000 EUR"},
      {"3e", "3.000000 e"},
      {".5s", "0.500000 s"},
  };
  for (const auto& [written, read] : known)
    EXPECT_EQ(plugin("OK | a=" + std::string(written)), "OK\na=" + std::string(read));
  EXPECT_EQ(plugin("DISK OK - free space: / 97550 MiB (95.27% inode=100%);| /=4838MiB;81910;92149;0;102388"),
            "DISK OK - free space: / 97550 MiB (95.27% inode=100%);\n/=5073010688.000000 bytes warn "
            "85888860160.000000 crit 96625229824.000000 min 0.000000 max 107361599488.000000");
}

TEST(ExecPlugin, CommasAreDecimalUnlessTheSettingsSayOtherwise) {
  EXPECT_EQ(plugin("OK | pct=12,5%;80,5;90 big=1,234"),
            "OK\npct=12.500000 percent warn 80.500000 crit 90.000000\nbig=1.234000 1");
  EXPECT_EQ(plugin("OK | a=1,234 b=1,234,567.5KiB c=-12 d=1234,567.25", Thousands::comma),
            "OK\na=1234.000000 1\nb=1264197120.000000 bytes\nc=-12.000000 1\n"
            "check_x: performance data: \"1234,567.25\" of \"d\" is not a number with a unit");
  EXPECT_EQ(plugin("OK | a=1.234,5 b=1.5", Thousands::point),
            "OK\na=1234.500000 1\ncheck_x: performance data: \"1.5\" of \"b\" is not a number with a unit");
  EXPECT_EQ(plugin("OK | a=1'234.5 b=1'234,5 c=12'34", Thousands::apostrophe),
            "OK\na=1234.500000 1\nb=1234.500000 1\n"
            "check_x: performance data: \"12'34\" of \"c\" is not a number with a unit");
  // What is neither is refused, and no unit ",5" or ".567" comes of it.
  for (const char* text : {"1.234,5", "1,234,567", "1.2.3", ",", "-", "+-1", "1e999"}) {
    EXPECT_EQ(plugin("OK | a=" + std::string(text)), "OK\ncheck_x: performance data: \"" + std::string(text) +
                                                         "\" of \"a\" is not a number with a unit");
  }
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
  EXPECT_EQ(settings_error("{command: [a], mode: keep, accept_status: [4]}"),
            "accept_status: has no effect with mode: keep: whatever it is, the program is started again");
  EXPECT_EQ(settings_error("{command: [a], format: nagios, accept_status_bits: '8'}"),
            "accept_status: a nagios plugin's is 0 fine, 1 warning, 2 critical, 3 unknown");
  EXPECT_EQ(settings_error("{command: [a], keep_on_failure: true}"),
            "keep_on_failure: has an effect only with mode: once and format: json");
  EXPECT_EQ(settings_error("{command: [a], format: json, thousands: comma}"),
            "thousands: has an effect only with format: nagios");
  EXPECT_EQ(settings_error("{command: [a], integers: true}"),
            "integers: has an effect only with format: json");
  EXPECT_EQ(settings_error("{command: [a], format: json, separator: ''}"),
            "separator: has 1 to 8 bytes, like \"_\" or \".\"");
  EXPECT_EQ(settings_error("{command: [a], directory: here}"), "directory: must begin with /");
  EXPECT_EQ(settings_error("{command: [a], environment: {'A=B': c}}"),
            "environment: \"A=B\" is not the name of a variable");
}

}  // namespace
}  // namespace vigile::exec
