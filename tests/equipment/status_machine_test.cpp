// SPDX-License-Identifier: Apache-2.0
#include "equipment/status_machine.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace vigile {
namespace {

using namespace std::chrono_literals;

class StatusMachineTest : public ::testing::Test {
 protected:
  static StatusRules deciders(std::vector<std::string> names, std::uint32_t offline_after = 2,
                              std::uint32_t online_after = 1) {
    return StatusRules{
        .deciders = std::move(names), .offline_after = offline_after, .online_after = online_after};
  }
  static StatusRules limits(std::vector<LimitRule> rules) { return StatusRules{.limits = std::move(rules)}; }

  void start(StatusRules rules) { machine_.emplace(std::move(rules)); }
  void restart(StatusRules rules, Status status, std::string_view reason = "from before") {
    start(std::move(rules));
    machine_->restore(status, reason, now_);
  }
  // "online>offline (reason)", or "" when nothing changed.
  static std::string text(const std::optional<StatusTransition>& change) {
    if (!change) return "";
    return std::string(to_string(change->old_status)) + ">" + std::string(to_string(change->new_status)) +
           " (" + change->reason + ")";
  }
  std::string up(std::string_view source = "1/http") {
    return text(machine_->availability(source, true, "", now_));
  }
  std::string down(std::string_view source = "1/http", std::string_view reason = "timeout") {
    return text(machine_->availability(source, false, reason, now_));
  }
  std::string read(std::string_view metric, double value, std::vector<Tag> tags = {}) {
    return text(machine_->value(metric, tags, value, now_));
  }
  std::string set(Status status, std::string_view reason = "by hand") {
    return text(machine_->set(status, reason, now_));
  }
  std::string tick() { return text(machine_->tick(now_)); }
  std::string reload(StatusRules rules) { return text(machine_->replace_rules(std::move(rules), now_)); }
  Status status() const { return machine_->status(); }

