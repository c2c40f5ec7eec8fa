// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <fstream>
#include <tuple>

#include "sinks/mqtt/flat_json.h"
#include "sinks/mqtt/message_limit.h"
#include "sinks/mqtt/outcomes.h"
#include "sinks/mqtt/resume.h"
#include "sinks/mqtt/settings.h"
#include "sinks/mqtt/split.h"
#include "sinks/mqtt/window.h"
#include "sinks/mqtt_batch.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace vigile::mqtt_sink {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SettingsTest : public ::testing::Test {
 protected:
  Result<MqttSettings> read(const std::map<std::string, OptionValue>& written) {
    return read_settings(mqtt_options(written), {clock_, "plant", site_, device_});
  }
  std::string error(const std::map<std::string, OptionValue>& written) {
    const auto settings = read(written);
    return settings ? "" : settings.error().message;
  }
  FakeClock clock_;
  std::string site_ = "12";
  std::string device_ = "press-07";
};

TEST_F(SettingsTest, DefaultsAreTheDocumentedOnes) {
  const auto settings = read({{"url", "mqtt://broker.example"}});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->url, "tcp://broker.example:1883");
  EXPECT_EQ(settings->shown_url, "mqtt://broker.example:1883");
  EXPECT_EQ(settings->version, Version::v5);
  EXPECT_EQ(settings->client_id, "vigile-12-press-07");
  EXPECT_EQ(settings->topic, "vigile/12/press-07/points");
  EXPECT_EQ(settings->status_topic, "vigile/12/press-07/status");
  EXPECT_EQ(settings->qos, 1);
  EXPECT_EQ(settings->window, 20u);
  EXPECT_EQ(settings->max_message_bytes, 65536u);
  EXPECT_EQ(settings->ack_timeout, std::chrono::seconds(10));
  EXPECT_EQ(settings->keep_alive, std::chrono::seconds(60));
  EXPECT_FALSE(settings->tls);
  EXPECT_FALSE(settings->insecure);
}

TEST_F(SettingsTest, EverySchemeIsUnderstood) {
  const std::pair<const char*, const char*> cases[] = {
      {"mqtt://h", "tcp://h:1883"},         {"tcp://h:5", "tcp://h:5"},
      {"mqtts://h", "ssl://h:8883"},        {"ssl://h:9/", "ssl://h:9"},
      {"ws://h/mqtt", "ws://h:80/mqtt"},    {"wss://h:8443/a/b", "wss://h:8443/a/b"},
      {"mqtt://[::1]", "tcp://[::1]:1883"}, {"mqtt://[::1]:7", "tcp://[::1]:7"},
  };
  for (const auto& [written, paho] : cases) {
    const auto settings = read({{"url", written}});
    ASSERT_TRUE(settings) << written << ": " << settings.error().message;
    EXPECT_EQ(settings->url, paho);
  }
}

TEST_F(SettingsTest, BadUrlsSayWhatWouldBeRight) {
  EXPECT_THAT(error({{"url", "broker:1883"}}), AllOf(HasSubstr("url"), HasSubstr("mqtt://host")));
  EXPECT_THAT(error({{"url", "http://broker"}}), AllOf(HasSubstr("'http'"), HasSubstr("mqtts://")));
  EXPECT_THAT(error({{"url", "mqtt://:1883"}}), HasSubstr("names no host"));
  EXPECT_THAT(error({{"url", "mqtt://h:0"}}), HasSubstr("'0' is not a number from 1 to 65535"));
  EXPECT_THAT(error({{"url", "mqtt://h:65536"}}), HasSubstr("65535"));
  EXPECT_THAT(error({{"url", "mqtt://h:12x"}}), HasSubstr("'12x'"));
  EXPECT_THAT(error({{"url", "mqtt://h:"}}), HasSubstr("port"));
  EXPECT_THAT(error({{"url", "mqtt://[::1"}}), HasSubstr("']'"));
  EXPECT_THAT(error({{"url", "mqtt://h/topic"}}), HasSubstr("`topic`"));
}

