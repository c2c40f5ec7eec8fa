// SPDX-License-Identifier: Apache-2.0
// The frames come through a pair of sockets, as the kernel's: where the tests run there is no CAN.
#include "drivers/can/can.h"

#include <gmock/gmock.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

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
                      [this](const std::string& interface, const std::vector<can::IdFilter>& filters) {
                        ids_.clear();
                        for (const can::IdFilter& one : filters) ids_.push_back(one.id);
                        filters_ = filters;
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
  std::vector<can::IdFilter> filters_;
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
  EXPECT_EQ(
      sample(),
      "can,interface=can0 frames=3i,bus_errors=2i,bus_off=1i,lost=0i,not_available=1i\navailability up\n");
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

TEST_F(CanTest, J1939MatchesByPgnAndLeavesOutReservedValues) {
  // The file says that it is J1939; its source address is the null address, FE.
  ASSERT_EQ(make("dbc: " + (testcases_of(kCanDriver) / "eec1.dbc").string()), "fine");
  sample();
  EXPECT_THAT(filters_,
              testing::ElementsAre(can::IdFilter{0x00F00400 | CAN_EFF_FLAG, 0x03FFFF00 | CAN_EFF_FLAG}));
  send(0x0CF00400 | CAN_EFF_FLAG, {0xf0, 0x7d, 0x85, 0x9b, 0x0f, 0xff, 0xff, 0x85});
  send(0x18F00417 | CAN_EFF_FLAG,
       {0xff, 0xff, 0xfe, 0x00, 0xfb, 0xff, 0xff, 0xff});  // error; reserved, but a value
  send(0x0CF00301 | CAN_EFF_FLAG, {0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_THAT(sample(),
              StartsWith("can,interface=can0,pgn=61444,source=0 EngineSpeed=499.375,ActualEngineTorque=8\n"
                         "can,interface=can0,pgn=61444,source=23 EngineSpeed=8032\n"
                         "can,interface=can0 frames=2i,bus_errors=0i,bus_off=0i,lost=0i,not_available=1i\n"));
  send(0x0CF00400 | CAN_EFF_FLAG, std::vector<std::uint8_t>(8, 0xff));
  EXPECT_EQ(
      sample(),
      "can,interface=can0 frames=1i,bus_errors=0i,bus_off=0i,lost=0i,not_available=2i\navailability up\n");
  EXPECT_EQ(
      sample(),
      "can,interface=can0 frames=0i,bus_errors=0i,bus_off=0i,lost=0i,not_available=0i\navailability up\n");
}

TEST_F(CanTest, J1939ByOptionForSignalsOfTheSettings) {
  // PDU1 (format EF below F0): the destination address is no part of the PGN.
  const std::string signals =
      "signals: [{name: a, id: 0x18EF00FE, extended: true, start: 0, length: 8}, "
      "{name: lamp, id: 0x18FECAFE, extended: true, start: 6, length: 2}]";
  ASSERT_EQ(make("j1939: true, " + signals), "fine");
  sample();
  send(0x0CEF2103 | CAN_EFF_FLAG, {5});
  send(0x18FECA03 | CAN_EFF_FLAG, {0x40});
  EXPECT_THAT(sample(), StartsWith("can,interface=can0,pgn=61184,source=3 a=5\n"
                                   "can,interface=can0,pgn=65226,source=3 lamp=1\n"));
  for (const std::uint8_t reserved : std::to_array<std::uint8_t>({0x80, 0xc0}))
    send(0x18FECA03 | CAN_EFF_FLAG, {reserved});
  EXPECT_THAT(sample(),
              HasSubstr("can,interface=can0 frames=2i,bus_errors=0i,bus_off=0i,lost=0i,not_available=2i"));
  // Without it, or against what the file says: as any other frame.
  ASSERT_EQ(make(signals), "fine");
  sample();
  send(0x18FECA03 | CAN_EFF_FLAG, {0x40});
  send(0x18FECAFE | CAN_EFF_FLAG, {0xc0});
  EXPECT_THAT(sample(), StartsWith("can,id=18fecafe,interface=can0 lamp=3\ncan,interface=can0 frames=1i"));
  ASSERT_EQ(make("j1939: false, dbc: " + (testcases_of(kCanDriver) / "eec1.dbc").string()), "fine");
  sample();
  send(0x0CF004FE | CAN_EFF_FLAG, std::vector<std::uint8_t>(8, 0xff));
  EXPECT_THAT(sample(),
              StartsWith("can,id=cf004fe,interface=can0 EngineSpeed=8191.875,ActualEngineTorque=130\n"));
}

TEST_F(CanTest, CodesForNotAvailableAreLeftOutAndCounted) {
  ASSERT_EQ(make("signals: [{name: level, id: 0x100, start: 0, length: 12, not_available: [0xFFF, 0xFFE]}, "
                 "{name: power, id: 0x100, start: 16, length: 16, type: signed, not_available: sunspec}]"),
            "fine");
  sample();
  send(0x100, {0xff, 0x0f, 0x00, 0x80});
  EXPECT_EQ(
      sample(),
      "can,interface=can0 frames=1i,bus_errors=0i,bus_off=0i,lost=0i,not_available=2i\navailability up\n");
  send(0x100, {0xfd, 0x0f, 0xff, 0xff});
  EXPECT_THAT(sample(), StartsWith("can,id=100,interface=can0 level=4093,power=-1\n"));
  EXPECT_THAT(make("signals: [{name: a, id: 1, start: 0, length: 8, not_available: 0x100}]"),
              HasSubstr("\"0x100\" does not fit in 8 bits"));
}

TEST_F(CanTest, AnEntryReplacesTheSignalOfTheFile) {
  const std::string dbc = "dbc: " + (testcases_of(kCanDriver) / "one-bad-message.dbc").string();
  ASSERT_EQ(
      make(dbc +
           ", signals: [{name: Speed, id: 0x100, start: 0, length: 16, scale: 0.1, not_available: 0xFFFF}]"),
      "fine");
  sample();
  send(0x100, {0xff, 0xff});
  EXPECT_THAT(sample(), AllOf(Not(HasSubstr("Speed")), HasSubstr("not_available=1i")));
  ASSERT_EQ(make(dbc + ", signals: [{name: Speed, id: 0x101, start: 0, length: 16}]"), "fine");
  sample();
  send(0x100, {10, 0});
  EXPECT_THAT(sample(), StartsWith("can,id=100,interface=can0 Speed=1\n"));
}

TEST_F(CanTest, WhatIsLeftOutOfADbcFileIsNamedOnceAndByTheCheck) {
  const std::string dbc = testcases_of(kCanDriver) / "one-bad-message.dbc";
  ASSERT_EQ(make("dbc: " + dbc), "fine");
  EXPECT_EQ(sample(),
            "can,interface=can0 frames=0i,bus_errors=0i,bus_off=0i,lost=0i\navailability up\n"
            "error: parse: " +
                dbc +
                ":6: message Other (0x33DA): its id is neither one of 11 bits, nor one "
                "of 29 with bit 31 set; the message is left out\n");
  send(0x100, {10, 0});
  EXPECT_THAT(sample(), AllOf(StartsWith("can,id=100,interface=can0 Speed=1\n"), Not(HasSubstr("error:"))));
  const auto check = [](const std::string& yaml) {
    return kCanDriver.check_files(options_from_yaml(kCanDriver, "{interface: can0, " + yaml + "}"));
  };
  ASSERT_TRUE(check("dbc: " + dbc));
  EXPECT_THAT(*check("dbc: " + dbc), testing::ElementsAre(HasSubstr("message Other (0x33DA)")));
  EXPECT_THAT(*check("dbc: " + (testcases_of(kCanDriver) / "press.dbc").string()), testing::IsEmpty());
  EXPECT_THAT(check("dbc: /no/such.dbc").error().message, StartsWith("/no/such.dbc: "));
  EXPECT_THAT(*check("signals: [{name: a, id: 1, start: 0, length: 8}]"), testing::IsEmpty());
  EXPECT_THAT(
      check("dbc: " + (testcases_of(kCanDriver).parent_path() / "README.md").string()).error().message,
      HasSubstr("is it a DBC file?"));
}

TEST_F(CanTest, ASignalOfSeveralMultiplexorValuesIsOneMetric) {
  ASSERT_EQ(make("dbc: " + (testcases_of(kCanDriver) / "same-names.dbc").string() + ", max_age: 10s"),
            "fine");
  sample();
  send(0x100, {0, 5});
  send(0x100, {1, 0, 6});
  EXPECT_THAT(sample(), StartsWith("can,id=100,interface=can0 Mux=1,Temp=6\n"));
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
