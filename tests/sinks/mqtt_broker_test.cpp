// SPDX-License-Identifier: Apache-2.0
// The MQTT sink against real Mosquitto.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <thread>

#include "sinks/mqtt_batch.h"
#include "support/mosquitto_server.h"
#include "support/mqtt_subscriber.h"
#include "support/tcp_proxy.h"

namespace vigile {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Kind = Outcome::Kind;
using Written = std::map<std::string, OptionValue>;

constexpr const char* kPoints = "vigile/12/press-07/points";
constexpr const char* kStatus = "vigile/12/press-07/status";

class MqttBrokerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Sink> make(Written written) {
    auto sink = kMqttSink.make(mqtt_options(written), {clock_, "plant", "12", "press-07"});
    if (!sink) throw std::runtime_error(sink.error().message);
    return std::move(*sink);
  }
  std::unique_ptr<Sink> make(const std::string& url, Written written = {}) {
    written["url"] = url;
    return make(std::move(written));
  }
  // Tries until accepted, as the delivery loop does; how many tries it took, 0: never.
  static int deliver_all(Sink& sink, const Batch& batch, int most = 50) {
    for (int tries = 1; tries <= most; ++tries) {
      const Outcome outcome = sink.deliver(batch, {});
      if (outcome.kind == Kind::accepted) return tries;
      if (outcome.kind != Kind::retry_later) ADD_FAILURE() << outcome.message;
    }
    return 0;
  }
  static std::vector<std::string> expected_lines(int from, int to) {
    std::vector<std::string> lines;
    for (int i = from; i < to; ++i) {
      lines.push_back(equipment_line(i));
      lines.back().pop_back();
    }
    return lines;
  }
  static void fill(TestBatch& batch, int from, int to, int per_segment = 100) {
    for (int start = from; start < to; start += per_segment) {
      std::string lines;
      for (int i = start; i < std::min(start + per_segment, to); ++i) lines += equipment_line(i);
      batch.add_segment(lines);
    }
  }
  // Waits until every line has come; the number that is missing.
  static std::size_t missing(MqttSubscriber& subscriber, int count) {
    std::size_t absent = 0;
    eventually([&] {
      const auto lines = subscriber.lines(kPoints);
      absent = 0;
      for (const std::string& line : expected_lines(0, count)) absent += lines.count(line) == 0;
      return absent == 0;
    });
    return absent;
  }
  SystemClock clock_;
};

struct Combination {
  const char* version;
  int qos;
};
class MqttVersionTest : public MqttBrokerTest, public ::testing::WithParamInterface<Combination> {};

