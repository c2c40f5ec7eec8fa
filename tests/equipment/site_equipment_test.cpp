// SPDX-License-Identifier: Apache-2.0
#include "equipment/site_equipment.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "core/clock.h"
#include "equipment/log_readings.h"
#include "support/fake_clock.h"
#include "support/memory_history.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class SiteEquipmentTest : public testing::Test {
 protected:
  SiteEquipmentTest() {
    const auto stamp = [this] { return now(); };
    WatchedSite site{.format = {.site_id = "12"}, .equipment = {}};
    site.equipment.push_back({.identity = {"1", "Serveur", "server", ""},
                              .rules = {.limits = {{.metric = "temperature", .above = 80}}}});
    site.equipment.push_back({.identity = {"2", "Other", "pc", ""}});
    directory_ = std::make_unique<EquipmentDirectory>(
        std::move(site), stamp,
        [this](const StatusChange& change, const std::string& line, ClockState clock) {
          NewSegment segment{
              .clock = clock, .first_ns = change.time_ns, .last_ns = change.time_ns, .points = 1};
          segment.lines = line;
          segment.changes.push_back(change);
          waiting_.push_back(std::move(segment));
        });
    readings_ = std::make_unique<LogReadings>(history_, MetricNamer());
    keeper_ = std::make_unique<SummaryKeeper>(history_, clock_, MetricNamer());
    equipment_ = std::make_unique<SiteEquipment>(SiteEquipmentParts{
        .directory = *directory_,
        .history = history_,
        .readings = *readings_,
        .keeper = *keeper_,
        .namer = {},
        .stamp = stamp,
        .site_id = [] { return std::string("12"); },
        .commit = [this](std::span<const NewSegment> lines) { return commit(lines); },
        .server_readings = [](const std::string& sink) -> Result<std::unique_ptr<ReadingSource>> {
          return Error{ErrorKind::config, "from: no influx sink \"" + sink + "\""};
        },
    });
  }

  Stamp now() const {
    const bool set = clock_.wall_is_set();
    return {set ? ClockState::set : ClockState::unset, clock_.boot(),
            set ? to_ns(clock_.wall()) : to_ns(clock_.boot())};
  }
  // As the committer does it: all that waits, then `lines`; or nothing.
  Result<void> commit(std::span<const NewSegment> lines) {
    for (const NewSegment& segment : lines) waiting_.push_back(segment);
    if (refusal_) return *refusal_;
    for (NewSegment& segment : waiting_) {
      history_.add(segment.lines, segment.first_ns, segment.last_ns, segment.clock);
      for (const StatusChange& change : segment.changes) history_.add_change(change);
      committed_.push_back(std::move(segment));
    }
    waiting_.clear();
    return {};
  }
  std::string record(RecordedMetric metric) { return message(equipment_->record_metrics("1", {metric})); }
  std::string record(Point point) { return message(equipment_->record_points("1", {std::move(point)})); }
  template <class T>
  static std::string message(const Result<T>& result) {
    return result ? "" : result.error().message;
  }
  std::string committed_lines() const {
    std::string all;
    for (const NewSegment& segment : committed_) all += segment.lines;
    return all;
  }
  Status status() const { return directory_->find("1")->status; }
  std::int64_t wall_ns() const { return to_ns(clock_.wall()); }

  FakeClock clock_;
  MemoryHistory history_;
  std::optional<Error> refusal_;
  std::vector<NewSegment> waiting_;
  std::vector<NewSegment> committed_;
  std::unique_ptr<EquipmentDirectory> directory_;
  std::unique_ptr<LogReadings> readings_;
  std::unique_ptr<SummaryKeeper> keeper_;
  std::unique_ptr<SiteEquipment> equipment_;
};

