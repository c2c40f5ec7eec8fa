// SPDX-License-Identifier: Apache-2.0
// `only`, `except`, `rename` and `report` on points that come as a whole, and what their readings are called.
#include <gmock/gmock.h>

#include "sampling/instance.h"
#include "sampling/point_readings.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class GivenPoints final : public Driver {
 public:
  explicit GivenPoints(const std::vector<Point>& points, PointOrigin origin)
      : points_(points), origin_(origin) {}
  Result<void> sample(const SampleContext&, Output& out) override {
    for (const Point& point : points_) {
      if (const auto taken = out.add_point(point, origin_); !taken) return taken;
    }
    return {};
  }

 private:
  const std::vector<Point>& points_;
  const PointOrigin origin_;
};

class PointRules : public testing::Test, public SampleObserver {
 protected:
  // Two drivers: "cpu" names its field usage cpu_usage, "listen" takes names as they come.
  static std::optional<std::string> name_of(std::string_view measurement, std::string_view field) {
    if (measurement == "cpu" && field == "usage") return "cpu_usage";
    if (measurement == "statsd") return std::string(field);
    return std::nullopt;
  }
  void start(PointOrigin origin = PointOrigin::here) {
    options_.every = 10s;
    options_.namer = name_of;
    instance_.emplace(
        options_, EquipmentIdentity{"1", "", "other", ""}, WireFormat{.native = native_},
        std::make_unique<GivenPoints>(points_, origin), clock_, timeline_,
        [this](ClockState, const LineWriter::Lines& lines) { written_ += lines.text; }, this);
  }
  // The fields that were written, with the measurement before them.
  std::string run(std::vector<Point> points) {
    points_ = std::move(points);
    written_.clear();
    seen_.clear();
    clock_.advance(10s);
    EXPECT_TRUE(instance_->begin(clock_.boot()));
    instance_->run({});
    return written_;
  }
  void availability(std::string_view, std::string_view, bool, std::string_view, BootTime) override {}
  void value(std::string_view, std::string_view metric, std::span<const Tag>, double, BootTime) override {
    seen_.emplace_back(metric);
  }

  FakeClock clock_;
  Timeline timeline_{clock_};
  bool native_ = true;
  InstanceOptions options_{.name = "1/x", .driver = "x"};
  std::vector<Point> points_;
  std::optional<Instance> instance_;
  std::string written_;
  std::vector<std::string> seen_;
};

const Point kPress{"press", {{"part", "7"}}, {{"force", 2.5}, {"speed", 3.0}}, {}};
const Point kMetric{"equipment_metrics", {{"metric_name", "heat"}}, {{"value", 1.0}, {"seq", 4.0}}, {}};

TEST_F(PointRules, ReadingsAreCalledAsInAnswers) {
  start();
  run({kPress,
       kMetric,
       {"cpu", {}, {{"usage", 1.0}}, {}},
       {"statsd", {}, {{"jobs", 1.0}, {"time", 2.0}}, {}}});
  EXPECT_THAT(seen_, ElementsAre("press_force", "press_speed", "heat", "cpu_usage", "jobs", "time"));
}

TEST_F(PointRules, OnlyAndExceptChooseReadingsOfLines) {
  options_.metrics = {.only = {"press_*"}, .except = {"*_speed"}, .rename = {}};
  start();
  EXPECT_THAT(run({kPress, kMetric}), HasSubstr("press,equipment_id=1,part=7 force=2.5 "));
  EXPECT_THAT(written_, testing::Not(testing::AnyOf(HasSubstr("speed"), HasSubstr("heat"))));
  EXPECT_THAT(seen_, ElementsAre("press_force"));
  options_.metrics = {.only = {}, .except = {"press_*", "heat"}, .rename = {}};
  start();
  EXPECT_EQ(run({kPress, kMetric}), "");
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(PointRules, RenameGivesReadingsOfLinesTheirNewName) {
  options_.metrics.rename = {{"press_force", "kraft"}, {"heat", "warmth"}};
  start();
  EXPECT_THAT(run({kPress, kMetric}), HasSubstr(" kraft=2.5,speed=3 "));
  EXPECT_THAT(written_, HasSubstr("metric_name=warmth value=1,seq=4 "));
}

TEST_F(PointRules, ReportOnChangeWritesWhatHasChangedAndLimitsSeeAll) {
  options_.report.on_change = true;
  options_.report.deadbands = {{"press_force", 1}};
  start();
  EXPECT_THAT(run({kPress, kMetric}), HasSubstr(" force=2.5,speed=3 "));
  EXPECT_EQ(run({kPress, kMetric}), "");
  EXPECT_THAT(seen_, ElementsAre("press_force", "press_speed", "heat"));
  Point moved = kPress;
  moved.fields = {{"force", 3.0}, {"speed", 4.0}};
  EXPECT_THAT(run({moved}), HasSubstr(" speed=4 "));
  EXPECT_THAT(written_, testing::Not(HasSubstr("force")));
  Point other = kPress;
  other.tags = {{"part", "8"}};
  EXPECT_THAT(run({other}), HasSubstr("part=8 force=2.5,speed=3 ")) << "another series";
}

TEST_F(PointRules, LinesOfOtherAgentsGoOnAsTheyAre) {
  options_.metrics.except = {"*"};
  start(PointOrigin::agent);
  EXPECT_EQ(run({{"press", {}, {{"force", 2.5}}, 5}}), "press force=2.5 5\n");
}

// JSON may name a measurement of its own: it is named as a line would be, in both layouts.
class GivenSample final : public Driver {
 public:
  Result<void> sample(const SampleContext&, Output& out) override {
    const Value value{"load", "load", 1.0};
    out.add(Sample{.measurement = "ups", .values = {&value, 1}});
    out.add(Sample{.measurement = "x", .values = {&value, 1}});
    return {};
  }
};

TEST_F(PointRules, SamplesWithAMeasurementOfTheirOwnAreNamedAsLinesAre) {
  for (const bool native : {true, false}) {
    native_ = native;
    start();
    instance_.emplace(
        options_, EquipmentIdentity{"1", "", "other", ""}, WireFormat{.native = native_},
        std::make_unique<GivenSample>(), clock_, timeline_,
        [this](ClockState, const LineWriter::Lines& lines) { written_ += lines.text; }, this);
    run({});
    EXPECT_THAT(seen_, ElementsAre("ups_load", "load"));
    EXPECT_THAT(written_, HasSubstr(native ? "ups,equipment_id=1 load=1 " : "metric_name=ups_load value=1 "));
  }
}

}  // namespace
}  // namespace vigile
