// SPDX-License-Identifier: Apache-2.0
#include "equipment/directory.h"

#include <gmock/gmock.h>

#include <array>
#include <limits>
#include <thread>

#include "count_allocations.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

WatchedEquipment equipment(std::string id, StatusRules rules = {}) {
  return {.identity = {id, "name of " + id, "server", ""}, .rules = std::move(rules)};
}

class DirectoryTest : public ::testing::Test {
 protected:
  void start(std::vector<WatchedEquipment> all) {
    directory_ = std::make_unique<EquipmentDirectory>(
        WatchedSite{.format = {.site_id = "12"}, .equipment = std::move(all)}, [this] { return stamp(); },
        [this](const StatusChange& change, const std::string& line, ClockState clock) {
          changes_.push_back(change);
          lines_.push_back(line);
          clocks_.push_back(clock);
        });
  }
  void replace(std::vector<WatchedEquipment> all) {
    directory_->replace({.format = {.site_id = "12"}, .equipment = std::move(all)});
  }
  Stamp stamp() const {
    const bool set = clock_.wall_is_set();
    return {.clock = set ? ClockState::set : ClockState::unset,
            .boot = clock_.boot(),
            .now_ns = set ? to_ns(clock_.wall()) : to_ns(clock_.boot())};
  }
  std::int64_t wall_ns() const { return to_ns(clock_.wall()); }

  void read(std::string_view id, std::string_view metric, double value, std::vector<Tag> tags = {}) {
    directory_->value(id, metric, tags, value, clock_.boot());
  }
  void say(std::string_view id, std::string_view source, bool up) {
    directory_->availability(id, source, up, up ? "" : "timeout", clock_.boot());
  }
  Status status(std::string_view id) const { return directory_->find(id)->status; }
  // What changed since the last call: "1 online>offline".
  std::vector<std::string> changes() {
    std::vector<std::string> texts;
    for (const StatusChange& change : std::exchange(changes_, {})) {
      texts.push_back(change.equipment_id + " " + change.old_status + ">" + change.new_status);
    }
    return texts;
  }

  FakeClock clock_;
  std::vector<StatusChange> changes_;
  std::vector<std::string> lines_;
  std::vector<ClockState> clocks_;
  std::unique_ptr<EquipmentDirectory> directory_;
};

TEST_F(DirectoryTest, SaysEachChangeAtOnceAsARowAndALine) {
  start({equipment("1", {.deciders = {"1/http"}, .offline_after = 1}), equipment("2")});
  say("1", "1/http", true);
  clock_.advance(10s);
  say("1", "1/http", false);
  read("2", "m", 5);
  const std::int64_t now = wall_ns();
  EXPECT_THAT(changes_, ElementsAre(StatusChange{.equipment_id = "1",
                                                 .time_ns = now - 10'000'000'000,
                                                 .old_status = "unknown",
                                                 .new_status = "online",
                                                 .reason = "1/http: available"},
                                    StatusChange{.equipment_id = "1",
                                                 .time_ns = now,
                                                 .old_status = "online",
                                                 .new_status = "offline",
                                                 .reason = "1/http: timeout"},
                                    StatusChange{.equipment_id = "2",
                                                 .time_ns = now,
                                                 .old_status = "unknown",
                                                 .new_status = "online",
                                                 .reason = "a reading came: m"}));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("new_status=online,old_status=new,"),
                                  HasSubstr("new_status=offline,old_status=online,"),
                                  "equipment_status_changes,equipment_id=2,equipment_name=name\\ of\\ "
                                  "2,equipment_type=server,new_status=online,old_status=new,site_id=12 "
                                  "status_value=1,change_event=1i,reason=\"a reading came: m\" " +
                                      std::to_string(now) + "\n"));
  EXPECT_THAT(clocks_, ElementsAre(ClockState::set, ClockState::set, ClockState::set));
}

