// SPDX-License-Identifier: Apache-2.0
// What messages hold, as readings.
#include "drivers/mqtt/message.h"

#include <gmock/gmock.h>

#include "drivers/mqtt/mqtt.h"
#include "drivers/testcase/testcase.h"

namespace vigile::mqtt_driver {
namespace {

using testing::HasSubstr;

struct Got {
  std::string text;
  std::string error;
  std::uint64_t refused = 0;
  std::uint64_t left_out = 0;
};

Got got(const MessageSettings& settings, std::string_view payload, std::vector<Tag> tags = {{"line", "7"}}) {
  TextOutput out(kMqttDriver);
  MessageReport report;
  constexpr std::int64_t kNow = 1'793'491'200'000'000'000;
  add_message(settings, {"plant/7", tags, payload}, kNow, out, report);
  return {out.text, report.result() ? "" : report.result().error().message, report.refused, report.left_out};
}

NotAvailable codes(const std::string& list) {
  const Options options = options_from_yaml(
      kMqttDriver, "{url: mqtt://h, client_id: c, topics: [a], not_available: " + list + "}");
  return *read_not_available(options, {.kind = RawForm::Kind::text});
}

WantedValue wanted(std::string name, const std::string& path, ValueType type = ValueType::number,
                   double scale = 1) {
  return {.name = std::move(name), .path = *JsonPath::parse(path), .type = type, .scale = scale};
}

TEST(MqttMessage, JsonByPaths) {
  MessageSettings settings{.format = Format::json};
  settings.values = {wanted("temperature", "/t"), wanted("pressure", "/list/1", ValueType::number, 0.1),
                     wanted("door", "/door", ValueType::boolean), wanted("state", "/state", ValueType::text)};
  settings.time_path = *JsonPath::parse("/at");
  settings.time_unit = TimeUnit::ms;
  EXPECT_EQ(
      got(settings, R"({"t": "21.5", "list": [1, 30], "door": "ON", "state": "idle", "at": 1793491200123})")
          .text,
      "mqtt,line=7 temperature=21.5,pressure=3,door=true,state=\"idle\" 1793491200123000000\n");
  // What is absent or null is left out, what is of another type is reported, the others are taken.
  const Got part = got(settings, R"({"t": null, "list": [1, "wide"], "door": 1, "at": 1793491200000})");
  EXPECT_EQ(part.text, "mqtt,line=7 door=true 1793491200000000000\n");
  EXPECT_THAT(part.error, HasSubstr("topic \"plant/7\": /list/1: \"wide\""));
  EXPECT_THAT(got(settings, R"({"t": [1], "at": 1793491200000})").error,
              HasSubstr("/t: is a list or an object"));
  EXPECT_EQ(got(settings, R"({"t": "ON", "at": 1793491200000})").text,
            "mqtt,line=7 temperature=1 1793491200000000000\n");
  EXPECT_THAT(got(settings, "{\"t\": 1, \"at\": 1793491200}").error, HasSubstr("was another unit meant?"));
  EXPECT_THAT(got(settings, "{\"t\": 1, \"at\": 1893491200000}").error, HasSubstr("is to come"));
  EXPECT_EQ(got(settings, "{\"t\": 1,").error, "topic \"plant/7\": is not JSON: \"{\"t\": 1,\"");
  EXPECT_EQ(got(settings, std::string(100'000, '[')).refused, 1u);
  settings.time_path.reset();
  EXPECT_EQ(got(settings, R"({"t": -1e3})").text, "mqtt,line=7 temperature=-1000\n");
  EXPECT_EQ(got(settings, R"({"t": 1e999})").text, "");
}

TEST(MqttMessage, ATimeThatIsMissingIsTheTimeOfArrival) {
  MessageSettings settings{.format = Format::json};
  settings.values = {wanted("t", "/t")};
  settings.time_path = *JsonPath::parse("/at");
  settings.time_unit = TimeUnit::iso8601;
  for (const char* const text : {R"({"t": 1})", R"({"t": 1, "at": null})", R"({"t": 1, "at": "unknown"})"}) {
    EXPECT_EQ(got(settings, text).text, "mqtt,line=7 t=1\n");
    EXPECT_EQ(got(settings, text).error, "");
  }
  EXPECT_EQ(got(settings, R"({"t": 1, "at": "2026-11-01T00:00:00Z"})").text,
            "mqtt,line=7 t=1 1793491200000000000\n");
  const char* const without_zone = R"({"t": 1, "at": "2026-11-01T08:00:00.5"})";
  EXPECT_EQ(got(settings, without_zone).text, "mqtt,line=7 t=1\n");
  EXPECT_THAT(got(settings, without_zone).error,
              HasSubstr("has no zone, the time of arrival is taken; set time_zone"));
  EXPECT_EQ(got(settings, without_zone).refused, 0u);
  settings.time_zone = *TimeZone::find("Asia/Shanghai");
  EXPECT_EQ(got(settings, without_zone).text, "mqtt,line=7 t=1 1793491200500000000\n");
  EXPECT_EQ(got(settings, R"({"t": 1, "at": "2026-11-01T02:00:00+02:00"})").text,
            "mqtt,line=7 t=1 1793491200000000000\n");
  EXPECT_EQ(got(settings, R"({"t": 1, "at": "yesterday"})").refused, 1u);
}

TEST(MqttMessage, ADateAndANumberAreBothTimes) {
  MessageSettings settings{.format = Format::json};
  settings.values = {wanted("t", "/t")};
  settings.time_path = *JsonPath::parse("/last_seen");
  settings.time_unit = TimeUnit::ms;
  EXPECT_EQ(got(settings, R"({"t": 1, "last_seen": 1793491200123})").text,
            "mqtt,line=7 t=1 1793491200123000000\n");
  EXPECT_EQ(got(settings, R"({"t": 1, "last_seen": "2026-11-01T00:00:00.123Z"})").text,
            "mqtt,line=7 t=1 1793491200123000000\n");
  EXPECT_THAT(got(settings, R"({"t": 1, "last_seen": "2026-11-01T00:00:00"})").error,
              HasSubstr("has no zone"));
  EXPECT_EQ(got(settings, R"({"t": 1, "last_seen": "2026-11-41T00:00:00Z"})").refused, 1u);
  settings.time_unit = TimeUnit::iso8601;
  for (const char* const time :
       {"1793491200", "1793491200000", "1793491200000000", "1793491200000000000", "1793491200.0"})
    EXPECT_EQ(got(settings, std::string("{\"t\": 1, \"last_seen\": ") + time + "}").text,
              "mqtt,line=7 t=1 1793491200000000000\n");
  EXPECT_EQ(got(settings, R"({"t": 1, "last_seen": 12})").refused, 1u);
}

TEST(MqttMessage, WordsAndBooleansAreNumbersInJson) {
  MessageSettings settings{.format = Format::json};
  settings.values = {wanted("x", "/x")};
  for (const char* const on : {R"("ON")", R"("Online")", R"("open")", "true", R"("true")", "1"})
    EXPECT_EQ(got(settings, std::string("{\"x\": ") + on + "}").text, "mqtt,line=7 x=1\n") << on;
  for (const char* const off : {R"("off")", R"("OFFLINE")", R"("closed")", "false", "0"})
    EXPECT_EQ(got(settings, std::string("{\"x\": ") + off + "}").text, "mqtt,line=7 x=0\n") << off;
  EXPECT_THAT(got(settings, R"({"x": "warm"})").error, HasSubstr("\"warm\" is not a number"));
}

TEST(MqttMessage, WhatSaysThatThereIsNoValueIsNoReadingAndNoError) {
  MessageSettings settings{.format = Format::json};
  settings.values = {wanted("t", "/t"), wanted("on", "/on", ValueType::boolean), wanted("u", "/u")};
  for (const char* const text :
       {R"({"t": nan, "u": 2})", R"({"t": -NaN, "on": "unknown", "u": 2})", R"({"t": "Unavailable", "u": 2})",
        R"({"t": "nan", "on": null, "u": 2})", R"({"t": "", "on": "None", "u": "2"})",
        R"({"t": "inf", "on": "UNDEF", "u": 2})", R"({"t": "undefined", "on": "N/A", "u": 2})"}) {
    EXPECT_EQ(got(settings, text).text, "mqtt,line=7 u=2\n") << text;
    EXPECT_EQ(got(settings, text).error, "") << text;
  }
  EXPECT_EQ(got(settings, R"({"t": "a nan \" nan", "u": nan})").refused, 1u);
  EXPECT_EQ(got(settings, "").error, "");  // zigbee2mqtt and others delete what was retained
  settings.values[0].not_available = codes("[-127, \"----\"]");
  settings.values[0].scale = 2;
  EXPECT_EQ(got(settings, R"({"t": -127, "u": 2})").text, "mqtt,line=7 u=2\n");
  EXPECT_EQ(got(settings, R"({"t": "----", "u": 2})").text, "mqtt,line=7 u=2\n");
  EXPECT_EQ(got(settings, R"({"t": "-127.0 C", "u": 2})").left_out, 1u);
}

TEST(MqttMessage, BareValues) {
  MessageSettings settings{.format = Format::value};
  settings.bare = wanted("force", "", ValueType::number, 0.001);
  EXPECT_EQ(got(settings, " +2500 \r\n").text, "mqtt,line=7 force=2.5\n");
  EXPECT_EQ(got(settings, "12 kN").text, "mqtt,line=7 force=0.012\n");
  EXPECT_EQ(got(settings, "warm").refused, 1u);
  EXPECT_EQ(got(settings, "nan").text + got(settings, "unavailable").error + got(settings, "").text, "");
  settings.bare = {};
  EXPECT_EQ(got(settings, "1", {{"line", "7"}, {"metric", "speed"}}).text, "mqtt,line=7 speed=1\n");
  EXPECT_EQ(got(settings, "Online", {{"metric", "link"}}).text, "mqtt link=1\n");
  EXPECT_EQ(got(settings, "closed", {{"metric", "door"}}).text, "mqtt door=0\n");
  EXPECT_EQ(got(settings, "1", {{"metric", ""}}).error, "topic \"plant/7\": has no level {metric}");
  settings.bare = wanted("open", "", ValueType::boolean);
  for (const char* const word : {"Off", "offline", "CLOSED", "0", "no"})
    EXPECT_EQ(got(settings, word).text, "mqtt,line=7 open=false\n") << word;
  for (const char* const word : {"ON", "Online", "open", "1", "true"})
    EXPECT_EQ(got(settings, word).text, "mqtt,line=7 open=true\n") << word;
  settings.bare = wanted("state", "", ValueType::text);
  EXPECT_EQ(got(settings, "idle").text, "mqtt,line=7 state=\"idle\"\n");
}

TEST(MqttMessage, NumbersWithDressingAndWordsOfTheSettings) {
  MessageSettings settings{.format = Format::json};
  settings.values = {wanted("t", "t"), wanted("mode", "mode")};
  settings.values[1].words = {{"heat", 1}, {"cool", -1.5}};
  EXPECT_EQ(got(settings, R"({"t": "98%", "mode": "HEAT"})").text, "mqtt,line=7 t=98,mode=1\n");
  EXPECT_EQ(got(settings, R"({"t": "21.5 C", "mode": "cool"})").text, "mqtt,line=7 t=21.5,mode=-1.5\n");
  EXPECT_EQ(got(settings, R"({"t": "-  21,5", "mode": 7})").text, "mqtt,line=7 t=-21.5,mode=7\n");
  EXPECT_EQ(got(settings, R"({"mode": "dry"})").refused, 1u);
  EXPECT_THAT(got(settings, R"({"t": "12,345"})").error, HasSubstr("thousands"));
  settings.values[0].format.decimal = NumberFormat::Decimal::comma;
  EXPECT_EQ(got(settings, R"({"t": "12,345"})").text, "mqtt,line=7 t=12.345\n");
  EXPECT_EQ(got(settings, R"({"t": 12.345})").text, "mqtt,line=7 t=12.345\n");  // JSON's own numbers
}

TEST(MqttMessage, MembersOfListsByAKey) {
  MessageSettings settings{.format = Format::json};
  const std::string text =
      R"({"sensors": [{"name": "t1", "value": 20}, {"name": "t 2", "id": 7, "value": [1, 2]}],
      "switch:0": {"a.b": 5}})";
  const auto value_at = [&](const std::string& path) {
    settings.values = {wanted("x", path)};
    return got(settings, text).text;
  };
  EXPECT_EQ(value_at("sensors[name=t1].value"), "mqtt,line=7 x=20\n");
  EXPECT_EQ(value_at("sensors[name=\"t 2\"].value[1]"), "mqtt,line=7 x=2\n");
  EXPECT_EQ(value_at("sensors[id=7].value[0]"), "mqtt,line=7 x=1\n");
  EXPECT_EQ(value_at("/sensors/[id=7]/value/0"), "mqtt,line=7 x=1\n");
  EXPECT_EQ(value_at("sensors[0].value"), "mqtt,line=7 x=20\n");
  EXPECT_EQ(value_at("switch:0[\"a.b\"]"), "mqtt,line=7 x=5\n");
  EXPECT_EQ(value_at("/switch:0/a.b"), "mqtt,line=7 x=5\n");
  EXPECT_EQ(value_at("sensors[name=t9].value"), "");
  EXPECT_EQ(value_at("sensors.name"), "");
  settings.values = {wanted("x", "[n=voltage].v")};
  EXPECT_EQ(got(settings, R"([{"n": "current", "v": 1}, {"n": "voltage", "v": 2}])").text,
            "mqtt,line=7 x=2\n");
  for (const char* const bad : {"a[", "a[]", "a..b", "a]b[=", "/a~2", "a[=x]", "a[0]b", "a."})
    EXPECT_FALSE(JsonPath::parse(bad)) << bad;
}

TEST(MqttMessage, LinesAreOfThisEquipmentOrOfAnotherAgent) {
  MessageSettings settings;
  const Got part = got(settings, "press force=2.5 1793491200000000000\npress force\n\npress,a=b n=1i\n");
  EXPECT_EQ(part.text, "point: press force=2.5 1793491200000000000\npoint: press,a=b n=1i\n");
  EXPECT_THAT(part.error, HasSubstr("topic \"plant/7\": line 2, column "));
  settings.origin = PointOrigin::agent;
  EXPECT_EQ(got(settings, "cpu,equipment_id=1 usage=2.5 1793491200000000000").text,
            "from an agent: cpu,equipment_id=1 usage=2.5 1793491200000000000\n");
}

}  // namespace
}  // namespace vigile::mqtt_driver
