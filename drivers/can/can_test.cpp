// SPDX-License-Identifier: Apache-2.0
// The frames come through a pair of sockets, as the kernel's: where the tests run there is no CAN.
#include "drivers/can/can.h"

#include <gmock/gmock.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "core/file.h"
#include "drivers/can/can_driver.h"
#include "drivers/can/signal.h"
#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

class CanTest : public ::testing::Test {
 protected:
  std::string make(const std::string& more) {
    auto made =
        can::make_can(options_from_yaml(kCanDriver, "{interface: can0, " + more + "}"), {.clock = clock_},
                      [this](const std::string& interface, const std::vector<std::uint32_t>& ids) {
                        ids_ = ids;
                        return open(interface);
                      });
    if (!made) return made.error().message;
    driver_ = std::move(*made);
    return "fine";
  }
  Result<std::unique_ptr<can::Bus>> open(const std::string& interface) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
      return Error{ErrorKind::io, "socketpair"};
    bus_.reset(ends[1]);
    return std::make_unique<can::Bus>(UniqueFd(ends[0]), interface);
  }
  void send(std::uint32_t id, std::vector<std::uint8_t> data) {
    if (data.size() <= 8) {
      can_frame frame{};
      frame.can_id = id;
      frame.can_dlc = static_cast<std::uint8_t>(data.size());
      std::copy(data.begin(), data.end(), frame.data);
      ASSERT_EQ(::send(bus_.get(), &frame, sizeof frame, MSG_NOSIGNAL), static_cast<ssize_t>(sizeof frame));
    } else {
      canfd_frame frame{};
      frame.can_id = id;
      frame.len = static_cast<std::uint8_t>(data.size());
      std::copy(data.begin(), data.end(), frame.data);
      ASSERT_EQ(::send(bus_.get(), &frame, sizeof frame, MSG_NOSIGNAL), static_cast<ssize_t>(sizeof frame));
    }
  }
  std::string sample() {
    TextOutput out(kCanDriver);
    const auto done = driver_->sample({clock_.boot(), clock_.boot() + 5s, {}}, out);
    if (!done)
      out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
    return out.text;
  }

  FakeClock clock_;
  UniqueFd bus_;
  std::vector<std::uint32_t> ids_;
  std::unique_ptr<Driver> driver_;
};

