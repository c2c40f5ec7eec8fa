// SPDX-License-Identifier: Apache-2.0
// Limits on single series, and limits on what nothing makes.
#include <gmock/gmock.h>

#include "equipment/directory.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

LimitRule above(double limit, std::map<std::string, std::string> tags = {},
                std::string metric = "disk_usage") {
  return {.metric = std::move(metric), .tags = std::move(tags), .above = limit};
}

class SeriesLimits : public testing::Test {
 protected:
  void start(std::vector<LimitRule> limits) {
    StatusRules rules{.limits = std::move(limits), .longest_interval = 30s};
    directory_ = std::make_unique<EquipmentDirectory>(
        WatchedSite{.format = {},
                    .equipment = {{.identity = {"1", "", "pc", ""}, .rules = std::move(rules)}}},
        [this] {
          return Stamp{ClockState::set, clock_.boot(), to_ns(clock_.wall())};
        },
        [](const StatusChange&, const std::string&, ClockState) {});
  }
  Status read(std::string_view mount, double value, std::string_view metric = "disk_usage") {
    const Tag tags[] = {{"mount", mount}, {"device", "sda1"}};
    directory_->value("1", metric, tags, value, clock_.boot());
    return directory_->find("1")->status;
  }

  FakeClock clock_;
  std::unique_ptr<EquipmentDirectory> directory_;
};

TEST_F(SeriesLimits, ALimitWithTagsIsForTheSeriesThatHaveThem) {
  start({above(90, {{"mount", "/data"}})});
  EXPECT_EQ(read("/", 99), Status::online);
  EXPECT_EQ(read("/data", 89), Status::online);
  EXPECT_EQ(read("/data", 91), Status::warning);
  EXPECT_EQ(directory_->find("1")->reason, "disk_usage device=sda1 mount=/data is 91, above 90");
}

TEST_F(SeriesLimits, ItTakesThePlaceOfTheLimitForAll) {
  start({above(50), above(95, {{"mount", "/data"}, {"device", "sda1"}})});
  EXPECT_EQ(read("/data", 94), Status::online);
  EXPECT_EQ(read("/", 51), Status::warning);
  EXPECT_EQ(read("/", 49), Status::online);
  EXPECT_EQ(read("/data", 96), Status::warning);
}

TEST_F(SeriesLimits, ALimitThatHasJudgedNothingIsReported) {
  start({above(90), above(1, {}, "disk_usde"), above(5, {{"mount", "/dta"}})});
  EXPECT_THAT(directory_->idle_limits(), IsEmpty()) << "nothing was read yet";
  read("/", 1);
  clock_.advance(29s);
  EXPECT_THAT(directory_->idle_limits(), IsEmpty()) << "its turn may come";
  clock_.advance(1s);
  EXPECT_THAT(
      directory_->idle_limits(),
      ElementsAre(
          "equipment 1: the limit on disk_usde has judged nothing yet: no reading of disk_usde has come",
          "equipment 1: the limit on disk_usage{mount=/dta} has judged nothing yet: its readings "
          "have other tags, as device=sda1 mount=/"));
  const Tag none[] = {{"mount", "/"}};
  directory_->value("1", "disk_usde", std::span(none).first(0), 1, clock_.boot());
  EXPECT_EQ(directory_->idle_limits().size(), 1u);
}

TEST_F(SeriesLimits, ALimitForAllMayLeaveEverySeriesToLimitsOfTheirOwn) {
  start({above(90), above(95, {{"mount", "/"}})});
  read("/", 1);
  clock_.advance(30s);
  EXPECT_THAT(directory_->idle_limits(), IsEmpty());
}

}  // namespace
}  // namespace vigile
