// SPDX-License-Identifier: Apache-2.0
// Brokers that answer as no real one here does when it is wanted.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>
#include <thread>

#include "core/unique_fd.h"
#include "drivers/mqtt/mqtt.h"
#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const SystemClock system_clock;

class ScriptedBroker : public ::testing::Test {
 protected:
  ScriptedBroker() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const bytes = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), bytes, size) != 0 || ::listen(listener_.get(), 8) != 0 ||
        ::getsockname(listener_.get(), bytes, &size) != 0)
      throw std::runtime_error("no port of loopback");
    url_ = "mqtt://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  std::unique_ptr<Driver> make(const std::string& more) {
    const std::string yaml = "{url: '" + url_ + "', client_id: reader, topics: [a], " + more + "}";
    auto driver = kMqttDriver.make(options_from_yaml(kMqttDriver, yaml), {.clock = system_clock});
    if (!driver) throw std::runtime_error(driver.error().message);
    return std::move(*driver);
  }
  static std::string sample(Driver& driver) {
    TextOutput out(kMqttDriver);
    const auto done = driver.sample({system_clock.boot(), system_clock.boot() + 10s, {}}, out);
    return out.text + (done ? "" : std::string(to_string(done.error().kind)) + ": " + done.error().message);
  }

  const UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::string url_;
};

TEST_F(ScriptedBroker, ThatSaysNothingIsGivenUp) {
  const auto driver = make("timeout: 200ms");
  EXPECT_THAT(sample(*driver), HasSubstr("timeout: " + url_ + ": does not answer, or not as a broker does"));
}

// A retained message comes with the answer to the subscription, in one read, and nothing after it.
TEST_F(ScriptedBroker, WhatComesTogetherWithItsAnswersIsRead) {
  std::string acknowledged;
  std::thread broker([&] {
    const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char bytes[512];
    (void)::recv(client.get(), bytes, sizeof bytes, 0);  // CONNECT
    const std::string connack("\x20\x02\x00\x00", 4);
    (void)::send(client.get(), connack.data(), connack.size(), MSG_NOSIGNAL);
    (void)::recv(client.get(), bytes, sizeof bytes, 0);  // SUBSCRIBE, packet 1
    const std::string more(
        "\x90\x03\x00\x01\x01"
        "\x32\x06\x00\x01"
        "a"
        "\x00\x07"
        "5",
        13);
    (void)::send(client.get(), more.data(), more.size(), MSG_NOSIGNAL);
    const auto got = ::recv(client.get(), bytes, sizeof bytes, 0);  // PUBACK
    if (got > 0) acknowledged.assign(bytes, static_cast<std::size_t>(got));
    (void)::recv(client.get(), bytes, sizeof bytes, 0);  // the driver is gone
  });
  auto driver = make("version: 3.1.1, format: value, metric: x");
  EXPECT_THAT(sample(*driver), HasSubstr("mqtt x=5\n"));
  driver.reset();
  broker.join();
  EXPECT_EQ(acknowledged.substr(0, 4), std::string("\x40\x02\x00\x07", 4));
}

}  // namespace
}  // namespace vigile