  std::optional<StatusMachine> machine_;
  BootTime now_{100s};
};

TEST_F(StatusMachineTest, WithoutADeciderItIsOnlineFromTheFirstReadingOn) {
  start({});
  EXPECT_EQ(status(), Status::unknown);
  EXPECT_EQ(read("m", std::nan("")), "");
  EXPECT_EQ(read("m", 1), "unknown>online (a reading came: m)");
  EXPECT_EQ(read("m", 2), "");
}

TEST_F(StatusMachineTest, WithADeciderReadingsSayNothingOfIt) {
  start(deciders({"1/http"}));
  EXPECT_EQ(read("m", 1), "");
  EXPECT_EQ(up(), "unknown>online (1/http: available)");
}

TEST_F(StatusMachineTest, GoesOfflineAfterFailuresInARow) {
  start(deciders({"1/http"}, 3));
  up();
  EXPECT_EQ(down(), "");
  EXPECT_EQ(down(), "");
  EXPECT_EQ(up(), "");  // the row is broken
  EXPECT_EQ(down(), "");
  EXPECT_EQ(down(), "");
  EXPECT_EQ(down("1/http", "connection refused"), "online>offline (1/http: connection refused)");
  EXPECT_EQ(down(), "");
}

TEST_F(StatusMachineTest, ComesBackAfterSuccessesInARow) {
  start(deciders({"1/http"}, 1, 3));
  EXPECT_EQ(down(), "unknown>offline (1/http: timeout)");
  EXPECT_EQ(up(), "");
  EXPECT_EQ(up(), "");
  EXPECT_EQ(down(), "");
  EXPECT_EQ(up(), "");
  EXPECT_EQ(up(), "");
  EXPECT_EQ(up(), "offline>online (1/http: available)");
}

TEST_F(StatusMachineTest, AnyDeciderTakesItDownAndAllBringItBack) {
  start(deciders({"1/http", "1/ping"}));
  EXPECT_EQ(up("1/http"), "");  // the other has not spoken
  EXPECT_EQ(up("1/ping"), "unknown>online (1/ping: available)");
  down("1/ping");
  EXPECT_EQ(up("1/http"), "");
  EXPECT_EQ(down("1/ping"), "online>offline (1/ping: timeout)");
  EXPECT_EQ(up("1/http"), "");
  down("1/http");
  EXPECT_EQ(down("1/http"), "");
  EXPECT_EQ(up("1/ping"), "");
  EXPECT_EQ(up("1/http"), "offline>online (1/http: available)");
}

TEST_F(StatusMachineTest, WhoIsNotNamedIsNotHeard) {
  start(deciders({"1/http"}, 1));
  EXPECT_EQ(up("2/http"), "");
  EXPECT_EQ(down("gone"), "");
  EXPECT_EQ(status(), Status::unknown);
}

TEST_F(StatusMachineTest, TheApiDecidesAtOnceAndFromThenOn) {
  start(deciders({}, 5, 5));
  read("m", 1);
  EXPECT_EQ(down("api", ""), "online>offline (api: not available)");
  EXPECT_EQ(read("m", 1), "") << "a reading is no evidence against a source";
  EXPECT_EQ(up("api"), "offline>online (api: available)");
}

TEST_F(StatusMachineTest, WarnsWhileALimitSpeaks) {
  start(limits({{.metric = "cpu", .above = 90, .clear = 80}}));
  EXPECT_EQ(read("cpu", 91), "unknown>warning (cpu is 91, above 90)");
  EXPECT_EQ(read("other", 91), "");
  EXPECT_EQ(read("cpu", 85), "");
  EXPECT_EQ(read("cpu", 80), "warning>online (cpu is back to normal)");
}

TEST_F(StatusMachineTest, EachSeriesHasItsOwnLimit) {
  start(limits({{.metric = "disk", .above = 90}}));
  read("disk", 10, {{"mount", "/"}});
  EXPECT_EQ(read("disk", 95, {{"mount", "/data"}, {"dev", "sdb"}}),
            "online>warning (disk dev=sdb mount=/data is 95, above 90)");
  EXPECT_EQ(read("disk", 10, {{"mount", "/"}}), "");
  EXPECT_EQ(read("disk", 96, {{"mount", "/"}}), "");
  EXPECT_EQ(read("disk", 20, {{"dev", "sdb"}, {"mount", "/data"}}), "") << "/ is still breached";
  EXPECT_EQ(read("disk", 20, {{"mount", "/"}}), "warning>online (disk is back to normal)");
}

TEST_F(StatusMachineTest, AHeldLimitSpeaksAtItsTick) {
  start(limits({{.metric = "cpu", .above = 90, .held = 60s}}));
  read("cpu", 95);
  EXPECT_EQ(status(), Status::online);
  ASSERT_EQ(machine_->next_tick(), now_ + 60s);
  now_ += 59s;
  EXPECT_EQ(tick(), "");
  now_ += 1s;
  EXPECT_EQ(tick(), "online>warning (cpu is 95, above 90 for 1m)");
  EXPECT_FALSE(machine_->next_tick());
}

TEST_F(StatusMachineTest, ANormalReadingTakesTheTickAway) {
  start(limits({{.metric = "cpu", .above = 90, .held = 60s}}));
  read("cpu", 95);
  read("cpu", 50);
  EXPECT_FALSE(machine_->next_tick());
  now_ += 60s;
  EXPECT_EQ(tick(), "");
}

TEST_F(StatusMachineTest, OfflineHidesAWarningThatIsThereAgainAfterIt) {
  StatusRules rules = deciders({"1/http"}, 1);
  rules.limits = {{.metric = "cpu", .above = 90}};
  start(rules);
  up();
  down();
  EXPECT_EQ(read("cpu", 95), "");
  EXPECT_EQ(up(), "offline>warning (cpu is 95, above 90)");
}

TEST_F(StatusMachineTest, MaintenanceSilencesWhatGoesOnCounting) {
  StatusRules rules = deciders({"1/http"}, 2);
  rules.limits = {{.metric = "cpu", .above = 90}};
  start(rules);
  up();
  EXPECT_EQ(set(Status::maintenance, "new disk"), "online>maintenance (new disk)");
  EXPECT_EQ(set(Status::maintenance), "");
  EXPECT_EQ(read("cpu", 95), "");
  EXPECT_EQ(down(), "");
  EXPECT_EQ(down(), "");
  EXPECT_EQ(text(machine_->end_maintenance("maintenance ended", now_)),
            "maintenance>offline (maintenance ended; 1/http: timeout)");
  EXPECT_EQ(text(machine_->end_maintenance("maintenance ended", now_)), "");
  set(Status::maintenance);
  up();
  EXPECT_EQ(text(machine_->end_maintenance("done", now_)), "maintenance>warning (done; cpu is 95, above 90)");
  set(Status::maintenance);
  read("cpu", 5);
  EXPECT_EQ(text(machine_->end_maintenance("done", now_)), "maintenance>online (done)");
}

TEST_F(StatusMachineTest, OnlineByHandEndsMaintenanceButHearsWhoIsDown) {
  start(deciders({"1/http"}, 1));
  set(Status::maintenance);
  EXPECT_EQ(set(Status::online, "done"), "maintenance>online (done)");
  set(Status::maintenance);
  down();
  EXPECT_EQ(set(Status::online, "done"), "maintenance>offline (done; 1/http: timeout)");
}

TEST_F(StatusMachineTest, WhatIsSetByHandHoldsUntilEvidence) {
  start(deciders({"1/http"}, 2));
  down();
  down();
  EXPECT_EQ(set(Status::online), "offline>online (by hand)");
  EXPECT_EQ(down(), "") << "it counts anew";
  EXPECT_EQ(down(), "online>offline (1/http: timeout)");
  EXPECT_EQ(set(Status::warning), "offline>warning (by hand)");
  EXPECT_EQ(read("m", 1), "warning>online (m is back to normal)");
  EXPECT_EQ(set(Status::offline), "online>offline (by hand)");
  EXPECT_EQ(read("m", 1), "");
  EXPECT_EQ(up(), "offline>online (1/http: available)");
  EXPECT_EQ(set(Status::unknown), "online>unknown (by hand)");
  EXPECT_EQ(up(), "unknown>online (1/http: available)");
}

TEST_F(StatusMachineTest, ARestartMakesNoChange) {
  restart({}, Status::online);
  EXPECT_EQ(read("m", 1), "");
  restart(deciders({"1/http"}), Status::online);
  EXPECT_EQ(up(), "");
  restart(deciders({"1/http"}), Status::offline);
  EXPECT_EQ(read("m", 1), "");
  EXPECT_EQ(down(), "");
  EXPECT_EQ(down(), "");
  EXPECT_EQ(up(), "offline>online (1/http: available)");
  restart(deciders({"1/http"}), Status::online);
  EXPECT_EQ(down(), "");
  EXPECT_EQ(down(), "online>offline (1/http: timeout)");
}

TEST_F(StatusMachineTest, RestoredOfflineOfTwoWaitsForBoth) {
  restart(deciders({"a", "b"}), Status::offline);
  EXPECT_EQ(up("a"), "");
  EXPECT_EQ(up("b"), "offline>online (b: available)");
}

TEST_F(StatusMachineTest, RestoredOfflineWithoutADeciderEndsAtAReading) {
  restart({}, Status::offline);
  EXPECT_EQ(read("m", 1), "offline>online (a reading came: m)");
}

TEST_F(StatusMachineTest, WhatAProgramSaidStandsAfterARestart) {
  restart({}, Status::offline, "api: unplugged");
  EXPECT_EQ(read("m", 1), "");
  EXPECT_EQ(up("api"), "offline>online (api: available)");
}

TEST_F(StatusMachineTest, ARestoredWarningGoesAwayWhenAllItsMetricsAreNormal) {
  restart(limits({{.metric = "cpu", .above = 90}, {.metric = "t", .above = 60}}), Status::warning);
  EXPECT_EQ(read("other", 1), "");
  EXPECT_EQ(read("cpu", 10), "");
  EXPECT_EQ(read("t", 10), "warning>online (t is back to normal)");
  EXPECT_FALSE(machine_->next_tick());
}

TEST_F(StatusMachineTest, ARestoredWarningNeedNotBeHeldAgain) {
  restart(limits({{.metric = "cpu", .above = 90, .clear = 80, .held = 5min}}), Status::warning);
  EXPECT_EQ(read("cpu", 85), "");
  EXPECT_EQ(read("cpu", 81), "");
  EXPECT_EQ(read("cpu", 79), "warning>online (cpu is back to normal)");
  EXPECT_EQ(read("cpu", 95), "") << "a new one must be";
}

TEST_F(StatusMachineTest, ARestoredWarningWaitsForAllSeries) {
  restart(limits({{.metric = "disk", .above = 90}}), Status::warning);
  EXPECT_EQ(read("disk", 10, {{"mount", "/"}}), "");
  EXPECT_EQ(read("disk", 95, {{"mount", "/data"}}), "");
  EXPECT_EQ(read("disk", 10, {{"mount", "/"}}), "");
  EXPECT_EQ(read("disk", 10, {{"mount", "/data"}}), "warning>online (disk is back to normal)");
  restart(limits({{.metric = "disk", .above = 90}}), Status::warning);
  read("disk", 10, {{"mount", "/"}});
  EXPECT_EQ(read("disk", 10, {{"mount", "/"}}), "warning>online (disk is back to normal)");
}

TEST_F(StatusMachineTest, ARestoredWarningDoesNotWaitForEver) {
  restart(limits({{.metric = "never", .above = 90}}), Status::warning);
  read("m", 1);
  EXPECT_EQ(machine_->next_tick(), now_ + 1h);
  now_ += 1h;
  EXPECT_EQ(tick(), "warning>online (nothing read past a limit for 1h)");
  EXPECT_FALSE(machine_->next_tick());
}

TEST_F(StatusMachineTest, ARestoredWarningWithoutLimitsEndsAtEvidence) {
  restart({}, Status::warning);
  EXPECT_EQ(status(), Status::warning);
  EXPECT_EQ(read("m", 1), "warning>online (m is back to normal)");
}

TEST_F(StatusMachineTest, ARestoredMaintenanceLastsAndIsUnknownAfterIt) {
  restart(deciders({"1/http"}), Status::maintenance);
  EXPECT_EQ(text(machine_->end_maintenance("maintenance ended", now_)),
            "maintenance>unknown (maintenance ended)");
  restart(deciders({"1/http"}), Status::maintenance);
  EXPECT_EQ(up(), "");
  EXPECT_EQ(text(machine_->end_maintenance("maintenance ended", now_)),
            "maintenance>online (maintenance ended)");
}

TEST_F(StatusMachineTest, AReloadKeepsWhatWasCounted) {
  StatusRules rules = deciders({"1/http"}, 2);
  rules.limits = {{.metric = "cpu", .above = 90, .held = 60s}};
  start(rules);
  up();
  down();
  read("cpu", 95);
  StatusRules more = rules;
  more.deciders = {"1/ping", "1/http"};
  more.limits.push_back({.metric = "t", .above = 5});
  EXPECT_EQ(reload(more), "");
  EXPECT_EQ(machine_->next_tick(), now_ + 60s);
  EXPECT_EQ(down(), "online>offline (1/http: timeout)");
}

TEST_F(StatusMachineTest, ARemovedDeciderLeavesNothingStuck) {
  start(deciders({"a", "b"}, 1));
  up("a");
  down("b");
  EXPECT_EQ(reload(deciders({"a"}, 1)), "offline>online (the settings changed)");
  down("a");
  EXPECT_EQ(reload({}), "offline>unknown (the settings changed)");
  EXPECT_EQ(down("a"), "");
  EXPECT_EQ(read("m", 1), "unknown>online (a reading came: m)");
}

TEST_F(StatusMachineTest, ADeciderPutInPlaceOfOneThatIsDownDecides) {
  start(deciders({"a"}, 1));
  down("a");
  EXPECT_EQ(reload(deciders({"b"}, 1)), "") << "nothing says that it is up";
  EXPECT_EQ(up("b"), "offline>online (b: available)");
}

TEST_F(StatusMachineTest, ARemovedLimitLeavesNothingStuck) {
  start(limits({{.metric = "cpu", .above = 90}, {.metric = "t", .above = 60}}));
  read("t", 10);
  read("cpu", 95);
  EXPECT_EQ(reload(limits({{.metric = "t", .above = 60}})), "warning>online (the settings changed)");
  read("t", 70);
  EXPECT_EQ(reload({}), "warning>online (the settings changed)");
}

TEST_F(StatusMachineTest, AChangedLimitIsJudgedByTheNextReading) {
  start(limits({{.metric = "cpu", .above = 90}}));
  read("cpu", 95);
  EXPECT_EQ(reload(limits({{.metric = "cpu", .above = 94, .held = 60s}})), "");
  EXPECT_EQ(read("cpu", 95), "");
  EXPECT_EQ(reload(limits({{.metric = "cpu", .above = 96}})), "");
  EXPECT_EQ(read("cpu", 95), "warning>online (cpu is back to normal)");
}

TEST_F(StatusMachineTest, LimitsAreJudgedDuringARestoredOffline) {
  StatusRules rules = deciders({"a"});
  rules.limits = {{.metric = "cpu", .above = 90}};
  restart(rules, Status::offline);
  EXPECT_EQ(read("cpu", 95), "");
  EXPECT_EQ(up("a"), "offline>warning (cpu is 95, above 90)");
}

}  // namespace
}  // namespace vigile
