// SPDX-License-Identifier: Apache-2.0
// With pseudo-terminals: the test is the device.
#include "drivers/serial/serial.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <thread>

#include "core/unique_fd.h"
#include "drivers/testcase/testcase.h"
#include "support/process.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

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
  EXPECT_THAT(got, HasSubstr("latitude=48.1173,longitude=11.51666666667"));
  EXPECT_THAT(got, HasSubstr(",altitude=545.4,speed=11.523555555555"));
  EXPECT_THAT(got, HasSubstr(",course=84.4,hdop=0.9,satellites=8i,quality=1i,mode=3i,satellite_time="
                             "764426119,lines=4i,refused=0i"));
  device_.say("$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*48\r\n");
  EXPECT_THAT(sample(), HasSubstr("refused=1i"));
  // No fix is no position.
  device_.say("$GPGGA,123519,,,,,0,00,,,M,,M,,*6B\r\n");
  EXPECT_THAT(sample(), HasSubstr("serial,device=TTY satellites=0i,quality=0i,lines=1i"));
}

TEST_F(SerialTest, BinaryFramesBetweenSentencesCostNothing) {
  ASSERT_EQ(make("protocol: nmea"), "fine");
  sample();
  const std::string sentence = "$GNRMC,120000.00,A,4807.03800,N,01131.00000,E,12.5,84.4,011226,,,A,V*33\r\n";
  // A frame of UBX with a line's end and a $ in it, and one that is longer than max_line.
  device_.say(std::string("\xb5\x62\x01\x07\x0a$\x00\x0d!x", 10) + sentence + std::string(3000, '\xd3') +
              sentence);
  const std::string got = sample();
  EXPECT_THAT(got, HasSubstr("latitude=48.1173,longitude=11.51666666667,speed=6.430"));
  EXPECT_THAT(got, HasSubstr(",refused=0i,"));
  EXPECT_THAT(got, Not(HasSubstr("error:")));
  device_.say(std::string(100, '\xff') + "\n");
  EXPECT_THAT(
      sample(),
      HasSubstr(
          "error: timeout: TTY: nothing came, but bytes without a sentence of NMEA; is the speed right?"));
}

TEST_F(SerialTest, WhetherThereIsAFixIsKnownFromOneRunToTheNext) {
  ASSERT_EQ(make("protocol: nmea, checksum: false"), "fine");
  sample();
  device_.say("$GPGGA,120000,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,\r\n");
  EXPECT_THAT(sample(), HasSubstr("latitude=48.1173,"));
  device_.say("$GPVTG,084.4,T,,M,10.0,N,18.5,K\r\n");
  EXPECT_THAT(sample(), HasSubstr("speed=5.14"));
  device_.say("$GPGLL,,,,,120000.00,V,N\r\n$GPVTG,084.4,T,,M,10.0,N,18.5,K\r\n");
  EXPECT_THAT(sample(), StartsWith("serial,device=TTY lines=2i,refused=0i,"));
}

TEST_F(SerialTest, NumbersAsScalesWriteThem) {
  ASSERT_EQ(make("values: [{name: sign_in, match: '([-+]? *[0-9.]+) *(g|GN|kg)'}, "
                 "{name: digits_only, match: '([0-9.]+) *(g|GN|kg)', not_available: [-9999]}]"),
            "fine");
  sample();
  device_.say("x\r\n         0.665 g  \r\n-   29.182 g  \r\n");
  EXPECT_THAT(sample(), HasSubstr("sign_in=-29.182,digits_only=-29.182,lines=2i,refused=0i"));
  device_.say("ST,NT,-  1.234kg\r\n");
  EXPECT_THAT(sample(), HasSubstr("sign_in=-1.234,digits_only=-1.234,"));
  device_.say("- 9999 kg\r\n");
  EXPECT_THAT(sample(), HasSubstr("TTY sign_in=-9999,lines=1i,refused=0i,bytes=11i,not_available=1i\n"));
  ASSERT_EQ(make("values: [{name: weight, match: '([0-9,]+) kg'}]"), "fine");
  sample();
  device_.say("x\r\n   12,345 kg\r\n");
  EXPECT_THAT(sample(),
              HasSubstr("\"12,345\" is one number with decimal: comma and another with thousands: comma"));
  ASSERT_EQ(make("values: [{name: weight, match: '([0-9,]+) kg', thousands: comma}]"), "fine");
  sample();
  device_.say("x\r\n   12,345 kg\r\n");
  EXPECT_THAT(sample(), HasSubstr("weight=12345,"));
  EXPECT_THAT(make("values: [{name: w, match: '(\\d+) kg'}]"), HasSubstr("regex(7) has no \\d; write [0-9]"));
  EXPECT_THAT(make("values: [{name: w, decimal: comma, thousands: comma}]"),
              HasSubstr("is the same sign as decimal"));
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
  EXPECT_EQ(make("checksum: false, values: [{name: n}]"), "checksum: needs protocol: nmea");
  EXPECT_THAT(make("baud: 9601, values: [{name: n}]"), HasSubstr("9601 is no usual speed"));
  EXPECT_THAT(make("request: '\\q', values: [{name: n}]"), HasSubstr("after \\ comes r, n, \\ or x"));
  EXPECT_THAT(make("values: [{name: lines}]"),
              HasSubstr("is the name of a metric that the driver itself has"));
}

}  // namespace
}  // namespace vigile
