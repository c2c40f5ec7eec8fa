// SPDX-License-Identifier: Apache-2.0
// With pseudo-terminals: the test is the device.
#include "drivers/serial/serial.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <random>
#include <thread>

#include "core/unique_fd.h"
#include "drivers/serial/nmea.h"
#include "drivers/testcase/testcase.h"
#include "support/process.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const SystemClock system_clock;

class Device {
 public:
  Device() : fd_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    ::grantpt(fd_.get());
    ::unlockpt(fd_.get());
    char name[64];
    ::ptsname_r(fd_.get(), name, sizeof name);
    path = name;
  }
  void say(std::string_view text) {
    ASSERT_EQ(::write(fd_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string hear() {
    char buffer[100];
    pollfd wanted{fd_.get(), POLLIN, 0};
    if (::poll(&wanted, 1, 5000) <= 0) return "";
    const ssize_t got = ::read(fd_.get(), buffer, sizeof buffer);
    return std::string(buffer, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
  std::string path;

 private:
  UniqueFd fd_;
};

class SerialTest : public ::testing::Test {
 protected:
  std::string make(const std::string& more, const std::string& response_time = "50ms") {
    auto made = kSerialDriver.make(
        options_from_yaml(kSerialDriver, "{device: " + device_.path + ", response_time: " + response_time +
                                             ", " + more + "}"),
        {.clock = system_clock});
    if (!made) return made.error().message;
    driver_ = std::move(*made);
    return "fine";
  }
  std::string sample() {
    TextOutput out(kSerialDriver);
    const auto done = driver_->sample({system_clock.boot(), system_clock.boot() + 10s, {}}, out);
    if (!done)
      out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
    return replace_all(out.text, device_.path, "TTY");
  }
  Device device_;
  std::unique_ptr<Driver> driver_;
};

TEST_F(SerialTest, LinesByExpressions) {
  ASSERT_EQ(make("values: [{name: weight, match: '([+-]? *[0-9.]+)kg'}, {name: state, match: '^(ST|US)', "
                 "type: text}]"),
            "fine");
  EXPECT_EQ(sample(),
            "serial,device=TTY lines=0i,refused=0i,bytes=0i\navailability down: TTY: nothing came\nerror: "
            "timeout: TTY: nothing came\n");
  sample();
  // The first line may be the end of one.
  device_.say("4kg\r\nST,GS,12.34kg\r\nUS,GS,13.5kg\r\n");
  EXPECT_EQ(sample(),
            "serial,device=TTY weight=13.5,state=\"US\",lines=2i,refused=0i,bytes=34i\navailability up\n");
  device_.say("ST,GS,1");
  EXPECT_THAT(sample(), HasSubstr("nothing came, but half a line; is the speed right?"));
  device_.say("4.0kg\r\nwhatever\r\n");
  EXPECT_EQ(sample(),
            "serial,device=TTY weight=14,state=\"ST\",lines=2i,refused=1i,bytes=17i\navailability up\n"
            "error: parse: TTY: no expression matches \"whatever\"\n");
  device_.say("x\r\n" + std::string(1500, 'y'));
  EXPECT_THAT(sample(), HasSubstr("refused=2i"));
  device_.say("yyy\r\nST,GS,1kg\r\n");
  EXPECT_THAT(sample(), HasSubstr("weight=1,"));
}

TEST_F(SerialTest, AsksFirstWhenTold) {
  ASSERT_EQ(make("request: 'READ?\\r\\n\\x05', values: [{name: energy, match: 'E=([0-9.]+)'}]", "10s"),
            "fine");
  std::string heard;
  std::jthread meter([&] {
    heard = device_.hear();
    device_.say("E=17.5\r\n");
  });
  EXPECT_THAT(sample(), HasSubstr("energy=17.5,lines=1i"));
  meter.join();
  EXPECT_EQ(heard, "READ?\r\n\x05");
}

TEST_F(SerialTest, ALateAnswerIsNoneToTheNextRequest) {
  ASSERT_EQ(make("request: '?', values: [{name: energy, match: 'E=([0-9.]+)'}]"), "fine");
  EXPECT_THAT(sample(), HasSubstr("nothing came"));
  EXPECT_EQ(device_.hear(), "?");
  device_.say("E=1\r\n");  // after the time for it is over
  EXPECT_THAT(sample(), HasSubstr("nothing came"));
  EXPECT_EQ(device_.hear(), "?");
}

TEST_F(SerialTest, Nmea) {
  ASSERT_EQ(make("protocol: nmea"), "fine");
  sample();
  device_.say(
      "rest\r\n$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
      "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
      "$GNGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1*27\r\n$GPGSV,1,1,00*79\r\n");
  const std::string got = sample();
  EXPECT_THAT(got, HasSubstr("latitude=48.1173,longitude=11.5166667"));
  EXPECT_THAT(got, HasSubstr(",altitude=545.4,speed=11.523555555555"));
  EXPECT_THAT(got, HasSubstr(",course=84.4,hdop=0.9,satellites=8i,quality=1i,mode=3i,lines=4i,refused=0i"));
  device_.say("$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*48\r\n");
  EXPECT_THAT(sample(), HasSubstr("refused=1i"));
  // No fix is no position.
  device_.say("$GPGGA,123519,,,,,0,00,,,M,,M,,*6B\r\n");
  EXPECT_THAT(sample(), HasSubstr("serial,device=TTY satellites=0i,quality=0i,lines=1i"));
}

TEST(Nmea, WhatIsWrongIsSaidAndNothingBreaks) {
  serial::Fix fix;
  const auto error = [&](std::string_view line) {
    const auto parsed = serial::parse_nmea(line, fix);
    return parsed ? "fine" : parsed.error().message;
  };
  EXPECT_THAT(error("GPGGA,1*00"), HasSubstr("does not begin with $"));
  EXPECT_THAT(error("$GPGGA,1"), HasSubstr("has no checksum, as *47"));
  EXPECT_THAT(error("$GPGGA,1*4"), HasSubstr("has no checksum"));
  EXPECT_EQ(error("$PUBX,00*33"), "fine");
  EXPECT_FALSE(fix.latitude);
  std::mt19937 random(20261125);
  const std::string good = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W";
  for (int i = 0; i < 20000; ++i) {
    std::string bad = good;
    for (unsigned n = random() % 4 + 1; n > 0; --n)
      bad[1 + random() % (bad.size() - 1)] = static_cast<char>(" ,.AVNSEW0123456789-x"[random() % 20]);
    unsigned char sum = 0;
    for (const char c : bad.substr(1)) sum ^= static_cast<unsigned char>(c);
    char end[8];
    std::snprintf(end, sizeof end, "*%02X", sum);
    serial::Fix one;
    (void)serial::parse_nmea(bad + end, one);
    if (one.latitude) {
      EXPECT_LE(std::abs(*one.latitude), 90);
    }
    if (one.longitude) {
      EXPECT_LE(std::abs(*one.longitude), 180);
    }
  }
}

TEST_F(SerialTest, ADeviceThatIsUnpluggedAndComesBack) {
  ASSERT_EQ(make("values: [{name: n}]"), "fine");
  sample();
  device_ = Device();  // the old one is closed
  EXPECT_THAT(sample(), HasSubstr("availability down: "));
  EXPECT_THAT(kSerialDriver
                  .make(options_from_yaml(kSerialDriver, "{device: /dev/null, values: [{name: n}]}"),
                        {.clock = system_clock})
                  .value()
                  ->sample({system_clock.boot(), system_clock.boot() + 1s, {}},
                           *std::make_unique<TextOutput>(kSerialDriver))
                  .error()
                  .message,
              HasSubstr("/dev/null: is not a serial line"));
}

TEST_F(SerialTest, BadSettingsSayWhatWouldBeRight) {
  EXPECT_EQ(make("protocol: nmea, values: [{name: n}]"), "values: has no effect with protocol: nmea");
  EXPECT_EQ(make("protocol: lines"), "values: there must be one, or protocol: nmea");
  EXPECT_THAT(make("baud: 9601, values: [{name: n}]"), HasSubstr("9601 is no usual speed"));
  EXPECT_THAT(make("request: '\\q', values: [{name: n}]"), HasSubstr("after \\ comes r, n, \\ or x"));
  EXPECT_THAT(make("values: [{name: lines}]"),
              HasSubstr("is the name of a metric that the driver itself has"));
}

}  // namespace
}  // namespace vigile
