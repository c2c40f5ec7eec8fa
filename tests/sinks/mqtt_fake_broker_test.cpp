// SPDX-License-Identifier: Apache-2.0
// The MQTT sink against answers that no real broker can be made to give.
#include "sinks/mqtt_fake_broker.h"

#include <gmock/gmock.h>

#include <set>

#include "core/clock.h"
#include "sinks/mqtt_batch.h"

namespace vigile {
namespace {

using ::testing::HasSubstr;
using Kind = Outcome::Kind;

constexpr std::string_view kPoints = "vigile/12/press-07/points";

class MqttFakeBrokerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Sink> make(const FakeBroker& broker, std::map<std::string, OptionValue> written = {}) {
    written["url"] = broker.url();
    if (written.count("ack_timeout") == 0)
      written["ack_timeout"] = std::chrono::nanoseconds(std::chrono::seconds(5));
    return std::move(*kMqttSink.make(mqtt_options(written), {clock_, "plant", "12", "press-07"}));
  }
  static std::string points(const FakeBroker& broker) {
    std::string text;
    for (const FakePublish& publish : broker.published()) {
      if (publish.topic == kPoints) text += publish.payload;
    }
    return text;
  }
  // Refuses the points, not the status.
  static FakeBrokerScript refusing(int reason) {
    return {.on_publish = [reason](const FakePublish& p) {
      return puback(p.id, p.topic == kPoints ? reason : 0);
    }};
  }
  MqttFakeBrokerTest() {
    for (int i = 0; i < 100; ++i) lines_ += equipment_line(i);
    batch_.add_segment(lines_);
  }
  SystemClock clock_;
  std::string lines_;
  TestBatch batch_;
};

TEST_F(MqttFakeBrokerTest, ReasonsOfPuback) {
  const std::pair<int, Kind> cases[] = {{0x10, Kind::accepted},    {0x97, Kind::retry_later},
                                        {0x90, Kind::paused},      {0x99, Kind::paused},
                                        {0x80, Kind::retry_later}, {0x87, Kind::paused}};
  for (const auto& [reason, kind] : cases) {
    const FakeBroker broker(refusing(reason));
    const Outcome outcome = make(broker)->deliver(batch_.batch(), {});
    EXPECT_EQ(outcome.kind, kind) << reason << ": " << outcome.message;
  }
}

TEST_F(MqttFakeBrokerTest, AQuotaExceededKeepsTheConnection) {
  int refused = 0;
  const FakeBroker broker({.on_publish = [&](const FakePublish& p) {
    return puback(p.id, p.topic == kPoints && refused++ == 0 ? 0x97 : 0);
  }});
  const auto sink = make(broker);
  EXPECT_EQ(sink->deliver(batch_.batch(), {}).kind, Kind::retry_later);
  EXPECT_EQ(sink->deliver(batch_.batch(), {}).kind, Kind::accepted);
  EXPECT_EQ(broker.connections(), 1);
}

TEST_F(MqttFakeBrokerTest, ATooLargePacketIsCutSmaller) {
  const FakeBroker broker(
      {.on_publish = [](const FakePublish& p) { return puback(p.id, p.payload.size() > 5000 ? 0x95 : 0); }});
  const Outcome outcome = make(broker)->deliver(batch_.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
  std::string taken;
  for (const FakePublish& publish : broker.published()) {
    if (publish.payload.size() <= 5000) taken += publish.payload;
  }
  for (int i = 0; i < 100; ++i) EXPECT_THAT(taken, HasSubstr(equipment_line(i)));
}

TEST_F(MqttFakeBrokerTest, ADisconnectForTooLargeAPacketIsCutSmallerToo) {
  const FakeBroker broker({.on_publish = [](const FakePublish& p) {
    return p.payload.size() > 5000 ? disconnect(0x95) : puback(p.id, 0);
  }});
  const Outcome outcome = make(broker)->deliver(batch_.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
  EXPECT_GT(broker.connections(), 1);
}

TEST_F(MqttFakeBrokerTest, ASingleLineTooLargeIsNamed) {
  const FakeBroker broker(
      {.on_publish = [](const FakePublish& p) { return puback(p.id, p.payload.size() > 1500 ? 0x95 : 0); }});
  TestBatch batch;
  const std::string large = "note text=\"" + std::string(3000, 'x') + "\" 1\n";
  batch.add_segment(equipment_line(1) + large + equipment_line(2));
  const Outcome outcome = make(broker)->deliver(batch.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::partial);
  ASSERT_EQ(outcome.rejected.size(), 1u);
  EXPECT_EQ(outcome.rejected[0].number, 2u);
  EXPECT_THAT(points(broker), HasSubstr(equipment_line(2)));
}

TEST_F(MqttFakeBrokerTest, AReceiveMaximumIsFilledAndNotExceeded) {
  FakeBrokerScript script;
  script.on_connect = [](int, const std::string&) { return connack(0, std::string{'\x21', '\0', '\x03'}); };
  script.hold = 50;
  const FakeBroker broker(std::move(script));
  const Outcome outcome = make(broker, {{"max_message", std::uint64_t{1000}}})->deliver(batch_.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
  EXPECT_EQ(broker.most_unanswered(), 3u);
}

TEST_F(MqttFakeBrokerTest, TheWindowIsFilledAndNotExceeded) {
  FakeBrokerScript script;
  script.hold = 50;
  const FakeBroker broker(std::move(script));
  const Outcome outcome = make(broker, {{"max_message", std::uint64_t{1000}}, {"window", std::int64_t{7}}})
                              ->deliver(batch_.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
  EXPECT_EQ(broker.most_unanswered(), 7u);
}

TEST_F(MqttFakeBrokerTest, WhatIsAcknowledgedIsNotSentAgain) {
  // Each connection acknowledges five messages of points and is then ended.
  int taken = 0;
  FakeBrokerScript script;
  script.on_connect = [&taken](int, const std::string&) {
    taken = 0;
    return connack(0);
  };
  std::multiset<std::string> acknowledged;
  script.on_publish = [&](const FakePublish& p) {
    if (p.topic != kPoints) return puback(p.id, 0);
    if (taken++ >= 5) return disconnect(0x8b);
    acknowledged.insert(p.payload);
    return puback(p.id, 0);
  };
  const FakeBroker broker(std::move(script));
  const auto sink = make(broker, {{"max_message", std::uint64_t{1024}}, {"window", std::int64_t{1}}});
  int tries = 1;
  while (tries < 20) {
    const Outcome outcome = sink->deliver(batch_.batch(), {});
    if (outcome.kind == Kind::accepted) break;
    EXPECT_THAT(outcome.message, HasSubstr("0x8b"));
    ++tries;
  }
  EXPECT_EQ(tries, 4);  // 20 messages of 5 lines
  EXPECT_EQ(acknowledged.size(), 20u);
  EXPECT_EQ(std::set<std::string>(acknowledged.begin(), acknowledged.end()).size(), 20u);
}

TEST_F(MqttFakeBrokerTest, ALostAcknowledgementIsNoSuccess) {
  int unanswered = 0;
  const FakeBroker broker({.on_publish = [&](const FakePublish& p) {
    return p.topic == kPoints && unanswered++ == 2 ? std::string() : puback(p.id, 0);
  }});
  const auto sink = make(broker, {{"max_message", std::uint64_t{4000}},
                                  {"ack_timeout", std::chrono::nanoseconds(std::chrono::milliseconds(200))}});
  const Outcome outcome = sink->deliver(batch_.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::retry_later);
  EXPECT_THAT(outcome.message, HasSubstr("no acknowledgement"));
  EXPECT_EQ(sink->deliver(batch_.batch(), {}).kind, Kind::accepted);
  EXPECT_EQ(broker.connections(), 2);
}

TEST_F(MqttFakeBrokerTest, ABrokerThatSpeaksOnly311) {
  FakeBrokerScript script;
  script.on_connect = [](int, const std::string&) { return std::string{'\x20', '\x02', '\0', '\x01'}; };
  const FakeBroker broker(std::move(script));
  const Outcome outcome = make(broker)->deliver(batch_.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::paused);
  EXPECT_THAT(outcome.message, HasSubstr("version: 3.1.1"));
}

TEST_F(MqttFakeBrokerTest, ABrokerThatIsBusy) {
  FakeBrokerScript script;
  script.on_connect = [](int n, const std::string&) { return connack(n == 0 ? 0x89 : 0); };
  const FakeBroker broker(std::move(script));
  const auto sink = make(broker);
  const Outcome outcome = sink->deliver(batch_.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::retry_later);
  EXPECT_THAT(outcome.message, HasSubstr("busy"));
  EXPECT_EQ(sink->deliver(batch_.batch(), {}).kind, Kind::accepted);
}

TEST_F(MqttFakeBrokerTest, AnotherClientWithTheSameId) {
  const FakeBroker broker({.on_publish = [](const FakePublish& p) {
    return p.topic == kPoints ? disconnect(0x8e) : puback(p.id, 0);
  }});
  const Outcome outcome = make(broker)->deliver(batch_.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::retry_later);
  EXPECT_THAT(outcome.message, HasSubstr("client_id"));
}

TEST_F(MqttFakeBrokerTest, AConnectionEndedBeforeItsAnswer) {
  FakeBrokerScript script;
  script.on_connect = [](int, const std::string&) { return std::string(); };
  const FakeBroker broker(std::move(script));
  const Outcome outcome = make(broker)->deliver(batch_.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::retry_later);
  EXPECT_THAT(outcome.message, HasSubstr("closed the connection"));
}

TEST_F(MqttFakeBrokerTest, AWillThatIsNotTakenIsMadeSmaller) {
  FakeBrokerScript script;
  script.on_connect = [](int n, const std::string&) {
    return n == 0 ? connack(0x9a) : n == 1 ? connack(0x9b) : connack(0);
  };
  const FakeBroker broker(std::move(script));
  const Outcome outcome = make(broker)->deliver(batch_.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
  EXPECT_EQ(broker.connections(), 3);
  ASSERT_FALSE(broker.published().empty());
  EXPECT_FALSE(broker.published()[0].retained);
  EXPECT_EQ(broker.published()[0].qos, 0);
}

}  // namespace
}  // namespace vigile
