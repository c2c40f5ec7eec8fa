// SPDX-License-Identifier: Apache-2.0
// The MQTT sink and a name with several addresses, the first of them silent; against real Mosquitto.
#include <gmock/gmock.h>

#include <cstdlib>
#include <map>
#include <memory>

#include "sinks/mqtt_batch.h"
#include "support/mosquitto_server.h"
#include "support/silent_address.h"

namespace vigile {
namespace {

using ::testing::HasSubstr;
using Kind = Outcome::Kind;
using Written = std::map<std::string, OptionValue>;

class MqttAddressTest : public ::testing::Test {
 protected:
  MqttAddressTest() {
    ::setenv("VIGILE_TEST_NAMES", "localhost=127.0.0.2,127.0.0.1 elsewhere.example=127.0.0.2,127.0.0.1", 1);
  }
  ~MqttAddressTest() override { ::unsetenv("VIGILE_TEST_NAMES"); }

  // Delivers through a name whose first address says nothing.
  Outcome deliver(const std::string& scheme_and_name, const MosquittoServer& broker, Written written = {}) {
    // Mosquitto's WebSockets listen at every address.
    const bool is_web = scheme_and_name.starts_with("ws");
    if (!is_web && silent_.count(broker.port()) == 0)
      silent_.emplace(broker.port(), std::make_unique<SilentAddress>("127.0.0.2", broker.port()));
    written["url"] = scheme_and_name + ":" + std::to_string(broker.port());
    auto sink = kMqttSink.make(mqtt_options(written), {clock_, "plant", "12", "press-07"});
    if (!sink) throw std::runtime_error(sink.error().message);
    TestBatch batch;
    std::string lines;
    for (int i = 0; i < 2000; ++i) lines += equipment_line(i);
    batch.add_segment(lines);
    Outcome outcome = (*sink)->deliver(batch.batch(), {});
    if (outcome.kind == Kind::accepted) outcome = (*sink)->deliver(batch.batch(), {});
    (*sink)->close(std::chrono::seconds(2));
    return outcome;
  }
  std::vector<std::string> tls(const std::string& more = "") {
    auto lines = MosquittoServer::tls_lines(certificates_, false);
    if (!more.empty()) lines.push_back(more);
    return lines;
  }

  static std::vector<std::string> other_listener() {
    return {"listener " + std::to_string(free_port()) + " 127.0.0.1"};
  }

  SystemClock clock_;
  std::map<std::uint16_t, std::unique_ptr<SilentAddress>> silent_;  // by port
  TempDir directory_;
  TestCertificates certificates_{directory_.path()};
};

TEST_F(MqttAddressTest, PlainAndWebSocket) {
  const MosquittoServer plain;
  const Outcome outcome = deliver("mqtt://localhost", plain);
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
  // Mosquitto 2.0.11 does not start with WebSockets alone.
  const MosquittoServer web({.listener_lines = {"protocol websockets"}, .global_lines = other_listener()});
  const Outcome over_web = deliver("ws://localhost", web);
  EXPECT_EQ(over_web.kind, Kind::accepted) << over_web.message;
}

TEST_F(MqttAddressTest, TlsWithTheCertificateOfTheName) {
  const MosquittoServer broker({.listener_lines = tls()});
  const Outcome outcome = deliver("mqtts://localhost", broker, {{"ca_file", certificates_.ca}});
  EXPECT_EQ(outcome.kind, Kind::accepted) << outcome.message;
  EXPECT_THAT(deliver("mqtts://localhost", broker, {{"ca_file", certificates_.other_ca}}).message,
              HasSubstr("TLS"));
  const MosquittoServer web({.listener_lines = tls("protocol websockets"), .global_lines = other_listener()});
  const Outcome over_web = deliver("wss://localhost", web, {{"ca_file", certificates_.ca}});
  EXPECT_EQ(over_web.kind, Kind::accepted) << over_web.message;
}

TEST_F(MqttAddressTest, ACertificateOfAnotherNameIsRefused) {
  certificates_.server_cert = certificates_.elsewhere_cert;
  certificates_.server_key = certificates_.elsewhere_key;
  const MosquittoServer broker({.listener_lines = tls()});
  const Outcome outcome = deliver("mqtts://localhost", broker, {{"ca_file", certificates_.ca}});
  EXPECT_EQ(outcome.kind, Kind::retry_later);
  EXPECT_THAT(outcome.message, HasSubstr("host's name"));
  const Outcome right = deliver("mqtts://elsewhere.example", broker, {{"ca_file", certificates_.ca}});
  EXPECT_EQ(right.kind, Kind::accepted) << right.message;
  const MosquittoServer web({.listener_lines = tls("protocol websockets"), .global_lines = other_listener()});
  EXPECT_EQ(deliver("wss://localhost", web, {{"ca_file", certificates_.ca}}).kind, Kind::retry_later);
}

TEST_F(MqttAddressTest, NoAddressThatAnswersIsSaid) {
  MosquittoServer broker;
  broker.stop();
  EXPECT_THAT(deliver("mqtt://localhost", broker,
                      {{"connect_timeout", std::chrono::nanoseconds(std::chrono::seconds(1))}})
                  .message,
              testing::AllOf(HasSubstr("mqtt://localhost:"), HasSubstr("127.0.0.1: Connection refused")));
}

}  // namespace
}  // namespace vigile
