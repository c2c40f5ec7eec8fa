// SPDX-License-Identifier: Apache-2.0
// What an instance makes of its driver's readings: chosen, renamed, written when they change; points that
// come as a whole; commits on the way.
#include "sampling/instance.h"

#include <gmock/gmock.h>

#include <array>
#include <cmath>

#include "point/point.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Act = std::function<Result<void>(const SampleContext&, Output&)>;

class ScriptedDriver final : public Driver {
 public:
  explicit ScriptedDriver(Act act) : act_(std::move(act)) {}
  Result<void> sample(const SampleContext& context, Output& out) override { return act_(context, out); }

 private:
  const Act act_;
};

class Observer final : public SampleObserver {
 public:
  void availability(std::string_view, std::string_view, bool, std::string_view, BootTime) override {}
  void value(std::string_view, std::string_view metric, std::span<const Tag>, double value,
             BootTime) override {
    seen.push_back(std::string(metric) + " " + std::to_string(std::lround(value)));
  }
  std::vector<std::string> seen;
};

class InstanceTest : public testing::Test {
 protected:
  void make(Act act) {
    options_.every = 10s;
    instance_.emplace(
        options_, EquipmentIdentity{"1", "", "other", ""}, format_,
        std::make_unique<ScriptedDriver>(std::move(act)), clock_, timeline_,
        [this](ClockState clock, const LineWriter::Lines& lines) {
          (clock == ClockState::set ? set_ : unset_) += lines.text;
        },
        &observer_,
        [this](std::span<const NewSegment> segments) -> Result<void> {
          for (const NewSegment& segment : segments) committed_ += segment.lines;
          commits_.push_back(segments.size());
          return commit_result_;
        });
  }
  // One metric with this value, the tag core=0.
  void reads(double value) { value_ = value; }
  void make_reader() {
    make([this](const SampleContext&, Output& out) -> Result<void> {
      const std::array values = {Value{"temperature", "celsius", value_}};
      const std::array tags = {Tag{"core", "0"}};
      out.add(Sample{.measurement = "m", .tags = tags, .values = values});
      return {};
    });
  }
  // Runs once, 10 s after the run before; what was written.
  std::string run() {
    set_.clear();
    unset_.clear();
    clock_.advance(10s);
    EXPECT_TRUE(instance_->begin(clock_.boot()));
    instance_->run({});
    return set_;
  }
  bool writes(double value) {
    reads(value);
    return !run().empty();
  }

  FakeClock clock_;
  Timeline timeline_{clock_};
  WireFormat format_{.native = true, .site_id = "12"};
  InstanceOptions options_{.name = "1/m", .driver = "m"};
  Observer observer_;
  std::optional<Instance> instance_;
  std::string set_, unset_, committed_;
  std::vector<std::size_t> commits_;
  Result<void> commit_result_;
  double value_ = 0;
};

Result<void> three_metrics(const SampleContext&, Output& out) {
  const std::array values = {Value{"a_x", "x", 1.0}, Value{"a_y", "y", 2.0}, Value{"b_x", "bx", 3.0}};
  out.add(Sample{.measurement = "m", .values = values});
  return {};
}

TEST_F(InstanceTest, OnlyAndExceptChooseMetricsByPattern) {
  options_.metrics = {.only = {"a_*", "b_x"}, .except = {"*_y"}, .rename = {}};
  make(three_metrics);
  EXPECT_THAT(run(), HasSubstr(" x=1,bx=3 "));
  EXPECT_THAT(observer_.seen, ElementsAre("a_x 1", "b_x 3"));
}

TEST_F(InstanceTest, RenamedMetricsHaveTheirNewNameEverywhere) {
  options_.metrics.rename = {{"a_x", "inlet"}};
  make(three_metrics);
  EXPECT_THAT(run(), HasSubstr(" inlet=1,y=2,bx=3 "));
  EXPECT_THAT(observer_.seen, ElementsAre("inlet 1", "a_y 2", "b_x 3"));
  format_.native = false;
  make(three_metrics);
  EXPECT_THAT(run(), HasSubstr("metric_name=inlet,site_id=12 value=1 "));
}

TEST_F(InstanceTest, NothingIsWrittenWhenNothingIsChosen) {
  options_.metrics.only = {"nothing"};
  make(three_metrics);
  EXPECT_EQ(run(), "");
  EXPECT_EQ(instance_->status().points, 0u);
}

TEST_F(InstanceTest, AlwaysWritesEveryReading) {
  make_reader();
  EXPECT_TRUE(writes(20));
  EXPECT_TRUE(writes(20));
}

TEST_F(InstanceTest, OnChangeWritesWhatLeftTheDeadbandAndLimitsSeeAll) {
  options_.report = {.on_change = true, .deadband = 0.5, .deadbands = {}};
  make_reader();
  EXPECT_TRUE(writes(20)) << "the first one";
  EXPECT_FALSE(writes(20.5)) << "not more than the deadband";
  EXPECT_TRUE(writes(20.51));
  EXPECT_FALSE(writes(20.1)) << "held against the last one written, not the last one read";
  EXPECT_FALSE(writes(NAN));
  EXPECT_TRUE(writes(20));
  EXPECT_EQ(observer_.seen.size(), 6u);
}

TEST_F(InstanceTest, ADeadbandOfItsOwnBeatsTheCommonOne) {
  options_.report = {.on_change = true, .deadband = 0.5, .deadbands = {{"temperature", 5}}};
  make_reader();
  EXPECT_TRUE(writes(20));
  EXPECT_FALSE(writes(25));
  EXPECT_TRUE(writes(26));
}

