// SPDX-License-Identifier: Apache-2.0
// With lines that the test drives: there are none where the tests run.
#include "drivers/gpio/gpio.h"

#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <deque>
#include <map>

#include "core/unique_fd.h"
#include "drivers/gpio/gpio_driver.h"
#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

struct Wire {
  bool level = false;
  bool is_broken = false;
  int opened = 0;
  std::deque<std::int64_t> edges_ns;
  gpio::LineSettings settings;
};

class WireLine final : public gpio::Line {
 public:
  explicit WireLine(Wire& wire) : wire_(wire), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  Result<bool> level() override {
    if (wire_.is_broken) return Error{ErrorKind::unavailable, "gone"};
    return wire_.level != wire_.settings.is_active_low;
  }
  Result<std::optional<std::int64_t>> next_edge_ns() override {
    if (wire_.is_broken) return Error{ErrorKind::unavailable, "gone"};
    if (wire_.edges_ns.empty()) return std::optional<std::int64_t>();
    const std::int64_t edge = wire_.edges_ns.front();
    wire_.edges_ns.pop_front();
    return std::optional(edge);
  }
  int fd() const override {
    return wire_.settings.count == gpio::LineSettings::Count::none ? -1 : event_.get();
  }

 private:
  Wire& wire_;
  const UniqueFd event_;
};

class GpioTest : public ::testing::Test {
 protected:
  std::string make(const std::string& yaml) {
    auto made = gpio::make_gpio(
        options_from_yaml(kGpioDriver, yaml), {.clock = clock_},
        [this](const gpio::LineSettings& settings) -> Result<std::unique_ptr<gpio::Line>> {
          if (settings.line == "99")
            return Error{ErrorKind::not_found, settings.chip + " 99: the chip has no such line"};
          Wire& wire = wires_[settings.line];
          ++wire.opened;
          wire.settings = settings;
          return std::unique_ptr<gpio::Line>(std::make_unique<WireLine>(wire));
        });
    if (!made) return made.error().message;
    driver_ = std::move(*made);
    return "fine";
  }
  std::string sample() {
    TextOutput out(kGpioDriver);
    const auto done = driver_->sample({clock_.boot(), clock_.boot() + 5s, {}}, out);
    clock_.advance(10s);
    if (!done)
      out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
    return out.text;
  }
  FakeClock clock_;
  std::map<std::string, Wire> wires_;
  std::unique_ptr<Driver> driver_;
};

TEST_F(GpioTest, LevelsAndCounts) {
  ASSERT_EQ(make("lines: [{name: door, line: GPIO17, active_low: true, bias: pull_up}, "
                 "{name: energy, line: 4, chip: gpiochip1, count: rising, debounce: 10ms, scale: 0.001}]"),
            "fine");
  EXPECT_EQ(
      sample(),
      "gpio,chip=gpiochip0,line=GPIO17 door=true\ngpio,chip=gpiochip1,line=4 energy=0\ngpio overflows=0i\n");
  EXPECT_EQ(wires_["GPIO17"].settings.bias, gpio::LineSettings::Bias::pull_up);
  wires_["GPIO17"].level = true;
  wires_["4"].edges_ns = {1'000'000'000, 1'005'000'000, 1'009'999'999, 1'010'000'000, 2'000'000'000};
  EXPECT_EQ(sample(),
            "gpio,chip=gpiochip0,line=GPIO17 door=false\ngpio,chip=gpiochip1,line=4 "
            "energy=0.003,energy_rate=0.0003\ngpio overflows=0i\n");
  EXPECT_THAT(sample(), HasSubstr("energy=0.003,energy_rate=0\n"));
}

TEST_F(GpioTest, MoreEdgesThanTheKernelKeepsAreNoticed) {
  ASSERT_EQ(make("lines: [{name: n, line: 4, count: both}]"), "fine");
  sample();
  for (int i = 0; i < 16; ++i) wires_["4"].edges_ns.push_back(i);
  EXPECT_EQ(sample(), "gpio,chip=gpiochip0,line=4 n=16,n_rate=1.6\ngpio overflows=1i\n");
}

TEST_F(GpioTest, ALineThatFailsIsOpenedAgainAndTheOthersGoOn) {
  ASSERT_EQ(make("lines: [{name: a, line: 1}, {name: b, line: 2, count: rising}, {name: c, line: 99}]"),
            "fine");
  EXPECT_EQ(sample(),
            "gpio,chip=gpiochip0,line=1 a=false\ngpio,chip=gpiochip0,line=2 b=0\ngpio overflows=0i\n"
            "error: not_found: gpiochip0 99: the chip has no such line\n");
  wires_["2"].edges_ns = {1, 2};
  sample();
  wires_["2"].is_broken = true;
  EXPECT_THAT(sample(), StartsWith("gpio,chip=gpiochip0,line=1 a=false\ngpio overflows=0i\nerror: "));
  wires_["2"].is_broken = false;
  wires_["2"].edges_ns = {5};
  EXPECT_THAT(sample(), HasSubstr("b=3,"));  // what was counted stays
  EXPECT_EQ(wires_["1"].opened, 1);
  EXPECT_EQ(wires_["2"].opened, 2);
}

TEST_F(GpioTest, BadSettingsSayWhatWouldBeRight) {
  EXPECT_EQ(make("lines: []"), "lines: there must be one");
  EXPECT_EQ(make("lines: [{name: a, line: 1, debounce: 1ms}]"),
            "lines: \"a\": scale and debounce are for counted lines; say count: rising");
  EXPECT_EQ(make("lines: [{name: a, line: 1}, {name: b, line: 1}]"),
            "lines: \"b\": reads the same line as a");
  EXPECT_EQ(make("lines: [{name: a, line: 1}, {name: a, line: 2}]"), "lines: \"a\": is there twice");
}

TEST_F(GpioTest, WithoutAChipItSaysSo) {
  auto real =
      kGpioDriver.make(options_from_yaml(kGpioDriver, "{chip: gpiochip-none, lines: [{name: a, line: 1}]}"),
                       {.clock = clock_});
  TextOutput out(kGpioDriver);
  const auto done = (*real)->sample({clock_.boot(), clock_.boot() + 5s, {}}, out);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, StartsWith("gpiochip-none: "));
}

}  // namespace
}  // namespace vigile
