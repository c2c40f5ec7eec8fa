// SPDX-License-Identifier: Apache-2.0
// The driver over a socket that a script answers, in the time of a FakeClock.
#include "drivers/ping/ping.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using Packet = std::vector<std::uint8_t>;

// What comes back, by when. Outlives the sockets, as a network does.
struct Network {
  explicit Network(FakeClock& fake_clock) : clock(fake_clock) {}

  struct InFlight {
    Packet bytes;
    std::optional<PingSocket::Arrival::Error> error = {};
  };
  void deliver(std::chrono::nanoseconds after, Packet bytes,
               std::optional<PingSocket::Arrival::Error> error = {}) {
    arrivals.emplace(clock.boot() + after, InFlight{std::move(bytes), error});
  }
  void reply(std::chrono::nanoseconds after, Packet request) {
    request[0] = 129;
    deliver(after, std::move(request));
  }

  FakeClock& clock;
  std::multimap<BootTime, InFlight> arrivals;
  std::vector<std::chrono::nanoseconds> sent_at;  // since the first
  BootTime began = clock.boot();
  std::uint16_t identifier = 77;
  std::function<Result<void>(int number, const Packet& request)> on_send;
};

// As a datagram socket over IPv6: neither IP header nor checksum.
class ScriptedSocket final : public PingSocket {
 public:
  explicit ScriptedSocket(Network& network) : network_(network) {}
  IpFamily family() const override { return IpFamily::v6; }
  bool raw() const override { return false; }
  std::uint16_t identifier() const override { return network_.identifier; }
  Result<void> send(Bytes packet) override {
    network_.sent_at.push_back(network_.clock.boot() - network_.began);
    return network_.on_send(static_cast<int>(network_.sent_at.size()) - 1,
                            Packet(packet.begin(), packet.end()));
  }
  Result<std::optional<Arrival>> receive(std::span<std::uint8_t> buffer, BootTime until,
                                         std::stop_token) override {
    const auto first = network_.arrivals.begin();
    if (first == network_.arrivals.end() || first->first > until) {
      network_.clock.advance_to(until);
      return std::optional<Arrival>();
    }
    network_.clock.advance_to(first->first);
    const Network::InFlight packet = first->second;
    network_.arrivals.erase(first);
    std::copy(packet.bytes.begin(), packet.bytes.end(), buffer.begin());
    return std::optional(Arrival{packet.bytes.size(), network_.clock.boot(), packet.error});
  }

 private:
  Network& network_;
};

class Ping : public testing::Test {
 protected:
  Result<void> sample(const std::string& yaml = "", std::stop_token stop = {}) {
    DriverEnvironment environment{.clock = clock_};
    environment.equipment.ip_address = "2001:db8::1";
    auto driver = make_ping(
        options_from_yaml(kPingDriver, yaml), environment,
        [this](const std::string&, std::size_t, const net::Limit&) -> Result<std::unique_ptr<PingSocket>> {
          return std::unique_ptr<PingSocket>(std::make_unique<ScriptedSocket>(network_));
        });
    if (!driver) return driver.error();
    TextOutput out(kPingDriver);
    network_.began = clock_.boot();
    network_.sent_at.clear();
    auto result = (*driver)->sample({clock_.boot(), clock_.boot() + 10s, stop}, out);
    text_ = out.text;
    return result;
  }

  FakeClock clock_;
  Network network_{clock_};
  std::string text_;
};

TEST_F(Ping, TellsTheFiguresOfItsRoundTrips) {
  const std::chrono::milliseconds trips[] = {10ms, 14ms, 12ms};
  network_.on_send = [&](int number, const Packet& request) -> Result<void> {
    EXPECT_EQ(request.size(), 64u);
    network_.reply(trips[number], request);
    return {};
  };
  ASSERT_TRUE(sample());
  EXPECT_EQ(text_,
            "ping,address=2001:db8::1 response_time=12,min=10,max=14,jitter=3,loss=0,up=1i\n"
            "availability up 12 ms\n");
  EXPECT_THAT(network_.sent_at, testing::ElementsAre(0ms, 200ms, 400ms));
  EXPECT_EQ(clock_.boot() - network_.began, 412ms);  // it does not wait for its timeout
}

TEST_F(Ping, CountsWhatIsLost) {
  network_.on_send = [&](int number, const Packet& request) -> Result<void> {
    if (number % 2 == 0) network_.reply(5ms, request);
    return {};
  };
  ASSERT_TRUE(sample("{count: 4, interval: 100ms, timeout: 1s, address: 2001:db8::2}"));
  EXPECT_EQ(text_,
            "ping,address=2001:db8::2 response_time=5,min=5,max=5,jitter=0,loss=50,up=1i\n"
            "availability up 5 ms\n");
  EXPECT_EQ(clock_.boot() - network_.began, 1s);
}