TEST_P(MqttVersionTest, EveryLineArrivesOnceWithItsQuality) {
  const MosquittoServer broker({.global_lines = {"max_queued_messages 0"}});
  MqttSubscriber subscriber(broker.port(), "vigile/#");
  const auto sink = make(broker.url(), {{"version", std::string(GetParam().version)},
                                        {"qos", std::int64_t{GetParam().qos}},
                                        {"max_message", std::uint64_t{2000}}});
  TestBatch batch;
  fill(batch, 0, 500);
  const Outcome outcome = sink->deliver(batch.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
  EXPECT_EQ(missing(subscriber, 500), 0u);
  for (const auto& [line, count] : subscriber.lines(kPoints)) EXPECT_EQ(count, 1) << line;
  for (const ReceivedMessage& message : subscriber.messages()) {
    if (message.topic != kPoints) continue;
    EXPECT_EQ(message.qos, GetParam().qos);
    EXPECT_FALSE(message.retained);
    EXPECT_LE(message.payload.size(), 2000u);
  }
  sink->close(std::chrono::seconds(2));
}

INSTANTIATE_TEST_SUITE_P(, MqttVersionTest,
                         ::testing::Values(Combination{"3.1.1", 0}, Combination{"3.1.1", 1},
                                           Combination{"3.1.1", 2}, Combination{"5", 0}, Combination{"5", 1},
                                           Combination{"5", 2}),
                         [](const auto& instance) {
                           return std::string(instance.param.version[0] == '5' ? "v5" : "v311") + "_qos" +
                                  std::to_string(instance.param.qos);
                         });

TEST_F(MqttBrokerTest, StatusIsRetainedOnlineAndOfflineAtClose) {
  const MosquittoServer broker;
  const auto sink = make(broker.url());
  TestBatch batch;
  fill(batch, 0, 1);
  ASSERT_EQ(sink->deliver(batch.batch(), {}).kind, Kind::accepted);
  {
    MqttSubscriber late(broker.port(), kStatus);
    EXPECT_TRUE(eventually([&] { return !late.latest(kStatus).empty(); }));
    EXPECT_THAT(late.latest(kStatus), AllOf(HasSubstr(R"("status":"online")"), HasSubstr(R"("version":")"),
                                            HasSubstr(R"("time":"20)")));
    EXPECT_TRUE(late.messages().front().retained);
  }
  sink->close(std::chrono::seconds(2));
  MqttSubscriber later(broker.port(), kStatus);
  EXPECT_TRUE(eventually([&] { return !later.latest(kStatus).empty(); }));
  EXPECT_THAT(later.latest(kStatus), HasSubstr(R"("status":"offline")"));
  EXPECT_THAT(broker.log(), HasSubstr("Received DISCONNECT from vigile-12-press-07"));
}

TEST_F(MqttBrokerTest, TheWillSaysOfflineWhenTheProcessIsKilled) {
  const MosquittoServer broker;
  MqttSubscriber subscriber(broker.port(), "vigile/12/child/status");
  const TempDir directory;
  ChildProcess child({VIGILE_BINARY_DIR "/tests/mqtt_publisher", broker.url()}, directory / "child.log");
  ASSERT_TRUE(eventually([&] { return child.output().find("delivered") != std::string::npos; }))
      << child.output();
  EXPECT_TRUE(eventually(
      [&] { return subscriber.latest("vigile/12/child/status").find("online") != std::string::npos; }));
  child.signal(SIGKILL);
  EXPECT_TRUE(
      eventually([&] { return subscriber.latest("vigile/12/child/status") == R"({"status":"offline"})"; }));
  MqttSubscriber late(broker.port(), "vigile/12/child/status");
  EXPECT_TRUE(eventually([&] { return late.latest("vigile/12/child/status") == R"({"status":"offline"})"; }));
}

TEST_F(MqttBrokerTest, TwoClientsWithOneIdAreReported) {
  for (const std::string version : {"5", "3.1.1"}) {
    const MosquittoServer broker;
    const auto sink = make(broker.url(), {{"version", version}});
    TestBatch batch;
    fill(batch, 0, 1);
    EXPECT_EQ(sink->conflict().reason, "");
    // Mosquitto 2.0.11 does not say why it closes a connection, with version 5 neither.
    for (int i = 0; i < 50 && sink->conflict().reason.empty(); ++i) {
      // Readings arrive all the same.
      EXPECT_GT(deliver_all(*sink, batch.batch()), 0);
      const TempDir dir;
      run_program({"mosquitto_pub", "-h", "127.0.0.1", "-p", std::to_string(broker.port()), "-i",
                   "vigile-12-press-07", "-q", "1", "-t", "other", "-m", "1"},
                  dir / "log");
    }
    EXPECT_THAT(sink->conflict().reason, HasSubstr("another client connects as 'vigile-12-press-07'"));
    EXPECT_THAT(sink->conflict().reason, HasSubstr(broker.url()));
    EXPECT_GE(sink->conflict().count, 1u);
  }
}

TEST_F(MqttBrokerTest, AClientAloneIsNoConflict) {
  const MosquittoServer broker;
  const auto sink = make(broker.url(), {{"version", std::string("3.1.1")}});
  TestBatch batch;
  fill(batch, 0, 1);
  for (int i = 0; i < 5; ++i) EXPECT_GT(deliver_all(*sink, batch.batch()), 0);
  EXPECT_EQ(sink->conflict().reason, "");
  EXPECT_EQ(sink->conflict().count, 0u);
}

class MqttTlsTest : public MqttBrokerTest {
 protected:
  Outcome try_once(Written written) {
    const auto sink = make(std::move(written));
    TestBatch batch;
    fill(batch, 0, 10);
    Outcome outcome = sink->deliver(batch.batch(), {});
    sink->close(std::chrono::seconds(2));
    return outcome;
  }
  TempDir directory_;
  const TestCertificates certificates_{directory_.path()};
};

TEST_F(MqttTlsTest, OwnAuthority) {
  const MosquittoServer broker({.listener_lines = MosquittoServer::tls_lines(certificates_, false)});
  const std::string url = "mqtts://127.0.0.1:" + std::to_string(broker.port());
  const Outcome good = try_once({{"url", url}, {"ca_file", certificates_.ca}});
  EXPECT_EQ(good.kind, Kind::accepted) << good.message;
  const std::string by_name = "mqtts://localhost:" + std::to_string(broker.port());
  EXPECT_EQ(try_once({{"url", by_name}, {"ca_file", certificates_.ca}}).kind, Kind::accepted);
  const Outcome bad = try_once({{"url", url}, {"ca_file", certificates_.other_ca}});
  EXPECT_EQ(bad.kind, Kind::retry_later);
  EXPECT_THAT(bad.message, AllOf(HasSubstr("TLS"), HasSubstr("ca_file")));
  EXPECT_EQ(try_once({{"url", url}, {"insecure", true}}).kind, Kind::accepted);
}

TEST_F(MqttTlsTest, ACertificateOfAnotherHost) {
  TestCertificates elsewhere = certificates_;
  elsewhere.server_cert = certificates_.elsewhere_cert;
  elsewhere.server_key = certificates_.elsewhere_key;
  const MosquittoServer broker({.listener_lines = MosquittoServer::tls_lines(elsewhere, false)});
  const std::string url = "mqtts://127.0.0.1:" + std::to_string(broker.port());
  const Outcome outcome = try_once({{"url", url}, {"ca_file", certificates_.ca}});
  EXPECT_EQ(outcome.kind, Kind::retry_later);
  EXPECT_THAT(outcome.message, HasSubstr("host's name"));
  EXPECT_EQ(try_once({{"url", url}, {"insecure", true}}).kind, Kind::accepted);
}

TEST_F(MqttTlsTest, ClientCertificate) {
  const MosquittoServer broker({.listener_lines = MosquittoServer::tls_lines(certificates_, true)});
  const std::string url = "mqtts://127.0.0.1:" + std::to_string(broker.port());
  const Outcome good = try_once({{"url", url},
                                 {"ca_file", certificates_.ca},
                                 {"cert_file", certificates_.client_cert},
                                 {"key_file", certificates_.client_key}});
  EXPECT_EQ(good.kind, Kind::accepted) << good.message;
  const Outcome without = try_once({{"url", url}, {"ca_file", certificates_.ca}});
  EXPECT_EQ(without.kind, Kind::retry_later);
  EXPECT_THAT(without.message, HasSubstr("cert_file"));
}

TEST_F(MqttBrokerTest, PasswordRightAndWrong) {
  const MosquittoServer broker({.password_user = "press", .password = "correct horse"});
  TestBatch batch;
  fill(batch, 0, 10);
  for (const char* version : {"5", "3.1.1"}) {
    const auto right = make(broker.url(), {{"version", std::string(version)},
                                           {"user", std::string("press")},
                                           {"password", std::string("correct horse")}});
    EXPECT_EQ(right->deliver(batch.batch(), {}).kind, Kind::accepted);
    right->close(std::chrono::seconds(2));
    const auto wrong = make(broker.url(), {{"version", std::string(version)},
                                           {"user", std::string("press")},
                                           {"password", std::string("wrong battery")}});
    const Outcome outcome = wrong->deliver(batch.batch(), {});
    EXPECT_EQ(outcome.kind, Kind::paused);
    EXPECT_THAT(outcome.message, AllOf(HasSubstr("password"), ::testing::Not(HasSubstr("battery"))));
  }
}

TEST_F(MqttBrokerTest, NothingListeningSaysSo) {
  const std::string url = "mqtt://127.0.0.1:" + std::to_string(free_port());
  TestBatch batch;
  fill(batch, 0, 1);
  const Outcome outcome = make(url)->deliver(batch.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::retry_later);
  EXPECT_THAT(outcome.message, AllOf(HasSubstr("127.0.0.1"), HasSubstr("Connection refused")));
}

TEST_F(MqttBrokerTest, ARestartInTheMiddleLosesNothing) {
  MosquittoServer broker({.global_lines = {"max_queued_messages 0"}, .persistent = true});
  MqttSubscriber subscriber(broker.port(), "vigile/#");
  const auto sink = make(broker.url(), {{"max_message", std::uint64_t{2000}}});
  for (int part = 0; part < 4; ++part) {
    TestBatch batch;
    fill(batch, part * 1000, part * 1000 + 1000);
    if (part == 2) {
      // The broker is restarted by this thread: a child dies with the thread that started it.
      Outcome outcome;
      bool accepted = false;
      std::jthread worker([&] {
        accepted = eventually([&] {
          outcome = sink->deliver(batch.batch(), {});
          return outcome.kind == Kind::accepted;
        });
      });
      broker.restart();
      worker.join();
      EXPECT_TRUE(accepted) << outcome.message;
    } else {
      EXPECT_GT(deliver_all(*sink, batch.batch()), 0);
    }
  }
  EXPECT_EQ(missing(subscriber, 4000), 0u);
  EXPECT_THAT(subscriber.latest(kStatus), HasSubstr("online"));
  sink->close(std::chrono::seconds(2));
}

TEST_F(MqttBrokerTest, TheBrokerGoneWhileIdleIsNoFailure) {
  MosquittoServer broker;
  const auto sink = make(broker.url());
  TestBatch batch;
  fill(batch, 0, 10);
  ASSERT_EQ(sink->deliver(batch.batch(), {}).kind, Kind::accepted);
  broker.restart();
  // Paho may not have told yet; then it is one failure at most.
  EXPECT_TRUE(eventually([&] { return sink->deliver(batch.batch(), {}).kind == Kind::accepted; }));
}

TEST_F(MqttBrokerTest, TwentyCutsLoseNoLineAndRepeatLittle) {
  const MosquittoServer broker({.global_lines = {"max_queued_messages 0"}});
  MqttSubscriber subscriber(broker.port(), "vigile/#");
  TcpProxy proxy(broker.port());
  proxy.cut_each_after(180'000);
  const auto sink =
      make("mqtt://127.0.0.1:" + std::to_string(proxy.port()), {{"max_message", std::uint64_t{4000}}});
  constexpr int kLines = 20'500;
  TestBatch batch;
  fill(batch, 0, kLines);
  const std::size_t segments = batch.payloads().size();
  for (std::size_t first = 0; first < segments; first += 41) {
    EXPECT_GT(deliver_all(*sink, batch.batch(first, std::min<std::size_t>(41, segments - first))), 0);
  }
  EXPECT_GE(proxy.cuts(), 20u);
  EXPECT_EQ(missing(subscriber, kLines), 0u);
  std::size_t repeats = 0;
  for (const auto& [line, count] : subscriber.lines(kPoints)) repeats += static_cast<std::size_t>(count - 1);
  // A window each time: 20 messages of 4,000 bytes, lines of 190.
  EXPECT_LE(repeats, proxy.cuts() * 20 * 22);
  sink->close(std::chrono::seconds(2));
}

TEST_F(MqttBrokerTest, CutsAnywhereLoseNoLine) {
  const MosquittoServer broker({.global_lines = {"max_queued_messages 0"}});
  MqttSubscriber subscriber(broker.port(), "vigile/#");
  TcpProxy proxy(broker.port());
  const auto sink =
      make("mqtt://127.0.0.1:" + std::to_string(proxy.port()), {{"max_message", std::uint64_t{1000}}});
  constexpr int kLines = 1000;
  TestBatch batch;
  fill(batch, 0, kLines);
  for (std::uint64_t after = 20; after < 6000; after += 397) {
    proxy.cut_each_after(after);
    sink->deliver(batch.batch(), {});
  }
  proxy.cut_each_after(0);
  EXPECT_GT(deliver_all(*sink, batch.batch()), 0);
  EXPECT_EQ(missing(subscriber, kLines), 0u);
  sink->close(std::chrono::seconds(2));
}

TEST_F(MqttBrokerTest, ABlackholeIsNoticedByTheDeadline) {
  const MosquittoServer broker;
  MqttSubscriber subscriber(broker.port(), "vigile/#");
  TcpProxy proxy(broker.port());
  const auto sink = make("mqtt://127.0.0.1:" + std::to_string(proxy.port()),
                         {{"ack_timeout", std::chrono::nanoseconds(std::chrono::milliseconds(300))},
                          {"connect_timeout", std::chrono::nanoseconds(std::chrono::milliseconds(300))}});
  TestBatch batch;
  fill(batch, 0, 10);
  ASSERT_EQ(sink->deliver(batch.batch(), {}).kind, Kind::accepted);
  proxy.blackhole(true);
  TestBatch next;
  fill(next, 10, 20);
  Outcome outcome = sink->deliver(next.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::retry_later);
  EXPECT_THAT(outcome.message, HasSubstr("no acknowledgement within 300ms"));
  outcome = sink->deliver(next.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::retry_later);
  EXPECT_THAT(outcome.message, HasSubstr("connect_timeout"));
  proxy.blackhole(false);
  EXPECT_GT(deliver_all(*sink, next.batch()), 0);
  EXPECT_EQ(missing(subscriber, 20), 0u);
}

TEST_F(MqttBrokerTest, AStopEndsTheWaitAndCloseSaysOffline) {
  const MosquittoServer broker;
  TcpProxy proxy(broker.port());
  const auto sink = make("mqtt://127.0.0.1:" + std::to_string(proxy.port()),
                         {{"ack_timeout", std::chrono::nanoseconds(std::chrono::seconds(60))}});
  TestBatch batch;
  fill(batch, 0, 10);
  ASSERT_EQ(sink->deliver(batch.batch(), {}).kind, Kind::accepted);
  proxy.blackhole(true);
  TestBatch next;
  fill(next, 10, 20);
  std::stop_source stop;
  Outcome outcome;
  std::jthread worker([&] { outcome = sink->deliver(next.batch(), stop.get_token()); });
  stop.request_stop();
  const auto begin = std::chrono::steady_clock::now();
  worker.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));  // then a sink is left behind
  EXPECT_EQ(outcome.kind, Kind::retry_later);
  proxy.blackhole(false);
  sink->close(std::chrono::seconds(5));
  MqttSubscriber late(broker.port(), kStatus);
  EXPECT_TRUE(eventually([&] { return late.latest(kStatus).find("offline") != std::string::npos; }));
}

TEST_F(MqttBrokerTest, ReceiveMaximumOfTheBrokerIsKept) {
  // Mosquitto tells max_inflight_messages as its Receive Maximum, and ends the connection of who exceeds it.
  const MosquittoServer broker({.global_lines = {"max_inflight_messages 2", "max_queued_messages 0"}});
  MqttSubscriber subscriber(broker.port(), "vigile/#");
  for (const int qos : {1, 2}) {
    const auto sink = make(broker.url(), {{"max_message", std::uint64_t{1000}}, {"qos", std::int64_t{qos}}});
    TestBatch batch;
    fill(batch, 0, 2000);
    const Outcome outcome = sink->deliver(batch.batch(), {});
    EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
    sink->close(std::chrono::seconds(2));
  }
  EXPECT_EQ(missing(subscriber, 2000), 0u);
}

TEST_F(MqttBrokerTest, MaximumPacketSizeOfTheBrokerIsKept) {
  const MosquittoServer broker({.global_lines = {"max_packet_size 1500"}});
  MqttSubscriber subscriber(broker.port(), "vigile/#");
  const auto sink = make(broker.url());
  TestBatch batch;
  fill(batch, 0, 50);
  batch.add_segment("note,k=v text=\"" + std::string(2000, 'x') + "\" 1\n");
  fill(batch, 50, 100);
  const Outcome outcome = sink->deliver(batch.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::partial) << outcome.message;
  ASSERT_EQ(outcome.rejected.size(), 1u);
  EXPECT_EQ(outcome.rejected_count, 1u);
  EXPECT_EQ(outcome.rejected[0].number, 51u);
  EXPECT_THAT(outcome.rejected[0].reason, HasSubstr("the broker takes messages of at most"));
  EXPECT_EQ(missing(subscriber, 100), 0u);
}

TEST_F(MqttBrokerTest, A311BrokerThatCutsAtLargeMessagesGetsSmallerOnes) {
  const MosquittoServer broker({.global_lines = {"max_packet_size 4000"}});
  MqttSubscriber subscriber(broker.port(), "vigile/#");
  const auto sink = make(broker.url(), {{"version", std::string("3.1.1")}});
  TestBatch batch;
  fill(batch, 0, 500);
  EXPECT_GT(deliver_all(*sink, batch.batch(), 8), 1);
  EXPECT_EQ(missing(subscriber, 500), 0u);
}

TEST_F(MqttBrokerTest, MessageSizeLimitOfMosquittoIsLearnedAtOnce) {
  const MosquittoServer broker({.global_lines = {"message_size_limit 5000"}});
  MqttSubscriber subscriber(broker.port(), "vigile/#");
  const auto sink = make(broker.url());
  TestBatch batch;
  fill(batch, 0, 500);
  const Outcome outcome = sink->deliver(batch.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
  EXPECT_EQ(missing(subscriber, 500), 0u);
}

TEST_F(MqttBrokerTest, ADeniedTopicPauses) {
  const MosquittoServer broker({.acl = "topic write vigile/+/+/status\n"});
  for (const int qos : {1, 2}) {
    const auto sink = make(
        broker.url(),
        {{"qos", std::int64_t{qos}}, {"ack_timeout", std::chrono::nanoseconds(std::chrono::seconds(2))}});
    TestBatch batch;
    fill(batch, 0, 10);
    const Outcome outcome = sink->deliver(batch.batch(), {});
    EXPECT_EQ(outcome.kind, Kind::paused) << "qos " << qos;
    EXPECT_THAT(outcome.message, AllOf(HasSubstr("0x87"), HasSubstr(kPoints)));
  }
}

TEST_F(MqttBrokerTest, ADeniedStatusTopicDoesNotStopThePoints) {
  const MosquittoServer broker({.acl = "topic readwrite vigile/+/+/points\ntopic read subscriber/#\n"});
  const auto sink = make(broker.url());
  TestBatch batch;
  fill(batch, 0, 10);
  const Outcome outcome = sink->deliver(batch.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
}

TEST_F(MqttBrokerTest, MaximumQosOfTheBrokerIsKept) {
  const MosquittoServer broker({.listener_lines = {"max_qos 0"}});
  MqttSubscriber subscriber(broker.port(), "vigile/#");
  const auto sink = make(broker.url());
  TestBatch batch;
  fill(batch, 0, 10);
  const Outcome outcome = sink->deliver(batch.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
  EXPECT_EQ(missing(subscriber, 10), 0u);
}

TEST_F(MqttBrokerTest, ABrokerWithoutRetainGetsTheStatusUnretained) {
  const MosquittoServer broker({.global_lines = {"retain_available false"}});
  const auto sink = make(broker.url());
  TestBatch batch;
  fill(batch, 0, 10);
  const Outcome outcome = sink->deliver(batch.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
}

TEST_F(MqttBrokerTest, JsonIsOneObjectAMessage) {
  const MosquittoServer broker;
  MqttSubscriber subscriber(broker.port(), "vigile/#");
  const auto sink =
      make(broker.url(), {{"payload", std::string("json")}, {"topic", std::string("vigile/json")}});
  TestBatch batch;
  batch.add_segment("cpu,core=0 user=1.5,n=3i 17\ncpu,core=1 user=2.5,n=4i 18\n");
  ASSERT_EQ(sink->deliver(batch.batch(), {}).kind, Kind::accepted);
  const auto lines = [&] { return subscriber.lines("vigile/json"); };
  ASSERT_TRUE(eventually([&] { return lines().size() == 2; }));
  EXPECT_EQ(
      lines().count(R"({"measurement":"cpu","tags":{"core":"0"},"fields":{"user":1.5,"n":3},"time":17})"),
      1u);
  EXPECT_EQ(
      lines().count(R"({"measurement":"cpu","tags":{"core":"1"},"fields":{"user":2.5,"n":4},"time":18})"),
      1u);
}

TEST_F(MqttBrokerTest, WebSockets) {
  // Mosquitto 2.0.11 does not start with WebSockets alone.
  const MosquittoServer broker({.listener_lines = {"protocol websockets"},
                                .global_lines = {"listener " + std::to_string(free_port()) + " 127.0.0.1"}});
  const auto sink = make("ws://127.0.0.1:" + std::to_string(broker.port()) + "/mqtt");
  TestBatch batch;
  fill(batch, 0, 10);
  const Outcome outcome = sink->deliver(batch.batch(), {});
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
  sink->close(std::chrono::seconds(2));
}

}  // namespace
}  // namespace vigile
