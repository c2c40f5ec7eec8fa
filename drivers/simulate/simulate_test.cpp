// SPDX-License-Identifier: Apache-2.0
#include "drivers/simulate/simulate.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

struct Reading {
  std::string metric, series;
  double value = 0;
  std::int64_t seq = 0;
  std::optional<BootTime> time;
  bool operator==(const Reading&) const = default;
};

class Readings final : public Output {
 public:
  void add(const Sample& sample) override {
    Reading reading{.metric = std::string(sample.values[0].metric),
                    .value = std::get<double>(sample.values[0].number),
                    .time = sample.time};
    reading.seq = std::get<std::int64_t>(sample.extra[0].number);
    if (!sample.tags.empty()) reading.series = sample.tags[0].value;
    all.push_back(reading);
  }
  Result<void> add_point(const Point&, PointOrigin) override { return {}; }
  Result<void> commit() override { return {}; }
  void availability(bool up, std::optional<double>, std::string_view) override { ++(up ? ups : downs); }
  std::vector<Reading> all;
  int ups = 0, downs = 0;
};

class Simulate : public testing::Test {
 protected:
  std::unique_ptr<Driver> make(const std::string& yaml, const std::string& type = "server") {
    DriverEnvironment environment{.clock = clock_};
    environment.equipment.type = type;
    return std::move(*kSimulateDriver.make(options_from_yaml(kSimulateDriver, yaml), environment));
  }
  void run(Driver& driver, Readings& out) {
    ASSERT_TRUE(driver.sample({clock_.boot(), clock_.boot() + 5s, {}}, out));
  }
  FakeClock clock_;
};

TEST_F(Simulate, Testcases) {
  run_testcases(kSimulateDriver, {}, {"server", "camera", "outage"});
}

TEST_F(Simulate, EmitsExactlyTheRateEvenlyStampedAndNumbered) {
  const auto driver = make("{rate: 1000, series: 7}");
  Readings out;
  const BootTime began = clock_.boot();
  for (const auto step : {0ms, 333ms, 1ms, 666ms, 2500ms}) {
    clock_.advance(step);
    run(*driver, out);
  }
  ASSERT_EQ(out.all.size(), 3500u);
  std::set<std::string> series;
  for (std::size_t i = 0; i < out.all.size(); ++i) {
    EXPECT_EQ(out.all[i].seq, static_cast<std::int64_t>(i));
    EXPECT_EQ(*out.all[i].time - began, i * 1ms);
    EXPECT_EQ(out.all[i].value, simulated_value(simulated_curves("server"), 1, i));
    series.insert(out.all[i].series);
  }
  EXPECT_EQ(series.size(), 7u);
}

TEST_F(Simulate, CatchesUpTenSecondsARunAndSkipsNothing) {
  const auto driver = make("{rate: 100}");
  Readings out;
  run(*driver, out);
  clock_.advance(25s);
  run(*driver, out);
  EXPECT_EQ(out.all.size(), 1001u);
  run(*driver, out);
  run(*driver, out);
  EXPECT_EQ(out.all.size(), 2500u);
  EXPECT_EQ(out.all.back().seq, 2499);
}

TEST_F(Simulate, FallsSilentAtItsLimit) {
  const auto driver = make("{rate: 1000, limit: 42}");
  Readings out;
  run(*driver, out);
  clock_.advance(1s);
  run(*driver, out);
  EXPECT_EQ(out.all.size(), 42u);
}

TEST_F(Simulate, WithoutARateGivesEachMetricOfTheTypeOnce) {
  const auto driver = make("{}", "camera");
  Readings out;
  run(*driver, out);
  std::set<std::string> metrics;
  for (const Reading& reading : out.all) metrics.insert(reading.metric);
  EXPECT_EQ(metrics, (std::set<std::string>{"cpu_usage", "response_time", "temperature", "frame_rate"}));
  EXPECT_FALSE(out.all[0].time);
}

TEST_F(Simulate, TheSeedAloneDecidesAndValuesStayOnTheScale) {
  for (const char* type : {"server", "camera", "switch", "pump"}) {
    const auto curves = simulated_curves(type);
    int same = 0;
    for (std::uint64_t seq = 0; seq < 20000; ++seq) {
      const double value = simulated_value(curves, 3, seq);
      const SimulatedCurve& curve = curves[static_cast<std::size_t>(seq % curves.size())];
      EXPECT_GE(value, curve.least);
      EXPECT_LE(value, curve.most);
      EXPECT_EQ(value, simulated_value(curves, 3, seq));
      if (value == simulated_value(curves, 4, seq)) ++same;
    }
    EXPECT_LT(same, 2000) << type;
  }
}

TEST_F(Simulate, OutagesTakeTheirShareOfTime) {
  const auto driver = make("{faults: 0.25}");
  Readings out;
  for (int i = 0; i < 20000; ++i) run(*driver, out);
  EXPECT_NEAR(out.downs / 20000.0, 0.25, 0.05);
}

}  // namespace
}  // namespace vigile
