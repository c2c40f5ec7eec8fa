// SPDX-License-Identifier: Apache-2.0
// Against Debian's mosquitto.
#include <gmock/gmock.h>

#include <sstream>

#include "drivers/mqtt/mqtt.h"
#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"
#include "support/mosquitto_server.h"
#include "support/process.h"
#include "support/silent_address.h"
#include "support/tcp_proxy.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const SystemClock system_clock;

std::unique_ptr<Driver> make(const std::string& url, const std::string& more,
                             const Clock& clock = system_clock) {
  auto driver = kMqttDriver.make(
      options_from_yaml(kMqttDriver, "{url: '" + url + "', client_id: reader, " + more + "}"),
      {.clock = clock});
  if (!driver) throw std::runtime_error(driver.error().message);
  return std::move(*driver);
}

// What one run says, without its own figures.
std::string sample(Driver& driver, std::optional<Error> commit_error = {}) {
  TextOutput out(kMqttDriver);
  out.commit_error = std::move(commit_error);
  const auto done = driver.sample({system_clock.boot(), system_clock.boot() + 10s, {}}, out);
  std::string text;
  std::istringstream lines(out.text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("mqtt,broker=")) text += line + "\n";
  }
  if (!done)
    text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
  return text;
}

void publish(const MosquittoServer& broker, const std::string& topic, const std::string& payload, int qos = 1,
             const std::vector<std::string>& more = {}) {
  const TempDir dir;
  std::vector<std::string> command = {"mosquitto_pub",
                                      "-h",
                                      "127.0.0.1",
                                      "-p",
                                      std::to_string(broker.port()),
                                      "-q",
                                      std::to_string(qos),
                                      "-t",
                                      topic,
                                      "-m",
                                      payload};
  command.insert(command.end(), more.begin(), more.end());
  run_program(command, dir / "log");
}

TEST(MqttDriver, TakesWhatIsPublishedAndAcknowledgesItAfterTheCommit) {
  MosquittoServer broker;
  for (const std::string version : {"5", "3.1.1"}) {
    const auto driver = make(broker.url(), "version: '" + version +
                                               "', topics: ['plant/{line}/climate'], format: json, "
                                               "values: [{name: temperature, path: /t}]");
    EXPECT_EQ(sample(*driver), "availability up\n");
    publish(broker, "plant/7/climate", R"({"t": 21.5})");
    publish(broker, "plant/8/climate", R"({"t": "warm"})");
    publish(broker, "plant/8/other", R"({"t": 1})");
    std::string got;
    ASSERT_TRUE(eventually([&] { return (got += sample(*driver)).find("warm") != std::string::npos; }))
        << got;
    EXPECT_THAT(got, HasSubstr("mqtt,line=7 temperature=21.5\n"));
    EXPECT_THAT(got, HasSubstr("commit\n"));
    EXPECT_THAT(got, HasSubstr("error: parse: topic \"plant/8/climate\": /t: \"warm\" is not a number"));
    EXPECT_EQ(sample(*driver), "availability up\n");
  }
}

// Every reading of `topic`, until `last` has come.
std::vector<std::string> read_until(Driver& driver, const std::string& last) {
  std::string got;
  EXPECT_TRUE(eventually([&] { return (got += sample(driver)).find(last) != std::string::npos; })) << got;
  std::vector<std::string> readings;
  std::istringstream lines(got);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("mqtt,") || line.starts_with("mqtt ") || line.starts_with("error"))
      readings.push_back(line);
  }
  return readings;
}

TEST(MqttDriver, ChangedTopicsAreAllThatComes) {
  for (const std::string version : {"5", "3.1.1"}) {
    MosquittoServer broker;
    const auto with = [&](const std::string& topic) {
      return make(broker.url(),
                  "version: '" + version + "', topics: ['" + topic + "'], format: value, metric: t");
    };
    auto driver = with("old/{line}/t");
    EXPECT_EQ(sample(*driver), "availability up\n");
    driver.reset();
    publish(broker, "old/a/t", "1");
    driver = with("new/{line}/t");
    EXPECT_EQ(sample(*driver), "availability up\n");
    EXPECT_TRUE(
        eventually([&] { return broker.log().find("UNSUBSCRIBE from reader") != std::string::npos; }));
    for (int i = 2; i < 5; ++i) publish(broker, "old/b/t", std::to_string(i));
    publish(broker, "new/a/t", "5");
    EXPECT_THAT(read_until(*driver, "t=5"), ElementsAre("mqtt,line=a t=5"));
    // Nothing of it has been sent any more.
    EXPECT_THAT(broker.log(), HasSubstr("'old/a/t'"));
    const std::string sent = broker.log();
    EXPECT_EQ(sent.find("Sending PUBLISH to reader (d0, q1, r0, m2, 'old"), std::string::npos) << sent;
  }
}