TEST_F(Ping, OneReplyHasNoJitter) {
  network_.on_send = [&](int number, const Packet& request) -> Result<void> {
    if (number == 2) network_.reply(7ms, request);
    return {};
  };
  ASSERT_TRUE(sample("{size: 16}"));
  EXPECT_THAT(text_, testing::HasSubstr(" response_time=7,min=7,max=7,loss=66.66666666666667,up=1i\n"));
}

TEST_F(Ping, SaysThatNothingCameBack) {
  network_.on_send = [](int, const Packet&) -> Result<void> { return {}; };
  const auto result = sample();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::timeout);
  EXPECT_EQ(text_,
            "ping,address=2001:db8::1 loss=100,up=0i\n"
            "availability down: 2001:db8::1: no reply to 3 packets\n");
  EXPECT_EQ(clock_.boot() - network_.began, 2s);
}

TEST_F(Ping, TakesRepliesInAnyOrderAndOnce) {
  network_.on_send = [&](int number, const Packet& request) -> Result<void> {
    // The first comes last, and each twice.
    const auto after = number == 0 ? 600ms : 20ms;
    network_.reply(after, request);
    network_.reply(after + 1ms, request);
    return {};
  };
  ASSERT_TRUE(sample());
  EXPECT_EQ(
      text_,
      "ping,address=2001:db8::1 response_time=213.33333333333334,min=20,max=600,jitter=290,loss=0,up=1i\n"
      "availability up 213.33333333333334 ms\n");
}

TEST_F(Ping, CountsNoReplyOfAnEarlierRunOrAnotherProgram) {
  network_.on_send = [&](int, const Packet& request) -> Result<void> {
    network_.reply(3s, request);  // after the timeout: in the next run
    return {};
  };
  EXPECT_FALSE(sample("{count: 1}"));
  ASSERT_EQ(network_.arrivals.size(), 1u);
  network_.on_send = [&](int, const Packet& request) -> Result<void> {
    Packet other_id = request;
    other_id[5] ^= 1;
    network_.reply(1ms, other_id);
    Packet never_sent = request;
    never_sent[7] = 9;
    network_.reply(1ms, never_sent);
    Packet cut = request;
    cut.resize(12);
    network_.reply(1ms, cut);
    network_.deliver(1ms, {129});
    network_.deliver(1ms, {});
    network_.deliver(1ms, request);  // our own request, as loopback shows it
    return {};
  };
  EXPECT_FALSE(sample("{count: 1}"));
  EXPECT_TRUE(network_.arrivals.empty());
  EXPECT_THAT(text_, testing::HasSubstr("loss=100,up=0i"));
}

TEST_F(Ping, NamesTheErrorThatComesBack) {
  network_.on_send = [&](int, const Packet& request) -> Result<void> {
    network_.deliver(30ms, request, PingSocket::Arrival::Error{1, 3});
    return {};
  };
  auto result = sample();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(result.error().message, "2001:db8::1: no reply to 3 packets: address unreachable");
  EXPECT_EQ(clock_.boot() - network_.began, 430ms);  // nothing is left to wait for

  network_.on_send = [](int, const Packet&) -> Result<void> {
    return Error{ErrorKind::unavailable, "send: Network is unreachable"};
  };
  result = sample();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "2001:db8::1: no reply to 3 packets: send: Network is unreachable");
  EXPECT_EQ(clock_.boot() - network_.began, 400ms);
}

TEST_F(Ping, StopsWithoutAWordOnAvailability) {
  std::stop_source stop;
  network_.on_send = [&](int number, const Packet& request) -> Result<void> {
    if (number == 1) stop.request_stop();
    network_.reply(1ms, request);
    return {};
  };
  EXPECT_FALSE(sample("", stop.get_token()));
  EXPECT_EQ(text_, "");
  EXPECT_EQ(network_.sent_at.size(), 2u);
}

TEST_F(Ping, MayNotAskIsNotDown) {
  const auto driver = std::move(*make_ping(
      options_from_yaml(kPingDriver, "{address: a}"), {.clock = clock_},
      [](const std::string&, std::size_t, const net::Limit&) -> Result<std::unique_ptr<PingSocket>> {
        return Error{ErrorKind::permission, "a: no ICMP socket"};
      }));
  TextOutput out(kPingDriver);
  EXPECT_EQ(driver->sample({clock_.boot(), clock_.boot() + 1s, {}}, out).error().kind, ErrorKind::permission);
  EXPECT_EQ(out.text, "");
}

TEST_F(Ping, RefusesSettingsThatCannotBeMeant) {
  EXPECT_EQ(sample("{count: 5, interval: 500ms}").error().message,
            "timeout: 2s is too short to send 5 packets, one every 500ms");
  const auto nobody = kPingDriver.make(options_from_yaml(kPingDriver, ""), {.clock = clock_});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error(),
            (Error{ErrorKind::config, "address: is needed, as the equipment has no ip_address"}));
}

}  // namespace
}  // namespace vigile