TEST_F(InstanceTest, ChangesComeNoMoreOftenThanAtMostEvery) {
  options_.report = {.on_change = true, .deadbands = {}, .at_most_every = 30s};
  make_reader();
  EXPECT_TRUE(writes(1));
  EXPECT_FALSE(writes(2));
  EXPECT_FALSE(writes(3));
  EXPECT_TRUE(writes(4)) << "30 s after the first";
  EXPECT_FALSE(writes(4));
}

TEST_F(InstanceTest, AtLeastEveryWritesWithoutAChange) {
  options_.report = {.on_change = true, .deadbands = {}, .at_least_every = 20s};
  make_reader();
  EXPECT_TRUE(writes(1));
  EXPECT_FALSE(writes(1));
  EXPECT_TRUE(writes(1));
  EXPECT_FALSE(writes(1));
}

TEST_F(InstanceTest, SeriesAreToldApartByTheirTags) {
  options_.report.on_change = true;
  make([](const SampleContext&, Output& out) -> Result<void> {
    for (const char* core : {"0", "1"}) {
      const std::array values = {Value{"t", "t", std::string_view(core)}};
      const std::array tags = {Tag{"core", core}};
      out.add(Sample{.measurement = "m", .tags = tags, .values = values});
    }
    return {};
  });
  EXPECT_THAT(run(), testing::AllOf(HasSubstr("core=0"), HasSubstr("core=1")));
  EXPECT_EQ(run(), "") << "texts that have not changed";
}

TEST_F(InstanceTest, PointsOfAProgramGetTheTagsOfTheLayoutAndKeepTheirTime) {
  options_.tags = {{"hall", "B"}};
  make([](const SampleContext&, Output& out) -> Result<void> {
    EXPECT_TRUE(out.add_point(Point{"press", {{"part", "7"}}, {{"force", 2.5}}, {}}, PointOrigin::here));
    EXPECT_TRUE(
        out.add_point(Point{"press", {}, {{"force", 3.5}}, 1'793'491'200'000'000'000}, PointOrigin::here));
    return {};
  });
  const std::string tags = "equipment_id=1,hall=B,";
  const std::string written = run();
  EXPECT_EQ(written, "press," + tags + "part=7,site_id=12 force=2.5 " + std::to_string(to_ns(clock_.wall())) +
                         "\npress," + tags + "site_id=12 force=3.5 1793491200000000000\n");
  EXPECT_THAT(observer_.seen, ElementsAre("press_force 3")) << "limits speak of what is now";
  EXPECT_EQ(instance_->status().points, 2u);
}

TEST_F(InstanceTest, TimesThatCameWithAPointAreOfTheWallClockWhileOursIsUnset) {
  clock_.set_wall_is_set(false);
  make([](const SampleContext&, Output& out) -> Result<void> {
    EXPECT_TRUE(out.add_point(Point{"press", {}, {{"force", 2.5}}, {}}, PointOrigin::here));
    EXPECT_TRUE(
        out.add_point(Point{"press", {}, {{"force", 3.5}}, 1'793'491'200'000'000'000}, PointOrigin::here));
    const std::array values = {Value{"v", "v", 1.0}};
    out.add(
        Sample{.measurement = "m", .values = values, .wall_time = wall_from_ns(1'793'491'200'000'000'001)});
    return {};
  });
  run();
  EXPECT_THAT(unset_, HasSubstr("force=2.5 "));
  EXPECT_THAT(set_, HasSubstr("force=3.5 1793491200000000000\n"));
  EXPECT_THAT(set_, HasSubstr("v=1 1793491200000000001\n"));
}

TEST_F(InstanceTest, PointsOfAnotherAgentGoOnAsTheyAre) {
  make([](const SampleContext&, Output& out) -> Result<void> {
    const Point point{
        "equipment_status_changes", {{"equipment_id", "9"}}, {{"change_event", std::int64_t{1}}}, 5};
    EXPECT_TRUE(out.add_point(point, PointOrigin::agent));
    EXPECT_FALSE(out.add_point(point, PointOrigin::here)) << "nobody but the agent writes those of this site";
    EXPECT_FALSE(out.add_point(Point{"", {}, {{"x", 1.0}}, 5}, PointOrigin::agent));
    EXPECT_FALSE(out.add_point(Point{"m", {}, {{"x", NAN}}, 5}, PointOrigin::agent));
    return {};
  });
  EXPECT_EQ(run(), "equipment_status_changes,equipment_id=9 change_event=1i 5\n");
  EXPECT_THAT(observer_.seen, IsEmpty());
}

TEST_F(InstanceTest, CommitHandsOnWhatWasAddedSoFarAndTheRestFollows) {
  make([this](const SampleContext& context, Output& out) -> Result<void> {
    const std::array values = {Value{"v", "v", 1.0}};
    out.add(Sample{.measurement = "first", .values = values});
    EXPECT_TRUE(
        out.add_point(Point{"dated", {}, {{"x", 1.0}}, 1'793'491'200'000'000'000}, PointOrigin::here));
    EXPECT_TRUE(out.commit());
    commit_result_ = Error{ErrorKind::full, "the log is full"};
    EXPECT_EQ(out.commit().error().kind, ErrorKind::full);
    commit_result_ = {};
    (void)context;
    out.add(Sample{.measurement = "last", .values = values});
    return {};
  });
  EXPECT_THAT(run(), HasSubstr("last,equipment_id=1"));
  EXPECT_THAT(set_, testing::Not(HasSubstr("first")));
  EXPECT_THAT(committed_, testing::AllOf(HasSubstr("first,"), HasSubstr("dated,")));
  EXPECT_THAT(commits_, ElementsAre(2u, 0u));
  EXPECT_EQ(instance_->status().points, 3u);
}

}  // namespace
}  // namespace vigile