TEST(MqttDriver, ANarrowerTopicTakesEachMessageOnce) {
  for (const std::string version : {"5", "3.1.1"}) {
    MosquittoServer broker;
    const auto with = [&](const std::string& topics) {
      return make(broker.url(),
                  "version: '" + version + "', topics: [" + topics + "], format: value, metric: t");
    };
    auto driver = with("'plant/#'");
    EXPECT_EQ(sample(*driver), "availability up\n");
    driver.reset();
    publish(broker, "plant/a/t", "1");  // waits for us
    driver = with("'plant/{line}/t'");
    EXPECT_THAT(read_until(*driver, "t=1"), ElementsAre("mqtt,line=a t=1"));
    for (const char* const value : {"2", "3", "3", "4"}) publish(broker, "plant/a/t", value);
    EXPECT_THAT(read_until(*driver, "t=4"),
                ElementsAre("mqtt,line=a t=2", "mqtt,line=a t=3", "mqtt,line=a t=3", "mqtt,line=a t=4"));
    driver.reset();
    // Topics that overlap, now and in one list.
    driver = with("'plant/{line}/t', 'plant/a/{what}', 'plant/#'");
    EXPECT_EQ(sample(*driver), "availability up\n");
    for (const char* const value : {"5", "6"}) publish(broker, "plant/a/t", value);
    publish(broker, "plant/a/x", "7");
    publish(broker, "plant/b/c/d", "8");
    EXPECT_THAT(read_until(*driver, "t=8"),
                ElementsAre("mqtt,line=a t=5", "mqtt,line=a t=6", "mqtt,what=x t=7", "mqtt t=8"));
    driver.reset();
    driver = with("'plant/{line}/t', 'plant/a/{what}'");
    EXPECT_EQ(sample(*driver), "availability up\n");
    for (const char* const value : {"9", "10"}) publish(broker, "plant/a/t", value);
    EXPECT_THAT(read_until(*driver, "t=10"), ElementsAre("mqtt,line=a t=9", "mqtt,line=a t=10"));
  }
}

TEST(MqttDriver, TwoClientsWithOneIdAreReported) {
  for (const std::string version : {"5", "3.1.1"}) {
    MosquittoServer broker;
    FakeClock clock;
    const std::string options = "topics: [points], version: '" + version + "'";
    const auto first = make(broker.url(), options, clock);
    const auto second = make(broker.url(), options, clock);
    const auto run = [&](Driver& driver) {
      TextOutput out(kMqttDriver);
      const auto done = driver.sample({clock.boot(), clock.boot() + 10s, {}}, out);
      return out.text + (done ? "" : std::string(to_string(done.error().kind)) + ": " + done.error().message);
    };
    std::string got;
    for (int i = 0; i < 20 && got.find("conflict: ") == std::string::npos; ++i) {
      got = run(*first);
      clock.advance(2s);
      EXPECT_THAT(run(*second), Not(HasSubstr("parse: ")));
      clock.advance(2s);
    }
    EXPECT_THAT(got, HasSubstr("conflict: " + broker.url() + ": "));
    EXPECT_THAT(got,
                HasSubstr("another client connects as 'reader': give each client a client_id of its own"));
    EXPECT_THAT(got, Not(HasSubstr("conflicts=0")));
    // Alone again, it is well when a session has lasted.
    ASSERT_TRUE(eventually([&] {
      clock.advance(60s);
      return run(*first).find("availability up") != std::string::npos;
    }));
    clock.advance(2min);
    EXPECT_THAT(run(*first), Not(HasSubstr("conflict: ")));
  }
}

