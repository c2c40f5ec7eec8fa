// SPDX-License-Identifier: Apache-2.0
// What needs no broker: packets, subscriptions, topics, settings.
#include <gmock/gmock.h>

#include "drivers/mqtt/mqtt.h"
#include "drivers/mqtt/mqtt_settings.h"
#include "drivers/mqtt/topic.h"
#include "drivers/mqtt_session/packet.h"
#include "drivers/mqtt_session/subscriptions.h"
#include "drivers/mqtt_session/topic_filter.h"
#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"

namespace vigile::mqtt_driver {
namespace {

using namespace mqtt_session;
using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

TEST(MqttPacket, ConnectAsTheStandardHasIt) {
  EXPECT_EQ(
      encode_connect(
          {.version = Version::v3_1_1, .client_id = "ab", .user = "u", .password = "p", .keep_alive_s = 60}),
      "\x10\x14\0\4MQTT\4\xc0\0\x3c\0\2ab\0\1u\0\1p"s);
  EXPECT_EQ(encode_connect({.version = Version::v5,
                            .client_id = "a",
                            .keep_alive_s = 10,
                            .session_expiry_s = 3600,
                            .receive_maximum = 500}),
            "\x10\x16\0\4MQTT\5\0\0\x0a\x08\x11\0\0\x0e\x10\x21\1\xf4\0\1a"s);
  EXPECT_EQ(encode_subscribe(Version::v3_1_1, 1, {.filter = "a/+"}), "\x82\x08\0\1\0\3a/+\1"s);
  EXPECT_EQ(encode_subscribe(Version::v5, 1, {"a", 200}), "\x82\x0a\0\1\3\x0b\xc8\1\0\1a\x11"s);
  EXPECT_EQ(encode_subscribe(Version::v5, 1, {"$share/g/a"}), "\x82\x10\0\1\0\0\x0a$share/g/a\1"s);
  EXPECT_EQ(encode_unsubscribe(Version::v5, 2, {"a", "b"}), "\xa2\x09\0\2\0\0\1a\0\1b"s);
  EXPECT_EQ(encode_unsubscribe(Version::v3_1_1, 2, {"a"}), "\xa2\x05\0\2\0\1a"s);
  EXPECT_EQ(encode_puback(0x1234), "\x40\2\x12\x34"s);
}

TEST(MqttPacket, AStreamIsCutIntoPacketsWhereverItWasCut) {
  const std::string stream =
      "\x20\2\0\0"s + "\x32\x0b\0\3a/b\0\7hey!"s + "\xd0\0"s + "\x30\x83\1\0\1t"s + std::string(128, 'x');
  for (std::size_t step = 1; step < 12; ++step) {
    PacketReader reader(1000);
    std::vector<Packet> packets;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      reader.feed(std::string_view(stream).substr(at, step));
      for (;;) {
        auto packet = reader.next();
        ASSERT_TRUE(packet) << packet.error().message;
        if (!*packet) break;
        packets.push_back(std::move(**packet));
      }
    }
    ASSERT_EQ(packets.size(), 4u);
    const auto publish = decode_publish(Version::v3_1_1, packets[1]);
    ASSERT_TRUE(publish);
    EXPECT_EQ(publish->topic, "a/b");
    EXPECT_EQ(publish->payload, "hey!");
    EXPECT_EQ(publish->qos, 1);
    EXPECT_EQ(publish->id, 7);
    EXPECT_EQ(decode_publish(Version::v3_1_1, packets[3])->payload, std::string(128, 'x'));
  }
}

TEST(MqttPacket, OfOneThatIsTooLongOnlyTheBeginningIsHeld) {
  PacketReader reader(1000);
  std::string stream = "\x32\x80\x80\x40\0\3a/b\0\7"s;  // 1 MiB
  reader.feed(stream);
  std::size_t left = (std::size_t{1} << 20) - 7;
  const std::string part(4096, 'x');
  for (; left > part.size(); left -= part.size()) {
    reader.feed(part);
    ASSERT_FALSE(*reader.next());
  }
  reader.feed(part.substr(0, left));
  reader.feed("\xd0\0"s);
  const auto packet = reader.next();
  ASSERT_TRUE(packet && *packet);
  EXPECT_TRUE((*packet)->is_cut);
  EXPECT_LT((*packet)->body.size(), 70'000u);
  const auto publish = decode_publish(Version::v5, **packet);
  ASSERT_TRUE(publish) << publish.error().message;
  EXPECT_EQ(publish->topic, "a/b");
  EXPECT_EQ(publish->id, 7);
  EXPECT_EQ((*reader.next())->type, 13);
}

TEST(MqttPacket, WhatIsNotMqttIsSaidToBe) {
  const auto broken = [](const std::string& stream) {
    PacketReader reader(1000);
    reader.feed(stream);
    const auto packet = reader.next();
    return packet ? "none" : packet.error().message;
  };
  EXPECT_EQ(broken("HTTP/1.1 400 Bad Request\r\n"), "none");  // half a packet of type 4, so far
  EXPECT_EQ(broken("\x30\xff\xff\xff\xff\x01"s), "not MQTT: a length of more than four bytes");
  EXPECT_EQ(broken("\0\0"s), "not MQTT: a packet of type 0");
  const auto publish = [](std::uint8_t flags, std::string body) {
    const Packet packet{3, flags, std::move(body)};
    const auto decoded = decode_publish(Version::v5, packet);
    return decoded ? "none" : decoded.error().message;
  };
  EXPECT_EQ(publish(0, "\0\5a"s), "not MQTT: half a PUBLISH");
  EXPECT_EQ(publish(0, "\0\0\0x"s), "not MQTT: half a PUBLISH");
  EXPECT_EQ(publish(2, "\0\1a\0\0\0x"s), "not MQTT: a PUBLISH with the id 0");
  EXPECT_EQ(publish(6, "\0\1a\0\1\0x"s), "not MQTT: a PUBLISH of QoS 3");
  EXPECT_EQ(publish(2, "\0\1a\0\1\x05x"s), "not MQTT: a PUBLISH with half a property");
}

TEST(MqttPacket, ConnackOfVersion5SaysWhyAndHowOften) {
  const auto connack = decode_connack(Version::v5, "\1\x87\x0b\x13\0\x1e\x1f\0\5sorry"s);
  ASSERT_TRUE(connack) << connack.error().message;
  EXPECT_TRUE(connack->is_session_present);
  EXPECT_EQ(connack->keep_alive_s, 30);
  EXPECT_EQ(connack->explanation, "sorry");
  EXPECT_EQ(reason_text(Version::v5, PacketType::connack, connack->reason), "not authorised");
  EXPECT_FALSE(decode_connack(Version::v5, "\1"s));
  EXPECT_FALSE(decode_connack(Version::v5, "\0\0\3\x13\0"s));
}

TEST(MqttPacket, APublishNamesItsSubscriptions) {
  const Packet packet{3, 2, "\0\1t\0\7\x07\x0b\x05\x01\x01\x0b\xc8\x01hey"s};
  const auto publish = decode_publish(Version::v5, packet);
  ASSERT_TRUE(publish) << publish.error().message;
  EXPECT_THAT(publish->subscriptions, ElementsAre(5u, 200u));
  EXPECT_EQ(publish->payload, "hey");
  EXPECT_FALSE(decode_connack(Version::v5, "\0\0\2\x29\0"s)->takes_identifiers);
}

TEST(MqttFilter, WhatAnotherCoversIsNotSubscribed) {
  EXPECT_THAT(without_covered({"plant/+/t", "plant/#", "plant/+/t"}), ElementsAre("plant/#"));
  EXPECT_THAT(without_covered({"a", "b", "a"}), ElementsAre("a", "b"));
  EXPECT_THAT(without_covered({"a/+", "+/b"}), ElementsAre("a/+", "+/b"));
  EXPECT_THAT(without_covered({"$share/g/a/#", "a/#", "a/b"}), ElementsAre("$share/g/a/#", "a/#"));
  EXPECT_THAT(without_covered({"#", "$SYS/load"}), ElementsAre("#", "$SYS/load"));
  EXPECT_THAT(without_covered({"a/+", "a/#", "a"}), ElementsAre("a/#"));
}

TEST(MqttFilter, EveryFilterThatBringsATopicIsFound) {
  EXPECT_THAT(filters_of("a/b"), UnorderedElementsAre("#", "a/#", "+/#", "a/b/#", "a/+/#", "+/b/#", "+/+/#",
                                                      "a/b", "a/+", "+/b", "+/+"));
  EXPECT_THAT(filters_of("$SYS/x"),
              UnorderedElementsAre("$SYS/#", "$SYS/x/#", "$SYS/+/#", "$SYS/x", "$SYS/+"));
  EXPECT_EQ(filters_of("1/2/3/4/5/6/7").size(), 128u + 255u);
  EXPECT_EQ(filters_of("1/2/3/4/5/6/7/8").size(), 10u);
  for (const std::string& filter : filters_of("x/y/z")) EXPECT_TRUE(matches(filter, "x/y/z")) << filter;
}

class MqttSubscriptions : public testing::Test {
 protected:
  // How the message is judged: "taken" or "dropped", with "!" when something is to be unsubscribed.
  std::string judge(const std::string& topic, std::vector<std::uint32_t> from, std::string_view payload) {
    const auto verdict =
        subscriptions.judge({.topic = topic, .payload = payload, .subscriptions = std::move(from)});
    return (verdict.is_taken ? "taken" : "dropped") + std::string(verdict.unsubscribe.empty() ? "" : "!");
  }
  const std::uint32_t old = subscription_id("plant/#");
  const std::uint32_t own = subscription_id("plant/+/t");
  Subscriptions subscriptions{{"plant/+/t"}};
};

TEST_F(MqttSubscriptions, WhatWaitedSinceEarlierSettingsIsTakenOnce) {
  subscriptions.begin(true, true);
  EXPECT_EQ(judge("plant/a/t", {old}, "1"), "taken!");  // from before this subscription
  EXPECT_EQ(judge("plant/a/t", {old}, "2"), "taken");   // of both: two copies come
  EXPECT_EQ(judge("plant/a/t", {own}, "2"), "dropped");
  EXPECT_EQ(judge("plant/a/t", {old}, "3"), "dropped");
  EXPECT_EQ(judge("plant/a/t", {own}, "3"), "taken");
  EXPECT_EQ(judge("plant/a/t", {own}, "3"), "taken");  // the same reading again
  EXPECT_EQ(judge("plant/a/t", {own, old}, "4"), "taken");
  EXPECT_EQ(judge("plant/a/t", {}, "5"), "taken");  // the broker does not say
  EXPECT_EQ(judge("other", {old}, "6"), "dropped!");
  EXPECT_EQ(judge("other", {old}, "7"), "dropped");  // was tried
}

TEST_F(MqttSubscriptions, OfTwoThatOverlapOneCopyIsTaken) {
  subscriptions = Subscriptions({"plant/+/t", "plant/a/+"});
  const std::uint32_t second = subscription_id("plant/a/+");
  subscriptions.begin(false, true);
  EXPECT_EQ(judge("plant/a/t", {second}, "1"), "dropped");
  EXPECT_EQ(judge("plant/a/t", {own}, "1"), "taken");
  EXPECT_EQ(judge("plant/a/x", {second}, "1"), "taken");
  EXPECT_EQ(judge("plant/b/t", {own}, "1"), "taken");
  EXPECT_EQ(judge("plant/a/t", {own, second}, "2"), "taken");
}

std::vector<std::string> levels(const std::string& pattern, std::string_view topic) {
  const auto parsed = parse_topic_pattern(pattern);
  if (!parsed) return {parsed.error().message};
  const auto found = match(*parsed, topic);
  if (!found) return {"no match"};
  return {found->begin(), found->end()};
}

TEST(MqttTopic, LevelsWithNamesAreTags) {
  EXPECT_EQ(parse_topic_pattern("$share/gw/plant/{line}/+/#")->filter, "$share/gw/plant/+/+/#");
  EXPECT_THAT(levels("$share/gw/plant/{line}/+/{x}/#", "plant/7/a/b/c"), ElementsAre("7", "b"));
  EXPECT_THAT(levels("plant/{line}", "plant/7"), ElementsAre("7"));
  EXPECT_THAT(levels("plant/{line}", "plant/7/8"), ElementsAre("no match"));
  EXPECT_THAT(levels("plant/#", "plant"), ElementsAre());
  EXPECT_THAT(levels("{a}/#", "$SYS/x"), ElementsAre("no match"));
  EXPECT_THAT(levels("a/{b}", "a/"), ElementsAre(""));
}

TEST(MqttTopic, BadPatternsSayWhatWouldBeRight) {
  EXPECT_THAT(levels("a/b+", "")[0], HasSubstr("+ stands for a whole level"));
  EXPECT_THAT(levels("a/#/b", "")[0], HasSubstr("# for the last ones"));
  EXPECT_THAT(levels("a/x{b}", "")[0], HasSubstr("{name} stands for a whole level"));
  EXPECT_THAT(levels("a/{b}/{b}", "")[0], HasSubstr("{b} twice"));
  EXPECT_THAT(levels("a/{b-c}", "")[0], HasSubstr("letters, digits and _"));
  EXPECT_THAT(levels("$share/g", "")[0], HasSubstr("$share/group/topic"));
  EXPECT_THAT(levels("", "")[0], HasSubstr("1 to 65535 bytes"));
}

std::string settings_error(const std::string& more) {
  const auto made = kMqttDriver.make(options_from_yaml(kMqttDriver, "{client_id: c, " + more + "}"),
                                     {.clock = FakeClock()});
  return made ? "fine" : made.error().message;
}

TEST(MqttSettings, BadOnesSayWhatWouldBeRight) {
  EXPECT_EQ(settings_error("url: mqtt://h, topics: [a]"), "fine");
  EXPECT_EQ(settings_error("url: 'mqtts://[::1]:18883/', topics: [a], forward: true"), "fine");
  EXPECT_EQ(settings_error("url: tcp://h, topics: [a]"),
            "url: \"tcp://h\" is not like mqtt://host:1883 or mqtts://host:8883");
  EXPECT_THAT(settings_error("url: mqtt://h:0, topics: [a]"), HasSubstr("is not like"));
  EXPECT_THAT(settings_error("url: mqtt://user:secret@h, topics: [a]"), HasSubstr("is not like"));
  EXPECT_EQ(settings_error("url: mqtt://h, topics: []"), "topics: there must be one");
  EXPECT_EQ(settings_error("url: mqtt://h, topics: [a], format: json"),
            "values: json needs to know what to take");
  EXPECT_EQ(settings_error("url: mqtt://h, topics: [a], format: json, values: [{name: t, path: 't[x'}]"),
            "values: t: \"t[x\" is not a path like /data/temperature or sensors[name=t1].value");
  const std::string timed = "url: mqtt://h, topics: [a], format: json, values: [{name: t, path: /t}], ";
  EXPECT_EQ(settings_error(timed + "time_path: /at, time_unit: iso8601, time_zone: Europe/Paris"), "fine");
  EXPECT_THAT(settings_error(timed + "time_path: /at, time_unit: iso8601, time_zone: Europe/Pariz"),
              HasSubstr("time_zone: \"Europe/Pariz\": is not in "));
  EXPECT_EQ(settings_error(timed + "time_zone: Z"), "time_zone: has no effect without time_path");
  const std::string row = "url: mqtt://h, topics: [a], format: json, values: [{name: t, path: /t, ";
  EXPECT_EQ(settings_error(row + "words: {open: 1}, not_available: [-99], decimal: comma}]"), "fine");
  EXPECT_THAT(settings_error(row + "words: {open: wide}}]"), HasSubstr("values: t: words: open: "));
  EXPECT_EQ(settings_error(row + "type: bool, words: {open: 1}}]"), "values: t: words: are for type: number");
  EXPECT_EQ(settings_error("url: mqtt://h, topics: [a], format: json, values: [{name: bytes, path: /b}]"),
            "values: bytes: is the name of a metric that the driver itself has");
  EXPECT_EQ(settings_error("url: mqtt://h, topics: [a], format: value"),
            "topics: a: without the option metric, a level must be {metric}");
  EXPECT_EQ(settings_error("url: mqtt://h, topics: ['a/{b}']"),
            "topics: a/+: lines have their own tags, levels with names are for json and value");
  EXPECT_EQ(settings_error("url: mqtt://h, topics: [a], password: x"), "password: needs a user");
}

}  // namespace
}  // namespace vigile::mqtt_driver