TEST_F(SettingsTest, APasswordInTheUrlIsRefusedAndNotRepeated) {
  const std::string message = error({{"url", "mqtt://me:hunter2@broker"}});
  EXPECT_THAT(message, HasSubstr("`password`"));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("hunter2")));
}

TEST_F(SettingsTest, IdsCannotAddLevelsOrWildcards) {
  site_ = "a/b+c";
  device_ = "#$x\n";
  const auto settings = read({{"url", "mqtt://h"}, {"topic", "{site}/{device}/p"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->topic, "a_b_c/__x_/p");
  EXPECT_EQ(topic_level(""), "_");
}

TEST_F(SettingsTest, BadTopicsAreRefused) {
  EXPECT_THAT(error({{"url", "mqtt://h"}, {"topic", "a/#"}}), HasSubstr("'#'"));
  EXPECT_THAT(error({{"url", "mqtt://h"}, {"topic", "a/{host}"}}), HasSubstr("{device}"));
  EXPECT_THAT(error({{"url", "mqtt://h"}, {"topic", ""}}), HasSubstr("empty"));
  EXPECT_THAT(error({{"url", "mqtt://h"}, {"topic", "t"}, {"status_topic", "t"}}), HasSubstr("same"));
  EXPECT_EQ(error({{"url", "mqtt://h"}, {"status_topic", ""}}), "");
}

TEST_F(SettingsTest, OptionsThatNeedOthersSaySo) {
  EXPECT_THAT(error({{"url", "mqtt://h"}, {"password", "x"}}), HasSubstr("user"));
  EXPECT_THAT(error({{"url", "mqtt://h"}, {"ca_file", "/x"}}), HasSubstr("mqtts://"));
  EXPECT_THAT(error({{"url", "mqtt://h"}, {"insecure", true}}), HasSubstr("mqtts://"));
  EXPECT_THAT(error({{"url", "mqtts://h"}, {"key_file", "/x"}}), HasSubstr("cert_file"));
  EXPECT_THAT(error({{"url", "mqtts://h"}, {"cert_file", "/x"}}), HasSubstr("key_file"));
}

TEST_F(SettingsTest, FilesAreCheckedForWhatTheyAre) {
  const TempDir directory;
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(directory / name) << text;
    return (directory / name).string();
  };
  const std::string cert = write("cert", "-----BEGIN CERTIFICATE-----\n");
  const std::string key = write("key", "-----BEGIN PRIVATE KEY-----\n");
  const std::string locked = write("locked", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
  EXPECT_THAT(error({{"url", "mqtts://h"}, {"ca_file", "/does/not/exist"}}),
              AllOf(HasSubstr("ca_file"), HasSubstr("/does/not/exist")));
  EXPECT_THAT(error({{"url", "mqtts://h"}, {"ca_file", key}}), HasSubstr("no certificate"));
  EXPECT_THAT(error({{"url", "mqtts://h"}, {"cert_file", cert}, {"key_file", cert}}), HasSubstr("no key"));
  EXPECT_THAT(error({{"url", "mqtts://h"}, {"cert_file", cert}, {"key_file", locked}}),
              HasSubstr("encrypted"));
  EXPECT_EQ(error({{"url", "mqtts://h"}, {"ca_file", cert}, {"cert_file", cert}, {"key_file", key}}), "");
}

TEST(OptionTable, EveryOptionIsInTheReadme) {
  std::ifstream file(VIGILE_SOURCE_DIR "/agent/sinks/mqtt/README.md");
  const std::string readme(std::istreambuf_iterator<char>(file), {});
  for (const OptionSpec& spec : option_table()) {
    EXPECT_THAT(readme, HasSubstr("| `" + std::string(spec.name) + "` |"));
    EXPECT_THAT(readme, HasSubstr(std::string(spec.fallback)));
  }
}

std::vector<Message> all_messages(Splitter& splitter, std::uint64_t wanted, std::uint64_t most = UINT64_MAX) {
  std::vector<Message> messages;
  for (;;) {
    auto message = splitter.next(wanted, most);
    EXPECT_TRUE(message);
    if (!message || !*message) return messages;
    messages.push_back(std::move(**message));
  }
}

TEST(SplitterTest, FillsMessagesAcrossPayloadsAndCutsAtLineEnds) {
  TestBatch batch;
  batch.add_segment("a v=1 1\nb v=2 2\n");
  batch.add_segment("");
  batch.add_segment("c v=3 3\nd v=4 4\ne v=5 5\n");
  Splitter splitter(batch.payloads(), {}, PayloadFormat::lines);
  const auto messages = all_messages(splitter, 25);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].text, "a v=1 1\nb v=2 2\nc v=3 3\n");
  EXPECT_EQ(messages[0].first_line, 1u);
  EXPECT_EQ(messages[0].lines, 3u);
  EXPECT_EQ(messages[0].end, (Position{2, 8, 3}));
  EXPECT_EQ(messages[1].text, "d v=4 4\ne v=5 5\n");
  EXPECT_EQ(messages[1].first_line, 4u);
}