// A proxy that ends each connection after so long, `runs` runs, `count` times.
std::string cut_again_and_again(std::chrono::seconds age, int runs, int count) {
  MosquittoServer broker;
  TcpProxy proxy(broker.port());
  FakeClock clock;
  const auto driver = make("mqtt://127.0.0.1:" + std::to_string(proxy.port()),
                           "topics: [points], version: 3.1.1, timeout: 1m", clock);
  std::string got;
  const auto is_connected = [&] {
    TextOutput out(kMqttDriver);
    const auto done = driver->sample({clock.boot(), clock.boot() + 10s, {}}, out);
    got = done ? "" : std::string(to_string(done.error().kind)) + ": " + done.error().message;
    return out.text.find("connected=1i") != std::string::npos;
  };
  for (int i = 0; i < count; ++i) {
    EXPECT_TRUE(eventually([&] {
      clock.advance(60s);  // past the pause between two tries
      return is_connected();
    }));
    for (int run = 0; run < runs; ++run) {
      clock.advance(age / runs);
      if (run + 1 == runs) break;
      EXPECT_TRUE(is_connected()) << got;
    }
    proxy.cut();
    EXPECT_TRUE(eventually([&] { return !is_connected(); }));
  }
  return got;
}

TEST(MqttDriver, AnIdleLimitOnTheWayIsNoConflict) {
  EXPECT_THAT(cut_again_and_again(60s, 1, 5), HasSubstr("unavailable: "));
}

TEST(MqttDriver, ASecondClientThatTakesItsTimeIsAConflict) {
  EXPECT_THAT(cut_again_and_again(20s, 10, 5), HasSubstr("conflict: "));
}

TEST(MqttDriver, WhatTheLogDidNotTakeComesAgain) {
  MosquittoServer broker;
  auto driver = make(broker.url(), "topics: [points]");
  EXPECT_EQ(sample(*driver), "availability up\n");
  publish(broker, "points", "press force=1 1793491200000000000");
  std::string got;
  ASSERT_TRUE(eventually([&] {
    got = sample(*driver, Error{ErrorKind::full, "no room"});
    return got.find("point:") != std::string::npos;
  }));
  EXPECT_EQ(got,
            "point: press force=1 1793491200000000000\ncommit that fails\navailability down: no room\n"
            "error: full: no room\n");
  // At the next connection, and then no more.
  ASSERT_TRUE(eventually([&] {
    got = sample(*driver);
    return got.find("point:") != std::string::npos;
  }));
  EXPECT_EQ(got, "point: press force=1 1793491200000000000\ncommit\navailability up\n");
  EXPECT_EQ(sample(*driver), "availability up\n");
  driver = make(broker.url(), "topics: [points]");
  EXPECT_EQ(sample(*driver), "availability up\n");
}

TEST(MqttDriver, WhatIsPublishedWhileItIsAwayWaits) {
  MosquittoServer broker({.persistent = true});
  for (const std::string version : {"5", "3.1.1"}) {
    const std::string options = "version: '" + version + "', topics: [points], client_id: away" + version;
    const std::string yaml = "{url: '" + broker.url() + "', " + options + "}";
    const auto make_again = [&] {
      return std::move(*kMqttDriver.make(options_from_yaml(kMqttDriver, yaml), {.clock = system_clock}));
    };
    auto driver = make_again();
    EXPECT_EQ(sample(*driver), "availability up\n");
    driver.reset();
    for (int i = 0; i < 50; ++i)
      publish(broker, "points", "press n=" + std::to_string(i) + " 1793491200000000000");
    broker.restart();
    driver = make_again();
    std::string got;
    ASSERT_TRUE(eventually([&] { return (got += sample(*driver)).find("n=49") != std::string::npos; }))
        << got;
    for (int i = 0; i < 50; ++i) EXPECT_THAT(got, HasSubstr("press n=" + std::to_string(i) + " "));
  }
}

TEST(MqttDriver, ABrokerThatGoesAwayAndComesBack) {
  MosquittoServer broker;
  const auto driver = make(broker.url(), "topics: [points]");
  EXPECT_EQ(sample(*driver), "availability up\n");
  broker.stop();
  ASSERT_TRUE(eventually([&] { return sample(*driver).find("availability down") != std::string::npos; }));
  EXPECT_THAT(sample(*driver), HasSubstr("error: unavailable: " + broker.url() + ": "));
  broker.start();
  ASSERT_TRUE(eventually([&] { return sample(*driver) == "availability up\n"; }));
  publish(broker, "points", "press force=1 1793491200000000000");
  ASSERT_TRUE(eventually([&] { return sample(*driver).find("force=1") != std::string::npos; }));
}