TEST_F(SiteEquipmentTest, WhatIsRecordedIsAnswered) {
  EXPECT_EQ(record({.metric = "temperature", .value = 25.5, .tags = {{"probe", "a"}}}), "");
  clock_.advance(10s);
  const auto page = equipment_->get_equipment_metrics(
      {.equipment_id = "1", .span = {wall_ns() - 60'000'000'000, wall_ns()}}, {});
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_THAT(page->rows, SizeIs(1));
  EXPECT_EQ(page->rows[0].metric, "temperature");
  EXPECT_EQ(page->rows[0].value, 25.5);
  EXPECT_EQ(page->rows[0].time_ns, wall_ns() - 10'000'000'000);
  EXPECT_THAT(page->rows[0].tags, ElementsAre(std::pair<std::string, std::string>("probe", "a")));
}

TEST_F(SiteEquipmentTest, WhileTheClockIsUnsetOurTimesAreOfTheBootAndTheirsOfTheWall) {
  clock_.set_wall_is_set(false);
  const std::int64_t theirs = wall_ns() - 3'000'000'000;
  ASSERT_TRUE(equipment_->record_metrics(
      "1", {{.metric = "a", .value = 1}, {.metric = "b", .value = 2, .time_ns = theirs}}));
  // The first reading makes it online: a change, stamped as the first line is.
  ASSERT_THAT(committed_, SizeIs(3));
  EXPECT_THAT(committed_[0].changes, SizeIs(1));
  EXPECT_EQ(committed_[0].clock, ClockState::unset);
  EXPECT_EQ(committed_[1].clock, ClockState::unset);
  EXPECT_EQ(committed_[1].first_ns, to_ns(clock_.boot()));
  EXPECT_THAT(committed_[1].lines, HasSubstr("metric_name=a"));
  EXPECT_EQ(committed_[2].clock, ClockState::set) << "its time needs no repair";
  EXPECT_EQ(committed_[2].first_ns, theirs);
  EXPECT_EQ(committed_[2].last_ns, theirs);
  EXPECT_THAT(committed_[2].lines, HasSubstr("metric_name=b"));
}

TEST_F(SiteEquipmentTest, PointsWithATimeOfTheirOwnKeepIt) {
  const std::int64_t first = wall_ns() - 7'200'000'000'000;
  ASSERT_TRUE(equipment_->record_metrics("1", {{.metric = "a", .value = 1, .time_ns = first + 5},
                                               {.metric = "a", .value = 2, .time_ns = first}}));
  ASSERT_THAT(committed_, SizeIs(1)) << "and say nothing of what is now: the status stays";
  EXPECT_EQ(committed_[0].first_ns, first);
  EXPECT_EQ(committed_[0].last_ns, first + 5);
  EXPECT_EQ(committed_[0].points, 2u);
  EXPECT_EQ(status(), Status::unknown);
}

TEST_F(SiteEquipmentTest, ARefusedCommitIsAnError) {
  refusal_ = Error{ErrorKind::full, "the log has reached its max_size"};
  EXPECT_THAT(record({.metric = "a", .value = 1}), AllOf(HasSubstr("not committed"), HasSubstr("max_size")));
  EXPECT_THAT(record(Point{"m", {}, {{"v", 1.0}}, {}}), HasSubstr("max_size"));
  EXPECT_THAT(message(equipment_->record_availability("1", true, 5, "")), HasSubstr("max_size"));
  EXPECT_THAT(message(equipment_->record_performance("1", 5, {}, {})), HasSubstr("max_size"));
  const auto changed = equipment_->record_status_change("1", Status::maintenance, "", {});
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().kind, ErrorKind::full);
  EXPECT_THAT(committed_, IsEmpty());
}

TEST_F(SiteEquipmentTest, LimitsSpeakOfWhatIsRecordedHoweverItComes) {
  EXPECT_EQ(record({.metric = "temperature", .value = 90}), "");
  EXPECT_EQ(status(), Status::warning);
  EXPECT_EQ(record(Point{"equipment_metrics", {{"metric_name", "temperature"}}, {{"value", 20.0}}, {}}), "");
  EXPECT_EQ(status(), Status::online) << "line protocol counts as much";
  EXPECT_EQ(
      record(Point{"equipment_metrics", {{"metric_name", "temperature"}}, {{"value", 95.0}}, wall_ns()}), "");
  EXPECT_EQ(status(), Status::online) << "what has a time is told of the past";
  ASSERT_TRUE(equipment_->record_availability("1", false, {}, "unplugged"));
  EXPECT_EQ(status(), Status::offline);
  ASSERT_TRUE(equipment_->record_availability("1", true, 12.5, ""));
  EXPECT_EQ(status(), Status::online);
  EXPECT_THAT(committed_lines(), HasSubstr("response_time_ms=12.5"));
}

TEST_F(SiteEquipmentTest, AChangeOfThePastCountsAndLeavesTheStatusOfNow) {
  ASSERT_TRUE(equipment_->record_availability("1", true, {}, ""));
  constexpr std::int64_t kMinute = 60'000'000'000;
  const std::int64_t now_ns = wall_ns();
  const std::map<std::string, std::string> tags = {{"simulated", "true"}};
  ASSERT_TRUE(equipment_->record_past_status("1", Status::online, "begins", now_ns - 50 * kMinute, tags));
  ASSERT_TRUE(equipment_->record_past_status("1", Status::offline, "outage", now_ns - 20 * kMinute, tags));
  const auto state = equipment_->record_past_status("1", Status::online, "back", now_ns - 10 * kMinute, tags);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->status, Status::online);
  const auto report =
      equipment_->calculate_availability("1", {now_ns - 40 * kMinute, now_ns}, AvailabilityOptions{}, {});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->availability_percent, 75);
  EXPECT_THAT(committed_lines(), HasSubstr("new_status=offline,old_status=online,simulated=true,site_id=12 "
                                           "status_value=0,change_event=1i,reason=\"outage\" " +
                                           std::to_string(now_ns - 20 * kMinute)));
  const auto refused = [&](std::int64_t time_ns, const std::map<std::string, std::string>& with) {
    return message(equipment_->record_past_status("1", Status::offline, "", time_ns, with));
  };
  EXPECT_THAT(refused(now_ns + kMinute, {}), HasSubstr("time: must be in the past"));
  EXPECT_THAT(refused(now_ns - kMinute, {{"equipment_id", "9"}}), HasSubstr("equipment_id"));
  EXPECT_EQ(status(), Status::online);
}

TEST_F(SiteEquipmentTest, OfSeveralWrongOnesTheFirstIsNamedAndNothingRecorded) {
  const auto recorded = equipment_->record_metrics(
      "1", {{.metric = "a", .value = 1}, {.metric = "b", .value = std::nan("")}, {.metric = "", .value = 1}});
  ASSERT_FALSE(recorded);
  EXPECT_EQ(recorded.error().kind, ErrorKind::config);
  EXPECT_THAT(recorded.error().message, StartsWith("[1].value: of \"b\" is not a finite number"));
  EXPECT_THAT(committed_, IsEmpty());
  EXPECT_THAT(waiting_, IsEmpty());
}

TEST_F(SiteEquipmentTest, MetricsThatCannotArriveAsMeantAreRefused) {
  const std::string kLong(257, 'x');
  EXPECT_THAT(record({.metric = "a\nb", .value = 1}), HasSubstr("metric_name: has control characters"));
  EXPECT_THAT(record({.metric = kLong, .value = 1}), HasSubstr("metric_name: has 257 bytes"));
  EXPECT_THAT(record({.metric = "a", .value = std::numeric_limits<double>::infinity()}), HasSubstr("finite"));
  EXPECT_THAT(record({.metric = "a", .value = 1, .tags = {{"", "x"}}}), StartsWith("tags: expected a name"));
  EXPECT_THAT(record({.metric = "a", .value = 1, .tags = {{"k", "x\ty"}}}), StartsWith("tags.k: "));
  EXPECT_THAT(record({.metric = "a", .value = 1, .tags = {{"equipment_id", "2"}}}),
              StartsWith("tags.equipment_id: is \"2\", and this is equipment \"1\""));
  EXPECT_THAT(record({.metric = "a", .value = 1, .tags = {{"metric_name", "b"}}}),
              StartsWith("tags.metric_name: "));
  EXPECT_THAT(record({.metric = "a", .value = 1, .tags = {{"time", "1"}, {"time_", "2"}}}),
              StartsWith("tags.time_: stands twice as it is written"));
  EXPECT_THAT(record({.metric = "a", .value = 1, .tags = {{"k", "\xff"}}}),
              StartsWith("tags.k: is not text in UTF-8"));
  EXPECT_THAT(record({.metric = "a", .value = 1, .additional_fields = {{"time", 1.0}, {"time_", 1.0}}}),
              StartsWith("additional_fields.time_: stands twice as it is written"));
  EXPECT_THAT(record({.metric = "a", .value = 1, .additional_fields = {{"value", 1.0}}}),
              StartsWith("additional_fields.value: "));
  EXPECT_THAT(committed_, IsEmpty());
  EXPECT_EQ(record({.metric = "a", .value = 1, .tags = {{"equipment_id", "1"}, {"metric_name", "a"}}}), "");
}

TEST_F(SiteEquipmentTest, TimesThatAreNotMeantAreRefused) {
  const auto at = [&](std::int64_t time_ns) {
    return record({.metric = "a", .value = 1, .time_ns = time_ns});
  };
  EXPECT_THAT(at(wall_ns() / 1'000'000'000), AllOf(StartsWith("time: "), HasSubstr("another unit")));
  EXPECT_THAT(at(wall_ns() / 1'000), HasSubstr("another unit"));
  EXPECT_THAT(at(-1), HasSubstr("another unit"));
  EXPECT_THAT(at(std::numeric_limits<std::int64_t>::min()), HasSubstr("another unit"));
  EXPECT_THAT(at(std::numeric_limits<std::int64_t>::max()), HasSubstr("is to come"));
  EXPECT_THAT(at(wall_ns() + 601'000'000'000), HasSubstr("is to come"));
  EXPECT_THAT(record(Point{"m", {}, {{"v", 1.0}}, 5}), StartsWith("point 1 (m): time: "));
  EXPECT_EQ(at(wall_ns() + 599'000'000'000), "");
  EXPECT_EQ(at(wall_ns() - std::chrono::nanoseconds(90 * 24h).count()), "");
}

TEST_F(SiteEquipmentTest, PointsThatWouldSpoilOthersAreRefused) {
  EXPECT_THAT(record(Point{"m", {{"equipment_id", "2"}}, {{"v", 1.0}}, {}}),
              StartsWith("point 1 (m): tags.equipment_id: is \"2\", and this is equipment \"1\""));
  EXPECT_THAT(record(Point{"m", {}, {{"v", std::nan("")}}, {}}), HasSubstr("none of its fields"));
  EXPECT_THAT(record(Point{"equipment_status_changes", {}, {{"v", 1.0}}, {}}), HasSubstr("the agent alone"));
  EXPECT_THAT(record(Point{"agent_gaps", {}, {{"v", 1.0}}, {}}), HasSubstr("the agent alone"));
  const auto metric = [](FieldValue value) {
    return Point{"equipment_metrics", {{"metric_name", "q"}}, {{"value", std::move(value)}}, {}};
  };
  // A server takes the type of a field from the first that comes.
  EXPECT_THAT(record(metric(std::string("s"))), HasSubstr("its field value is no number"));
  EXPECT_THAT(record(metric(true)), HasSubstr("its field value is no number"));
  EXPECT_THAT(record(Point{"equipment_metrics", {}, {{"value", 1.0}}, {}}),
              HasSubstr("metric_name is missing"));
  EXPECT_THAT(record(Point{"equipment_metrics", {{"metric_name", "q"}}, {{"v", 1.0}}, {}}),
              HasSubstr("its field value is missing"));
  EXPECT_THAT(record(Point{"m", {}, {{"v", 1.0}, {"n", UINT64_MAX}}, {}}),
              StartsWith("point 1 (m): fields.n: is past 9223372036854775807"));
  EXPECT_THAT(record(Point{"m", {{"a", "1"}, {"a", "2"}}, {{"v", 1.0}}, {}}),
              HasSubstr("its tag \"a\" stands twice"));
  EXPECT_THAT(record(Point{"m", {}, {{"time", 1.0}, {"time_", 1.0}}, {}}),
              HasSubstr("its field \"time_\" stands twice"));
  EXPECT_THAT(record(Point{"m", {{"a", "\xff"}}, {{"v", 1.0}}, {}}),
              HasSubstr("tags.a: is not text in UTF-8"));
  EXPECT_THAT(committed_, IsEmpty());
  EXPECT_EQ(record(metric(std::int64_t{7})), "");
  EXPECT_THAT(committed_lines(), HasSubstr(" value=7 "));
  const auto many = equipment_->record_points("1", {Point{"m", {}, {{"v", 1.0}}, {}}, metric(true)});
  EXPECT_THAT(message(many), StartsWith("point 2 (equipment_metrics): "));
}

TEST_F(SiteEquipmentTest, UnknownEquipmentAndUnknownSinksAreSaid) {
  const auto metric = equipment_->record_metrics("9", {{.metric = "a", .value = 1}});
  ASSERT_FALSE(metric);
  EXPECT_EQ(metric.error().kind, ErrorKind::not_found);
  EXPECT_THAT(metric.error().message, HasSubstr("there is 1, 2"));
  EXPECT_FALSE(equipment_->record_points("9", {}));
  EXPECT_FALSE(equipment_->record_availability("9", true, {}, ""));
  EXPECT_FALSE(equipment_->record_status_change("9", Status::online, "", {}));
  EXPECT_FALSE(equipment_->get_status_history("9", {0, 1}, {}));
  EXPECT_FALSE(equipment_->calculate_availability("9", {0, 1}, {}, {}));
  EXPECT_THAT(message(equipment_->get_performance_stats("1", {}, {0, 1}, {"central"})), HasSubstr("central"));
  EXPECT_THAT(message(equipment_->record_performance("1", {}, {}, {})), HasSubstr("at least one"));
  EXPECT_THAT(message(equipment_->record_availability("1", true, -1, "")), HasSubstr("response_time"));
}

TEST_F(SiteEquipmentTest, AvailabilityAndHistoryOfWhatWasRecordedByHand) {
  const std::int64_t start = wall_ns();
  ASSERT_TRUE(equipment_->record_availability("1", true, {}, ""));
  clock_.advance(60s);
  ASSERT_TRUE(equipment_->record_availability("1", false, {}, "unplugged"));
  clock_.advance(20s);
  ASSERT_TRUE(equipment_->record_availability("1", true, {}, ""));
  clock_.advance(20s);
  ASSERT_TRUE(equipment_->record_status_change("1", Status::maintenance, "oil", wall_ns() + 1'000'000'000));
  clock_.advance(10s);
  const TimeSpan span{start, wall_ns()};
  const auto report = equipment_->calculate_availability("1", span, {}, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_DOUBLE_EQ(report->availability_percent.value_or(-1), 80);
  EXPECT_EQ(report->outages, 1u);
  const auto history = equipment_->get_status_history("1", span, {});
  ASSERT_TRUE(history);
  ASSERT_THAT(*history, SizeIs(4));
  EXPECT_EQ((*history)[1].reason, "api: unplugged");
}

TEST_F(SiteEquipmentTest, ReasonsAreOneLineOfBoundedLength) {
  EXPECT_THAT(message(equipment_->record_availability("1", false, {}, std::string(5000, 'x'))),
              StartsWith("reason: has 5000 bytes"));
  EXPECT_THAT(message(equipment_->record_status_change("1", Status::offline, std::string(5000, 'x'), {})),
              StartsWith("reason: has 5000 bytes"));
  ASSERT_TRUE(equipment_->record_status_change("1", Status::maintenance, "oil\nchange\x1b[31m", {}));
  EXPECT_EQ(directory_->find("1")->reason, "oil change [31m");
  EXPECT_EQ(committed_.back().changes.front().reason, "oil change [31m");
  EXPECT_THAT(committed_lines(), HasSubstr("reason=\"oil change [31m\""));
}

TEST_F(SiteEquipmentTest, AnOutageLastsWhenNothingHasChangedSinceTheQuestion) {
  const std::int64_t start = wall_ns();
  ASSERT_TRUE(equipment_->record_availability("1", false, {}, "unplugged"));
  clock_.advance(60s);
  const TimeSpan asked{start, wall_ns()};
  clock_.advance(5ms);  // until it is answered
  auto report = equipment_->calculate_availability("1", asked, {}, {});
  ASSERT_THAT(report->downtime, SizeIs(1));
  EXPECT_EQ(report->downtime[0].to_ns, std::nullopt);
  EXPECT_EQ(report->downtime[0].down_ns, 60'000'000'000);
  ASSERT_TRUE(equipment_->record_availability("1", true, {}, ""));
  report = equipment_->calculate_availability("1", asked, {}, {});
  EXPECT_EQ(report->downtime[0].to_ns, asked.to_ns) << "it has ended since";
  clock_.advance(10min);
  report = equipment_->calculate_availability("1", {start, wall_ns() - 300'000'000'000}, {}, {});
  EXPECT_EQ(report->downtime[0].to_ns, asked.to_ns + 5'000'000);
}

TEST_F(SiteEquipmentTest, AnOutageThatBeganInTheSpanAndWasDecidedAfterItIsInTheAnswer) {
  const std::int64_t start = wall_ns();
  ASSERT_TRUE(equipment_->record_availability("1", true, {}, ""));
  const std::int64_t began = start + 100'000'000'000;
  history_.add_change({.equipment_id = "1",
                       .time_ns = began + 20'000'000'000,
                       .old_status = "online",
                       .new_status = "offline",
                       .reason = "1/http: timeout",
                       .decided_after_ns = 20'000'000'000});
  const std::int64_t back = began + 60'000'000'000;
  history_.add_change(
      {.equipment_id = "1", .time_ns = back, .old_status = "offline", .new_status = "online"});
  clock_.advance(1h);
  const TimeSpan asked{start, began + 5'000'000'000};
  const auto report = equipment_->calculate_availability("1", asked, {}, {});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->down_ns, 5'000'000'000);
  const auto history = equipment_->get_status_history("1", asked, {});
  ASSERT_TRUE(history);
  ASSERT_THAT(*history, SizeIs(2));
  EXPECT_EQ((*history)[0].to_ns, began);
  EXPECT_EQ((*history)[1].from_ns, began);
  EXPECT_EQ((*history)[1].decided_ns, began + 20'000'000'000);
  EXPECT_EQ((*history)[1].to_ns, back);
}

TEST_F(SiteEquipmentTest, WhatHeldAtTheEdgesOfASpanIsToldWhole) {
  const std::int64_t start = wall_ns();
  ASSERT_TRUE(equipment_->record_availability("1", true, {}, ""));
  ASSERT_TRUE(history_.add_gap({start + 1'000, start + 2'000}));
  clock_.advance(1h);
  ASSERT_TRUE(equipment_->record_availability("1", false, {}, ""));
  clock_.advance(9 * 24h);
  ASSERT_TRUE(history_.add_gap({wall_ns() - 500, wall_ns()}));
  const std::int64_t back = wall_ns();
  ASSERT_TRUE(equipment_->record_availability("1", true, {}, ""));
  const auto history = equipment_->get_status_history("1", {start + 5'000, start + 3'700'000'000'000}, {});
  ASSERT_TRUE(history);
  ASSERT_THAT(*history, SizeIs(2));
  EXPECT_EQ((*history)[0].from_ns, start);
  EXPECT_EQ((*history)[0].unwatched_ns, 1'000) << "also before the span";
  EXPECT_EQ((*history)[1].to_ns, back) << "it has ended long since";
  EXPECT_EQ((*history)[1].unwatched_ns, 500);
}

}  // namespace
}  // namespace vigile