TEST(SplitterTest, GoesOnWhereAMessageEnded) {
  TestBatch batch;
  for (int s = 0; s < 4; ++s) {
    std::string lines;
    for (int i = 0; i < 7; ++i) lines += equipment_line(s * 7 + i);
    batch.add_segment(lines);
  }
  Splitter whole(batch.payloads(), {}, PayloadFormat::lines);
  const auto expected = all_messages(whole, 500);
  for (std::size_t from = 0; from < expected.size(); ++from) {
    Splitter rest(batch.payloads(), expected[from].end, PayloadFormat::lines);
    const auto messages = all_messages(rest, 500);
    ASSERT_EQ(messages.size(), expected.size() - from - 1);
    for (std::size_t i = 0; i < messages.size(); ++i) {
      EXPECT_EQ(messages[i].text, expected[from + 1 + i].text);
      EXPECT_EQ(messages[i].first_line, expected[from + 1 + i].first_line);
    }
  }
}

TEST(SplitterTest, ALargeLineGoesAloneOrIsRefused) {
  const std::string large = "a v=\"" + std::string(100, 'x') + "\" 1\n";
  TestBatch batch;
  batch.add_segment("s v=1 1\n" + large + "t v=1 1\n");
  Splitter wanted_less(batch.payloads(), {}, PayloadFormat::lines);
  auto messages = all_messages(wanted_less, 50);
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[1].text, large);
  EXPECT_EQ(messages[1].refusal, "");
  Splitter broker_less(batch.payloads(), {}, PayloadFormat::lines);
  messages = all_messages(broker_less, 1000, 50);
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_THAT(messages[1].refusal, HasSubstr("at most 50"));
  EXPECT_EQ(messages[1].first_line, 2u);
  EXPECT_EQ(messages[2].text, "t v=1 1\n");
}

TEST(SplitterTest, ADamagedPayloadIsAnError) {
  TestBatch batch;
  batch.add_segment("a v=1 1\n");
  Payload damaged = batch.payloads()[0];
  damaged.crc32 ^= 1;
  Splitter splitter(std::span(&damaged, 1), {}, PayloadFormat::lines);
  const auto message = splitter.next(100, 100);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().kind, ErrorKind::corrupt);
}

TEST(SplitterTest, JsonIsOneLineAMessage) {
  TestBatch batch;
  batch.add_segment("a v=1 1\nno line\nc v=3i 3\n");
  Splitter splitter(batch.payloads(), {}, PayloadFormat::json);
  const auto messages = all_messages(splitter, 65536);
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[0].text, R"({"measurement":"a","tags":{},"fields":{"v":1.0},"time":1})");
  EXPECT_THAT(messages[1].refusal, HasSubstr("expected"));
  EXPECT_EQ(messages[2].text, R"({"measurement":"c","tags":{},"fields":{"v":3},"time":3})");
}

TEST(FlatJsonTest, HoldsEveryType) {
  const auto json = flat_json("a\\ b,k=v\\,w f=1.5,i=-3i,u=18446744073709551615u,t=true,s=\"q\\\"z\" 17\n");
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(*json,
            R"({"measurement":"a b","tags":{"k":"v,w"},"fields":{"f":1.5,"i":-3,"u":18446744073709551615,)"
            R"("t":true,"s":"q\"z"},"time":17})");
  EXPECT_THAT(*flat_json("m v=1"), HasSubstr("\"time\":null"));
  EXPECT_THAT(*flat_json("m v=\"\xff\" 1"), HasSubstr("\xef\xbf\xbd"));
}