TEST_F(DirectoryTest, AnOutageIsToldWithItsBeginning) {
  start({equipment("1", {.deciders = {"1/http"}, .offline_after = 5})});
  say("1", "1/http", true);
  clock_.advance(10s);
  const std::int64_t first = wall_ns();
  for (int i = 0; i < 5; ++i) {
    say("1", "1/http", false);
    if (i < 4) clock_.advance(1s);
  }
  ASSERT_EQ(changes_.size(), 2u);
  EXPECT_EQ(changes_[1].new_status, "offline");
  EXPECT_EQ(changes_[1].time_ns, first + 4'000'000'000) << "decided";
  EXPECT_EQ(changes_[1].decided_after_ns, 4'000'000'000);
  EXPECT_THAT(lines_[1], HasSubstr("decided_after_ns=4000000000i " + std::to_string(first + 4'000'000'000)));
  EXPECT_EQ(directory_->find("1")->since_ns, first);
  const std::vector<StatusChange> told = changes_;
  start({equipment("1", {.deciders = {"1/http"}, .offline_after = 5})});
  directory_->restore({told[1]});
  EXPECT_EQ(directory_->find("1")->since_ns, first) << "after a restart, too";
}

TEST_F(DirectoryTest, KnowsTheStateOfEach) {
  start({equipment("b"), equipment("a")});
  const auto all = directory_->list();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].id, "b");
  EXPECT_EQ(all[0].name, "name of b");
  EXPECT_EQ(all[0].status, Status::unknown);
  EXPECT_FALSE(all[0].since_ns);
  EXPECT_FALSE(all[0].last_value);
  const std::int64_t read_at = wall_ns();
  read("a", "cpu_usage", 12.5);
  read("a", "gone", std::nan(""));
  clock_.advance(5s);
  const auto a = directory_->find("a");
  EXPECT_EQ(a->last_metric, "cpu_usage");
  EXPECT_EQ(a->last_value, 12.5);
  EXPECT_EQ(a->last_reading_ns, read_at);
  EXPECT_EQ(a->since_ns, read_at);
  EXPECT_EQ(a->reason, "a reading came: cpu_usage");
}

TEST_F(DirectoryTest, NamesWhatThereIs) {
  start({equipment("1"), equipment("2")});
  EXPECT_EQ(directory_->find("9").error(),
            (Error{ErrorKind::not_found, "no equipment \"9\"; there is 1, 2"}));
  EXPECT_EQ(directory_->lines("9").error().kind, ErrorKind::not_found);
  EXPECT_EQ(directory_->set_status("9", Status::online, "", {}).error().kind, ErrorKind::not_found);
  read("9", "m", 1);
  say("9", "api", true);
  EXPECT_THAT(changes(), IsEmpty());
  start({});
  EXPECT_THAT(directory_->find("9").error().message, HasSubstr("there is none"));
}

TEST_F(DirectoryTest, ARestartMakesNoChange) {
  start({equipment("1", {.deciders = {"1/http"}}), equipment("2")});
  directory_->restore(
      {{.equipment_id = "1",
        .time_ns = 77,
        .old_status = "online",
        .new_status = "offline",
        .reason = "1/http: x"},
       {.equipment_id = "2", .time_ns = 78, .old_status = "unknown", .new_status = "online", .reason = "y"}});
  EXPECT_EQ(directory_->find("1")->since_ns, 77);
  EXPECT_EQ(directory_->find("1")->reason, "1/http: x");
  say("1", "1/http", false);
  say("1", "1/http", false);
  read("2", "m", 1);
  directory_->tick();
  EXPECT_THAT(changes(), IsEmpty());
  say("1", "1/http", true);
  EXPECT_THAT(changes(), ElementsAre("1 offline>online"));
  EXPECT_THAT(lines_.back(), HasSubstr("old_status=offline"));
}

TEST_F(DirectoryTest, WhatIsNotInTheSettingsAnyMoreIsUnknown) {
  start({equipment("1")});
  directory_->restore(
      {{.equipment_id = "7", .time_ns = 77, .old_status = "unknown", .new_status = "online"},
       {.equipment_id = "8", .time_ns = 77, .old_status = "online", .new_status = "unknown"}});
  EXPECT_THAT(changes(), ElementsAre("7 online>unknown"));
  EXPECT_THAT(lines_.back(), HasSubstr("equipment_id=7,new_status=unknown,old_status=online,site_id=12 "));
  replace({equipment("7")});
  read("7", "m", 1);
  EXPECT_THAT(changes(), ElementsAre("7 unknown>online"));
  EXPECT_THAT(lines_.back(), HasSubstr("old_status=unknown")) << "it was known before";
}

TEST_F(DirectoryTest, MaintenanceEndsByItself) {
  start({equipment("1")});
  read("1", "m", 1);
  const std::int64_t until = wall_ns() + 90'000'000'000;
  const auto state = directory_->set_status("1", Status::maintenance, "new disk", until);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->status, Status::maintenance);
  EXPECT_EQ(state->until_ns, until);
  EXPECT_EQ(changes_.back().until_ns, until);
  changes();
  EXPECT_EQ(directory_->tick(), clock_.boot() + 60s)
      << "at least once a minute, for the clock may be stepped";
  clock_.advance(60s);
  EXPECT_EQ(directory_->tick(), clock_.boot() + 30s);
  clock_.advance(30s - 1ns);
  EXPECT_EQ(directory_->tick(), clock_.boot() + 1ns);
  EXPECT_THAT(changes(), IsEmpty());
  clock_.advance(1ns);
  EXPECT_FALSE(directory_->tick());
  EXPECT_EQ(changes_.back().reason, "maintenance ended");
  EXPECT_FALSE(changes_.back().until_ns);
  EXPECT_THAT(changes(), ElementsAre("1 maintenance>online"));
}

TEST_F(DirectoryTest, TheEndOfMaintenanceFollowsTheWallClock) {
  start({equipment("1")});
  ASSERT_TRUE(directory_->set_status("1", Status::maintenance, "", wall_ns() + 3600'000'000'000));
  changes();
  clock_.step_wall(2h);
  directory_->tick();
  EXPECT_THAT(changes(), ElementsAre("1 maintenance>unknown"));
}

TEST_F(DirectoryTest, MaintenanceThatEndedWhileAwayEnds) {
  start({equipment("1"), equipment("2")});
  directory_->restore({{.equipment_id = "1", .new_status = "maintenance", .until_ns = wall_ns() - 1},
                       {.equipment_id = "2", .new_status = "maintenance", .until_ns = wall_ns() + 1000}});
  EXPECT_EQ(directory_->find("1")->until_ns, wall_ns() - 1);
  clock_.set_wall_is_set(false);
  EXPECT_EQ(directory_->tick(), clock_.boot() + 60s) << "nobody knows what time it is";
  EXPECT_THAT(changes(), IsEmpty());
  clock_.set_wall_is_set(true);
  EXPECT_EQ(directory_->tick(), clock_.boot() + 1000ns);
  EXPECT_THAT(changes(), ElementsAre("1 maintenance>unknown"));
}

TEST_F(DirectoryTest, MaintenanceSetAgainIsAChangeIfItIsAnother) {
  start({equipment("1")});
  const std::int64_t until = wall_ns() + 3600'000'000'000;
  (void)directory_->set_status("1", Status::maintenance, "a", until);
  (void)directory_->set_status("1", Status::maintenance, "a", until);
  EXPECT_EQ(changes().size(), 1u);
  const auto state = directory_->set_status("1", Status::maintenance, "a", std::nullopt);
  EXPECT_FALSE(state->until_ns);
  EXPECT_THAT(changes(), ElementsAre("1 maintenance>maintenance"));
  (void)directory_->set_status("1", Status::online, "done", std::nullopt);
  EXPECT_THAT(changes(), ElementsAre("1 maintenance>online"));
  (void)directory_->set_status("1", Status::online, "done", std::nullopt);
  EXPECT_THAT(changes(), IsEmpty());
}

TEST_F(DirectoryTest, RefusesAnEndThatMakesNoSense) {
  start({equipment("1")});
  EXPECT_EQ(directory_->set_status("1", Status::offline, "", wall_ns() + 1).error().kind, ErrorKind::config);
  EXPECT_THAT(directory_->set_status("1", Status::maintenance, "", wall_ns()).error().message,
              HasSubstr("until: 2026-11-01T00:00:00.000Z is past"));
  EXPECT_EQ(status("1"), Status::unknown);
}

TEST_F(DirectoryTest, AHeldLimitSpeaksThroughTickWithTimeForAReading) {
  start({equipment("1", {.limits = {{.metric = "cpu", .above = 90, .held = 60s}}})});
  EXPECT_FALSE(directory_->tick());
  read("1", "cpu", 95);
  changes();
  EXPECT_EQ(directory_->tick(), clock_.boot() + 65s);
  clock_.advance(64s);
  directory_->tick();
  EXPECT_THAT(changes(), IsEmpty());
  clock_.advance(1s);
  EXPECT_FALSE(directory_->tick());
  EXPECT_THAT(changes(), ElementsAre("1 online>warning"));
}

TEST_F(DirectoryTest, TagsOfTheWholeEquipmentAreNotToldInReasons) {
  WatchedEquipment one = equipment("1", {.limits = {{.metric = "cpu", .above = 90}}});
  one.tags = {{"hall", "B"}};
  start({one});
  read("1", "cpu", 95, {{"core", "0"}, {"hall", "B"}});
  EXPECT_EQ(directory_->find("1")->reason, "cpu core=0 is 95, above 90");
}

TEST_F(DirectoryTest, WhileTheClockIsUnsetTimesAreFromBoot) {
  clock_.set_wall_is_set(false);
  start({equipment("1")});
  const std::int64_t boot_ns = to_ns(clock_.boot());
  read("1", "m", 1);
  EXPECT_EQ(changes_.back().time_ns, boot_ns);
  EXPECT_EQ(clocks_.back(), ClockState::unset);
  EXPECT_FALSE(directory_->find("1")->since_ns);
  EXPECT_FALSE(directory_->find("1")->last_reading_ns);
  clock_.advance(10s);
  clock_.set_wall_is_set(true);
  EXPECT_EQ(directory_->find("1")->since_ns, wall_ns() - 10'000'000'000);
  EXPECT_EQ(directory_->find("1")->last_reading_ns, wall_ns() - 10'000'000'000);
}

TEST_F(DirectoryTest, AReloadKeepsStatusesAndTellsOfWhatWasTakenOut) {
  start({equipment("1", {.deciders = {"1/http"}, .offline_after = 1}), equipment("2"), equipment("3")});
  say("1", "1/http", true);
  read("2", "m", 1);
  const std::int64_t until = wall_ns() + 3600'000'000'000;
  (void)directory_->set_status("3", Status::maintenance, "", until);
  changes();
  WatchedEquipment renamed = equipment("1", {.deciders = {"1/http", "1/ping"}, .offline_after = 1});
  renamed.identity.name = "other";
  replace({equipment("3", {.offline_after = 9}), renamed, equipment("4")});
  EXPECT_THAT(changes(), ElementsAre("2 online>unknown"));
  EXPECT_EQ(status("1"), Status::online);
  EXPECT_EQ(directory_->find("1")->name, "other");
  EXPECT_EQ(directory_->find("3")->until_ns, until);
  EXPECT_FALSE(directory_->find("2"));
  EXPECT_EQ(directory_->list().front().id, "3");
  say("1", "1/ping", false);
  EXPECT_THAT(changes(), ElementsAre("1 online>offline"));
  EXPECT_THAT(lines_.back(), HasSubstr("equipment_name=other"));
  replace({equipment("1")});
  EXPECT_THAT(changes(), ElementsAre("1 offline>unknown", "3 maintenance>unknown"));
}

TEST_F(DirectoryTest, GivesWhatEncodesForAnEquipment) {
  start({equipment("1")});
  std::string line;
  EXPECT_TRUE((*directory_->lines("1"))->append_metric("t", 1, {}, {}, 5, line));
  EXPECT_THAT(line, HasSubstr("equipment_name=name\\ of\\ 1"));
}

TEST_F(DirectoryTest, AReadingCostsNoMemory) {
  WatchedEquipment limited = equipment("2", {.limits = {{.metric = "temperature", .above = 90}}});
  limited.tags = {{"hall", "B"}};
  start({equipment("1"), limited});
  const std::array tags = {Tag{"core", "0"}, Tag{"hall", "B"}};
  const auto read_all = [&] {
    for (const std::string_view id : {"1", "2"}) {
      for (const std::string_view metric :
           {"cpu_usage", "a_metric_with_a_name_that_is_not_short", "temperature"}) {
        directory_->value(id, metric, tags, 5, clock_.boot());
      }
    }
  };
  read_all();
  const std::size_t before = allocations_of_this_thread();
  for (int i = 0; i < 1000; ++i) read_all();
  EXPECT_EQ(allocations_of_this_thread(), before);
}

TEST_F(DirectoryTest, WakesTheThreadThatTicksWhenItsTimeMoves) {
  start({equipment("1", {.limits = {{.metric = "cpu", .above = 90, .held = 60s}}})});
  std::stop_source stop;
  directory_->wakeup().wait_until(clock_, std::nullopt, stop.get_token());  // of the start
  read("1", "cpu", 95);
  directory_->wakeup().wait_until(clock_, std::nullopt, stop.get_token());  // or it would hang
  (void)directory_->set_status("1", Status::maintenance, "", std::nullopt);
  directory_->wakeup().wait_until(clock_, std::nullopt, stop.get_token());
}

TEST_F(DirectoryTest, ServesManyThreads) {
  start({equipment(
      "1", {.deciders = {"d"}, .offline_after = 1, .limits = {{.metric = "m", .above = 5, .held = 1ns}}})});
  const auto work = [&](int which) {
    for (int i = 0; i < 2000; ++i) {
      if (which == 0) say("1", "d", i % 2 == 0);
      if (which == 1) directory_->value("1", "m", {}, i % 10, clock_.boot());
      if (which == 2) directory_->tick();
      if (which == 3) (void)directory_->list();
    }
  };
  std::vector<std::jthread> threads;
  for (int which = 0; which < 4; ++which) threads.emplace_back(work, which);
  threads.clear();
  std::string status = "unknown";
  for (const StatusChange& change : changes_) {  // each begins where the one before ended
    ASSERT_EQ(change.old_status, status);
    status = change.new_status;
  }
}

}  // namespace
}  // namespace vigile