TEST_F(CanTest, SignalsOfTheSettings) {
  ASSERT_EQ(
      make("signals: [{name: speed, id: 0x100, start: 0, length: 16, scale: 0.1}, "
           "{name: torque, id: 0x100, start: 39, length: 12, order: motorola, type: signed, scale: 0.5}, "
           "{name: load, id: 0x18FEBF3E, extended: true, start: 8, length: 16}, "
           "{name: force, id: 512, start: 0, length: 32, type: float32}, "
           "{name: last, id: 0x300, start: 504, length: 8}]"),
      "fine");
  EXPECT_EQ(sample(), "can,interface=can0 frames=0i,bus_errors=0i,bus_off=0i,lost=0i\navailability up\n");
  EXPECT_THAT(ids_, testing::ElementsAre(0x100, 0x200, 0x300, 0x18FEBF3E | CAN_EFF_FLAG));
  send(0x100, {1, 0, 0, 0, 0, 0, 0, 0});
  send(0x100, {0x10, 0x27, 0, 0, 0xff, 0xe0, 0, 0});  // the newer one counts: 1000 rpm, -1 * 0.5 Nm
  send(0x18FEBF3E | CAN_EFF_FLAG, {0, 0x34, 0x12});
  send(0x200, {0, 0, 0x20, 0xc1});  // -10.0
  std::vector<std::uint8_t> long_frame(64);
  long_frame[63] = 7;
  send(0x300, long_frame);
  send(0x555, {1});
  EXPECT_EQ(sample(),
            "can,id=100,interface=can0 speed=1000,torque=-1\ncan,id=200,interface=can0 force=-10\n"
            "can,id=300,interface=can0 last=7\ncan,id=18febf3e,interface=can0 load=4660\n"
            "can,interface=can0 frames=5i,bus_errors=0i,bus_off=0i,lost=0i\navailability up\n");
  // Too short for its signal, a request, no number: left out.
  send(0x100, {1});
  send(0x100 | CAN_RTR_FLAG, {0, 0, 0, 0, 0, 0, 0, 0});
  send(0x200, {0, 0, 0xc0, 0x7f});
  send(CAN_ERR_FLAG | CAN_ERR_BUSOFF, {0, 0, 0, 0, 0, 0, 0, 0});
  send(CAN_ERR_FLAG | CAN_ERR_PROT, {0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(sample(), "can,interface=can0 frames=3i,bus_errors=2i,bus_off=1i,lost=0i\navailability up\n");
}

TEST_F(CanTest, SignalsOfADbcFile) {
  const std::string dbc = testcases_of(kCanDriver) / "press.dbc";
  ASSERT_EQ(make("dbc: " + dbc + ", max_age: 1m"), "fine");
  sample();
  send(0x100, {0x10, 0x27, 0xff, 0, 0xff, 0xe0, 0, 0});
  send(0x18FEBF3E | CAN_EFF_FLAG, {0, 0x34, 0x12, 0, 0, 0, 0, 0});
  send(0x200, {1, 0x88, 0x13, 0, 0, 0, 0, 0});
  send(0x200, {2, 0x9c, 0xff, 0, 0, 0, 0, 0});
  send(0x201, {0, 0, 0x20, 0x41, 0, 0, 0, 0});
  EXPECT_THAT(sample(),
              StartsWith("can,id=100,interface=can0 Speed=1000,Temperature=-41,Torque=-1\n"
                         "can,id=200,interface=can0 Kind=2,Voltage=5,Current=-1\n"
                         "can,id=201,interface=can0 Force=10\ncan,id=18febf3e,interface=can0 Load=2320\n"
                         "can,interface=can0 frames=5i,"));
  clock_.advance(61s);
  send(0x201, {0, 0, 0x20, 0x41, 0, 0, 0, 0});
  EXPECT_THAT(
      sample(),
      HasSubstr("error: timeout: can0: Speed did not come for longer than max_age (and 6 more signals)"));
  ASSERT_EQ(make("dbc: " + dbc + ", dbc_signals: [\"T*\"]"), "fine");
  sample();
  EXPECT_THAT(ids_, testing::ElementsAre(0x100));
  ASSERT_EQ(make("dbc: " + dbc + ", dbc_signals: [Nothing]"), "fine");
  EXPECT_THAT(sample(), HasSubstr("error: config: dbc_signals: no signal of "));
  ASSERT_EQ(make("dbc: /no/such.dbc"), "fine");
  EXPECT_THAT(sample(), HasSubstr("error: not_found: /no/such.dbc"));
}

TEST_F(CanTest, ABusThatIsGone) {
  ASSERT_EQ(make("signals: [{name: a, id: 1, start: 0, length: 8}]"), "fine");
  sample();
  const std::uint32_t half = 0;
  ASSERT_EQ(::send(bus_.get(), &half, sizeof half, 0), 4);
  EXPECT_THAT(sample(), HasSubstr("error: parse: can0: a frame of 4 bytes"));
  // The kernel's own: no such interface here, or no CAN at all.
  auto real = kCanDriver.make(
      options_from_yaml(kCanDriver, "{interface: nocan0, signals: [{name: a, id: 1, start: 0, length: 8}]}"),
      {.clock = clock_});
  TextOutput out(kCanDriver);
  const auto done = (*real)->sample({clock_.boot(), clock_.boot() + 5s, {}}, out);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, StartsWith("nocan0: "));
}

TEST_F(CanTest, BadSettingsSayWhatWouldBeRight) {
  EXPECT_EQ(make("max_age: 1s"), "signals: there must be one, or a DBC file");
  EXPECT_THAT(make("signals: [{name: a, id: 0x800, start: 0, length: 8}]"),
              HasSubstr("is not an identifier of 11 bits, as 0x18F; one of 29 says extended: true"));
  EXPECT_EQ(make("signals: [{name: a, id: 1, start: 510, length: 8}]"),
            "signals: \"a\": reaches past the 64 bytes of a frame");
  EXPECT_EQ(make("signals: [{name: a, id: 1, start: 0, length: 8, type: float32}]"),
            "signals: \"a\": float32 has 32 bits");
  EXPECT_THAT(make("signals: [{name: frames, id: 1, start: 0, length: 8}]"),
              HasSubstr("the driver itself has"));
}

TEST(Dbc, BadLinesHaveAPlace) {
  const auto error = [](const std::string& text) {
    const auto parsed = can::parse_dbc(text, "press.dbc");
    return parsed ? "fine" : parsed.error().message;
  };
  EXPECT_EQ(error(""), "fine");
  EXPECT_THAT(error("BO_ x Motion: 8 P\n"),
              StartsWith("press.dbc:1: expected BO_ <id> <name>: <bytes> <sender>, found \"BO_ x"));
  EXPECT_THAT(error("BO_ 4096 Motion: 8 P\n"),
              HasSubstr("an id of 11 bits, or of 29 with the highest bit set"));
  EXPECT_THAT(error("BO_ 1 M: 8 P\n SG_ S : 0|16 (1,0) [0|1] \"\" G\n"),
              StartsWith("press.dbc:2: expected SG_ <name>"));
  EXPECT_THAT(error("BO_ 1 M: 8 P\n SG_ S : 510|16@1+ (1,0) [0|1] \"\" G\n"),
              StartsWith("press.dbc:2: expected SG_ <name>"));
  EXPECT_THAT(error("BO_ 1 M: 8 P\n SG_ S m1 : 0|16@1+ (1,0) [0|1] \"\" G\n"),
              HasSubstr("a multiplexor (M) in the last message"));
  EXPECT_THAT(error("BO_ 1 M: 8 P\n SG_ S : 0|16@1+ (1,0) [0|1] \"\" G\nSIG_VALTYPE_ 1 S : 1;\n"),
              HasSubstr("press.dbc:3: expected a float of 32 bits"));
}

TEST(Dbc, WhatIsNotSupportedCostsItsMessageAlone) {
  const auto signals = can::parse_dbc(
      "BO_ 1 A: 8 P\n SG_ Before : 0|8@1+ (1,0) [0|1] \"\" G\n"
      "BO_ 2 Nested: 8 P\n SG_ M1 M : 0|8@1+ (1,0) [0|1] \"\" G\n SG_ M2 m0M : 8|8@1+ (1,0) [0|1] \"\" G\n"
      " SG_ X m1 : 16|8@1+ (1,0) [0|1] \"\" G\n"
      "BO_ 2566834942 Transport: 120 P\n SG_ Far : 800|8@1+ (1,0) [0|1] \"\" G\n"
      "BO_ 3 B: 8 P\n SG_ After : 0|8@1+ (1,0) [0|1] \"\" G\n",
      "press.dbc");
  ASSERT_TRUE(signals) << signals.error().message;
  ASSERT_EQ(signals->size(), 2u);
  EXPECT_EQ((*signals)[0].name, "Before");
  EXPECT_EQ((*signals)[1].name, "After");
}

TEST(Dbc, SurvivesMutations) {
  const std::string good = *read_file(testcases_of(kCanDriver) / "press.dbc");
  std::mt19937 random(20261125);
  const std::array<std::uint8_t, 64> data{0xff, 0x80, 0x7f};
  for (int i = 0; i < 3000; ++i) {
    std::string bad = good;
    for (auto n = random() % 6 + 1; n > 0; --n)
      bad[random() % bad.size()] = " |@:()[]\"+-0129\nmMS"[random() % 19];
    const auto parsed = can::parse_dbc(bad, "press.dbc");
    if (!parsed) continue;
    for (const can::Signal& signal : *parsed) {
      for (const std::size_t size : {0U, 1U, 8U, 64U})
        (void)can::value_of(signal, std::span(data.data(), size));
    }
  }
}

TEST(CanSignal, MotorolaBitsGoDownThroughTheByteAndOn) {
  const std::array<std::uint8_t, 8> data = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0};
  EXPECT_EQ(can::bits_of(data, 7, 16, true), 0x1234u);
  EXPECT_EQ(can::bits_of(data, 3, 12, true), 0x234u);
  EXPECT_EQ(can::bits_of(data, 7, 64, true), 0x123456789abcdef0u);
  EXPECT_EQ(can::bits_of(data, 0, 16, false), 0x3412u);
  EXPECT_EQ(can::bits_of(data, 4, 12, false), 0x341u);
  EXPECT_TRUE(can::fits(7, 64, true, 8));
  EXPECT_FALSE(can::fits(6, 64, true, 8));
  EXPECT_FALSE(can::fits(1, 64, false, 8));
}

}  // namespace
}  // namespace vigile