class ResumeTest : public ::testing::Test {
 protected:
  ResumeTest() {
    for (int s = 0; s < 3; ++s) batch_.add_segment(equipment_line(2 * s) + equipment_line(2 * s + 1));
  }
  TestBatch batch_;
  Resume resume_;
};

TEST_F(ResumeTest, TheSameBatchGoesOn) {
  resume_.begin(batch_.payloads());
  resume_.advance({1, 5, 2});
  resume_.begin(batch_.payloads());
  EXPECT_EQ(resume_.done(), (Position{1, 5, 2}));
}

TEST_F(ResumeTest, AnotherBatchStartsOver) {
  resume_.begin(batch_.payloads());
  resume_.advance({1, 5, 2});
  resume_.reject({.number = 1, .text = "", .reason = "r"});
  resume_.begin(batch_.batch(1, 2).payloads);
  EXPECT_EQ(resume_.done(), Position());
  EXPECT_TRUE(resume_.finish().empty());
}

TEST_F(ResumeTest, ABatchThatDiffersInOneByteStartsOver) {
  resume_.begin(batch_.payloads());
  resume_.advance({2, 0, 4});
  TestBatch other;
  for (int s = 0; s < 3; ++s)
    other.add_segment(equipment_line(2 * s) + equipment_line(2 * s + (s == 1 ? 3 : 1)));
  resume_.begin(other.payloads());
  EXPECT_EQ(resume_.done(), Position());
}

TEST_F(ResumeTest, AShorterBatchKeepsWhatItHolds) {
  resume_.begin(batch_.payloads());
  resume_.reject({.number = 1, .text = "", .reason = "in"});
  resume_.reject({.number = 3, .text = "", .reason = "out"});
  resume_.advance({1, 5, 3});
  resume_.begin(batch_.batch(0, 1).payloads);
  EXPECT_EQ(resume_.done(), (Position{1, 0, 2}));
  const auto rejected = resume_.finish();
  ASSERT_EQ(rejected.size(), 1u);
  EXPECT_EQ(rejected[0].reason, "in");
}

TEST_F(ResumeTest, AFinishedBatchIsSentAgainWhenAskedTo) {
  resume_.begin(batch_.payloads());
  resume_.advance({3, 0, 6});
  resume_.finish();
  resume_.begin(batch_.payloads());
  EXPECT_EQ(resume_.done(), Position());
}

Flight flight(std::uintptr_t number) {
  return {.number = number, .bytes = 10, .first_line = number, .lines = 1, .end = {0, number * 10, number}};
}

TEST_F(ResumeTest, OnlyWhatIsAcknowledgedInOrderIsDone) {
  resume_.begin(batch_.payloads());
  Window window(resume_);
  for (std::uintptr_t i = 1; i <= 4; ++i) window.add(flight(i));
  EXPECT_EQ(window.count(), 4u);
  EXPECT_EQ(window.bytes(), 40u);
  window.settle(2);
  EXPECT_EQ(resume_.done(), Position());
  window.settle(1);
  EXPECT_EQ(resume_.done().lines, 2u);
  window.settle(1);  // a second time, and one never sent
  window.settle(99);
  EXPECT_EQ(window.count(), 2u);
  window.fail(3);
  window.settle(4);
  EXPECT_EQ(resume_.done().lines, 2u);
  EXPECT_EQ(window.count(), 0u);
  EXPECT_EQ(window.bytes(), 0u);
}

TEST_F(ResumeTest, RejectedLinesAreReportedOnceTheyAreReached) {
  resume_.begin(batch_.payloads());
  Window window(resume_);
  window.add(flight(1));
  window.add_rejected({.number = 0, .end = {0, 20, 2}}, {.number = 2, .text = "", .reason = "large"});
  window.add(flight(3));
  window.reject(3, {.number = 3, .text = "", .reason = "refused"});
  EXPECT_EQ(resume_.done(), Position());
  window.settle(1);
  EXPECT_EQ(resume_.done().lines, 3u);
  const auto rejected = resume_.finish();
  ASSERT_EQ(rejected.size(), 2u);
  EXPECT_EQ(rejected[0].number, 2u);
  EXPECT_EQ(rejected[1].number, 3u);
}