TEST(MqttDriver, ABrokerThatIsNotThereIsAskedLessAndLessOften) {
  MosquittoServer broker;
  broker.stop();
  FakeClock clock;
  const auto driver = make(broker.url(), "topics: [points]", clock);
  const auto answer = [&] {
    TextOutput out(kMqttDriver);
    (void)driver->sample({clock.boot(), clock.boot() + 10s, {}}, out);
    return out.text;
  };
  // The first pause is none, the second two seconds, the third four.
  for (const auto pause : {0s, 0s, 2s}) {
    clock.advance(pause);
    EXPECT_THAT(answer(), HasSubstr("availability down"));
  }
  broker.start();
  clock.advance(3s);
  EXPECT_THAT(answer(), HasSubstr("availability down"));  // not asked yet
  clock.advance(1s);
  EXPECT_THAT(answer(), HasSubstr("availability up"));
}

TEST(MqttDriver, AMessageThatIsTooLongIsToldAndNotSentAgain) {
  MosquittoServer broker;
  const auto driver = make(broker.url(), "topics: [points], max_message: 1KiB");
  EXPECT_EQ(sample(*driver), "availability up\n");
  publish(broker, "points", "press text=\"" + std::string(100'000, 'x') + "\"");
  publish(broker, "points", "press text=\"" + std::string(2000, 'x') + "\"");
  publish(broker, "points", "press force=1 1793491200000000000");
  std::string got;
  ASSERT_TRUE(eventually([&] { return (got += sample(*driver)).find("force=1") != std::string::npos; }))
      << got;
  EXPECT_THAT(got,
              HasSubstr("error: full: topic \"points\": a message of more than max_message, 1024 bytes"));
  EXPECT_EQ(sample(*driver), "availability up\n");
}

TEST(MqttDriver, RefusalsAreToldWithoutThePassword) {
  MosquittoServer broker({.password_user = "reader", .password = "geheim"});
  for (const std::string version : {"5", "3.1.1"}) {
    const auto wrong =
        make(broker.url(), "version: '" + version + "', topics: [points], user: reader, password: falsch");
    const std::string got = sample(*wrong);
    EXPECT_THAT(got, HasSubstr("refuses to connect: "));
    EXPECT_THAT(got, HasSubstr("not authorised"));
    EXPECT_EQ(got.find("falsch"), std::string::npos) << got;
    const auto right =
        make(broker.url(), "version: '" + version + "', topics: [points], user: reader, password: geheim");
    EXPECT_EQ(sample(*right), "availability up\n");
  }
}

TEST(MqttDriver, Tls) {
  const TempDir dir;
  const TestCertificates certificates(dir.path());
  MosquittoServer broker({.listener_lines = MosquittoServer::tls_lines(certificates, true)});
  const std::string url = "mqtts://127.0.0.1:" + std::to_string(broker.port());
  const std::string client =
      ", cert_file: " + certificates.client_cert + ", key_file: " + certificates.client_key;
  EXPECT_EQ(sample(*make(url, "topics: [a], ca_file: " + certificates.ca + client)), "availability up\n");
  EXPECT_THAT(sample(*make(url, "topics: [a], ca_file: " + certificates.other_ca + client)),
              HasSubstr("certificate"));
  EXPECT_THAT(sample(*make(url, "topics: [a], insecure: true" + client)), HasSubstr("availability up"));
}

TEST(MqttDriver, OneSilentAddressOfANameDoesNotMatter) {
  const TempDir dir;
  const TestCertificates certificates(dir.path());
  ::setenv("VIGILE_TEST_NAMES", "localhost=127.0.0.2,127.0.0.1", 1);
  const std::string trust = "topics: [a], ca_file: " + certificates.ca;
  {
    const MosquittoServer broker;
    const SilentAddress silent("127.0.0.2", broker.port());
    EXPECT_EQ(sample(*make("mqtt://localhost:" + std::to_string(broker.port()), "topics: [a]")),
              "availability up\n");
  }
  {
    const MosquittoServer broker({.listener_lines = MosquittoServer::tls_lines(certificates, false)});
    const SilentAddress silent("127.0.0.2", broker.port());
    EXPECT_EQ(sample(*make("mqtts://localhost:" + std::to_string(broker.port()), trust)),
              "availability up\n");
  }
  {
    // The certificate is still checked against the name.
    TestCertificates elsewhere = certificates;
    elsewhere.server_cert = certificates.elsewhere_cert;
    elsewhere.server_key = certificates.elsewhere_key;
    const MosquittoServer broker({.listener_lines = MosquittoServer::tls_lines(elsewhere, false)});
    const SilentAddress silent("127.0.0.2", broker.port());
    EXPECT_THAT(sample(*make("mqtts://localhost:" + std::to_string(broker.port()), trust)),
                HasSubstr("availability down"));
  }
  ::unsetenv("VIGILE_TEST_NAMES");
}

}  // namespace
}  // namespace vigile