TEST(MessageLimitTest, HalvesToAFloorAndGrowsBack) {
  MessageLimit limit(65536);
  EXPECT_TRUE(limit.shrink(65536));
  EXPECT_EQ(limit.bytes(), 32768u);
  EXPECT_TRUE(limit.shrink(10000));
  EXPECT_EQ(limit.bytes(), 5000u);
  while (limit.shrink(limit.bytes())) {
  }
  EXPECT_EQ(limit.bytes(), MessageLimit::kLeastBytes);
  for (std::uint32_t i = 0; i + 1 < MessageLimit::kGrowAfter; ++i) limit.acknowledged();
  EXPECT_EQ(limit.bytes(), MessageLimit::kLeastBytes);
  limit.acknowledged();
  EXPECT_EQ(limit.bytes(), 2 * MessageLimit::kLeastBytes);
  MessageLimit small(300);
  EXPECT_FALSE(small.shrink(300));
  EXPECT_EQ(small.bytes(), 300u);
}

TEST(OutcomesTest, RefusedConnectionsPauseOnlyWhereSomebodyMustAct) {
  MqttSettings settings{.shown_url = "mqtt://b:1883", .password = "hunter2"};
  settings.client_id = "me";
  using Kind = Outcome::Kind;
  const std::tuple<int, Kind, const char*> cases[] = {
      {1, Kind::paused, "version: 3.1.1"},   {2, Kind::paused, "client_id"},
      {3, Kind::retry_later, "unavailable"}, {4, Kind::paused, "password"},
      {5, Kind::paused, "client 'me'"},      {0x84, Kind::paused, "version: 3.1.1"},
      {0x85, Kind::paused, "'me'"},          {0x86, Kind::paused, "check `user`"},
      {0x87, Kind::paused, "allows"},        {0x88, Kind::retry_later, "0x88"},
      {0x89, Kind::retry_later, "busy"},     {0x8a, Kind::paused, "Banned"},
      {0x90, Kind::paused, "status_topic"},  {0x97, Kind::retry_later, "Quota"},
      {0x9d, Kind::paused, "url"},           {0x9f, Kind::retry_later, "rate"},
      {0xee, Kind::retry_later, "0xee"},
  };
  for (const auto& [code, kind, text] : cases) {
    const Outcome outcome = connect_refused(settings, code);
    EXPECT_EQ(outcome.kind, kind) << code;
    EXPECT_THAT(outcome.message, AllOf(HasSubstr("mqtt://b:1883"), HasSubstr(text))) << code;
    EXPECT_THAT(outcome.message, ::testing::Not(HasSubstr("hunter2")));
  }
}

TEST(OutcomesTest, RefusedMessages) {
  MqttSettings settings{.shown_url = "mqtt://b:1883", .user = "u", .topic = "t/x"};
  using Kind = Outcome::Kind;
  const std::pair<int, Kind> cases[] = {
      {0x80, Kind::retry_later}, {0x83, Kind::retry_later}, {0x87, Kind::paused},      {0x90, Kind::paused},
      {0x95, Kind::too_large},   {0x97, Kind::retry_later}, {0x99, Kind::paused},      {0x9b, Kind::paused},
      {0x96, Kind::retry_later}, {0xc0, Kind::retry_later}, {0x91, Kind::retry_later},
  };
  for (const auto& [code, kind] : cases) {
    EXPECT_EQ(publish_refused(settings, code).kind, kind) << code;
    EXPECT_THAT(publish_refused(settings, code).message, HasSubstr("t/x"));
  }
  EXPECT_THAT(connection_lost(settings, 0x8e).message, HasSubstr("client_id"));
  EXPECT_EQ(connection_lost(settings, 0x8e).kind, Kind::retry_later);
  EXPECT_EQ(connection_lost(settings, 0x87).kind, Kind::paused);
  EXPECT_EQ(connection_lost(settings, 0).kind, Kind::retry_later);
}

}  // namespace
}  // namespace vigile::mqtt_sink
