// SPDX-License-Identifier: Apache-2.0
#include "equipment/availability.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace vigile {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

StatusChange change(std::int64_t second, std::string status, std::string reason = "") {
  return {.equipment_id = "1",
          .time_ns = second * kSecond,
          .old_status = "unknown",
          .new_status = std::move(status),
          .reason = std::move(reason)};
}
TimeSpan seconds(std::int64_t from, std::int64_t to) {
  return {from * kSecond, to * kSecond};
}
AvailabilityReport report(std::vector<StatusChange> changes, TimeSpan span, std::int64_t now,
                          std::vector<TimeSpan> gaps = {}, AvailabilityOptions options = {}) {
  return calculate_availability(std::move(changes), std::move(gaps), span, now * kSecond, options);
}
// "up 10 down 20 …", in seconds; what is zero is left out.
std::string times(const AvailabilityReport& r) {
  std::string text;
  const auto add = [&](const char* name, std::int64_t ns) {
    EXPECT_EQ(ns % kSecond, 0);
    if (ns != 0) text += (text.empty() ? "" : " ") + std::string(name) + " " + std::to_string(ns / kSecond);
  };
  add("up", r.up_ns);
  add("down", r.down_ns);
  add("warning", r.warning_ns);
  add("maintenance", r.maintenance_ns);
  add("unknown", r.unknown_ns);
  add("longest", r.longest_outage_ns);
  return text;
}
// "10-20 (reason) 30- (reason)"
std::string outages(const AvailabilityReport& r) {
  EXPECT_EQ(r.outages, r.downtime.size());
  std::string text;
  for (const DowntimePeriod& period : r.downtime) {
    if (!text.empty()) text += ' ';
    text += std::to_string(period.from_ns / kSecond) + "-";
    if (period.to_ns) text += std::to_string(*period.to_ns / kSecond);
    text += " (" + period.reason + ")";
  }
  return text;
}

TEST(Availability, OfNothingIsNotAHundredPercent) {
  const AvailabilityReport r = report({}, seconds(0, 100), 1000);
  EXPECT_EQ(times(r), "unknown 100");
  EXPECT_FALSE(r.availability_percent);
  EXPECT_FALSE(r.mtbf_seconds);
  EXPECT_FALSE(r.mttr_seconds);
  EXPECT_EQ(r.outages, 0u);
}

TEST(Availability, OfAnEmptySpanIsNothing) {
  for (const TimeSpan span : {seconds(50, 50), seconds(60, 50)}) {
    const AvailabilityReport r = report({change(0, "online")}, span, 1000);
    EXPECT_EQ(times(r), "");
    EXPECT_FALSE(r.availability_percent);
  }
}

StatusChange decided_late(StatusChange change, std::int64_t seconds_late) {
  change.decided_after_ns = seconds_late * kSecond;
  return change;
}

TEST(Availability, AnOutageBeginsWhenItBeganAndNotWhenItWasDecided) {
  const std::vector<StatusChange> changes = {
      change(0, "online"), decided_late(change(50, "offline", "timeout"), 8), change(60, "online")};
  const AvailabilityReport r = report(changes, seconds(0, 100), 1000);
  EXPECT_EQ(times(r), "up 82 down 18 longest 18");
  EXPECT_EQ(outages(r), "42-60 (timeout)");
  EXPECT_EQ(outages(report(changes, seconds(0, 45), 1000)), "42-45 (timeout)") << "decided after the span";
  EXPECT_EQ(times(report(changes, seconds(0, 42), 1000)), "up 42");
  // Never before the change before it: that was seen.
  EXPECT_EQ(outages(report({change(0, "online"), change(45, "warning"),
                            decided_late(change(50, "offline", "timeout"), 8)},
                           seconds(0, 60), 1000)),
            "45-60 (timeout)");
}

TEST(Availability, TheHistorySaysWhenAnOutageBeganAndWhenItWasDecided) {
  const auto history =
      status_history({change(0, "online"), decided_late(change(50, "offline"), 8), change(60, "online")}, {},
                     seconds(0, 100), 100 * kSecond);
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[0].to_ns, 42 * kSecond);
  EXPECT_EQ(history[1].from_ns, 42 * kSecond);
  EXPECT_EQ(history[1].decided_ns, 50 * kSecond);
  EXPECT_EQ(history[1].to_ns, 60 * kSecond);
  EXPECT_EQ(history[2].decided_ns, history[2].from_ns);
}

TEST(Availability, IsWeightedByTime) {
  // up 0-30 and 50-100, down 30-40 and 40-50 in two words
  const AvailabilityReport r = report({change(-5, "online"), change(30, "offline", "timeout"),
                                       change(40, "offline", "still"), change(50, "online")},
                                      seconds(0, 100), 1000);
  EXPECT_EQ(times(r), "up 80 down 20 longest 20");
  EXPECT_EQ(outages(r), "30-50 (timeout)");
  EXPECT_DOUBLE_EQ(*r.availability_percent, 80);
  EXPECT_DOUBLE_EQ(*r.mtbf_seconds, 80);
  EXPECT_DOUBLE_EQ(*r.mttr_seconds, 20);
}

TEST(Availability, CountsSeveralOutages) {
  const AvailabilityReport r =
      report({change(0, "online"), change(10, "offline", "a"), change(20, "online"),
              change(40, "offline", "b"), change(70, "warning"), change(80, "online")},
             seconds(0, 100), 1000);
  EXPECT_EQ(times(r), "up 60 down 40 warning 10 longest 30");
  EXPECT_EQ(outages(r), "10-20 (a) 40-70 (b)");
  EXPECT_DOUBLE_EQ(*r.mtbf_seconds, 30);
  EXPECT_DOUBLE_EQ(*r.mttr_seconds, 20);
}

TEST(Availability, BeforeTheFirstChangeIsUnknown) {
  const AvailabilityReport r = report({change(60, "online")}, seconds(0, 100), 1000);
  EXPECT_EQ(times(r), "up 40 unknown 60");
  EXPECT_DOUBLE_EQ(*r.availability_percent, 100);
}

TEST(Availability, WarningIsUpOrNot) {
  const std::vector<StatusChange> changes = {change(0, "online"), change(50, "warning", "hot"),
                                             change(75, "offline", "out"), change(80, "online")};
  EXPECT_EQ(times(report(changes, seconds(0, 100), 1000)), "up 95 down 5 warning 25 longest 5");
  const AvailabilityReport strict = report(changes, seconds(0, 100), 1000, {}, {.warning_is_up = false});
  EXPECT_EQ(times(strict), "up 70 down 30 warning 25 longest 30");
  EXPECT_EQ(outages(strict), "50-80 (hot)");
}

TEST(Availability, LeavesMaintenanceOut) {
  const AvailabilityReport r = report(
      {change(0, "online"), change(50, "maintenance"), change(90, "offline", "x"), change(95, "online")},
      seconds(0, 100), 1000);
  EXPECT_EQ(times(r), "up 55 down 5 maintenance 40 longest 5");
  EXPECT_DOUBLE_EQ(*r.availability_percent, 100.0 * 55 / 60);
  EXPECT_FALSE(report({change(0, "maintenance")}, seconds(0, 10), 1000).availability_percent);
}

TEST(Availability, AChangeOnTheBoundaryCountsFromThere) {
  EXPECT_EQ(times(report({change(-1, "online"), change(0, "offline")}, seconds(0, 10), 1000)),
            "down 10 longest 10");
  const AvailabilityReport r = report({change(-1, "online"), change(10, "offline")}, seconds(0, 10), 1000);
  EXPECT_EQ(times(r), "up 10");
  EXPECT_EQ(r.outages, 0u);
  EXPECT_EQ(times(report({change(-1, "online"), change(10, "offline")}, seconds(0, 20), 10)),
            "up 10 unknown 10");
}

TEST(Availability, OfChangesAtTheSameTimeTheLastHolds) {
  const AvailabilityReport r = report({change(0, "online"), change(5, "offline"), change(5, "online"),
                                       change(7, "online"), change(7, "offline")},
                                      seconds(0, 10), 1000);
  EXPECT_EQ(times(r), "up 7 down 3 longest 3");
  EXPECT_EQ(r.outages, 1u);
}

TEST(Availability, ChangesAreTakenInOrderOfTheirTimes) {
  // The clock was stepped back by 20 s after second 30: what came after has the times 15 and 40.
  const AvailabilityReport r =
      report({change(0, "online"), change(30, "offline"), change(15, "online"), change(40, "online")},
             seconds(0, 100), 1000);
  EXPECT_EQ(times(r), "up 90 down 10 longest 10");
}

TEST(Availability, AnOpenOutageLastsUpToNow) {
  AvailabilityReport r = report({change(0, "online"), change(60, "offline", "x")}, seconds(0, 100), 80);
  EXPECT_EQ(times(r), "up 60 down 20 unknown 20 longest 20");
  EXPECT_EQ(outages(r), "60- (x)");
  EXPECT_DOUBLE_EQ(*r.availability_percent, 75);
  r = report({change(0, "online"), change(60, "offline", "x")}, seconds(0, 100), 100);
  EXPECT_EQ(outages(r), "60- (x)") << "the span ends now";
  r = report({change(0, "online"), change(60, "offline", "x")}, seconds(0, 100), 101);
  EXPECT_EQ(outages(r), "60-100 (x)") << "the span is past: cut to it";
}

TEST(Availability, AnOutageIsCutToTheSpan) {
  const AvailabilityReport r = report(
      {change(-50, "offline", "x"), change(10, "online"), change(90, "offline", "y"), change(200, "online")},
      seconds(0, 100), 1000);
  EXPECT_EQ(times(r), "up 80 down 20 longest 10");
  EXPECT_EQ(outages(r), "0-10 (x) 90-100 (y)");
}

TEST(Availability, TimeAfterNowDoesNotCount) {
  EXPECT_EQ(times(report({change(0, "online")}, seconds(0, 100), 30)), "up 30 unknown 70");
  EXPECT_EQ(times(report({change(0, "online")}, seconds(50, 100), 30)), "unknown 50");
  EXPECT_EQ(times(report({change(0, "online"), change(40, "offline")}, seconds(0, 100), 30)),
            "up 30 unknown 70");
}

TEST(Availability, WhileNoAgentRanItIsUnknownAndGoesOnAfterIt) {
  const AvailabilityReport r =
      report({change(0, "online")}, seconds(0, 100), 1000,
             {seconds(60, 70), seconds(20, 30), seconds(25, 40), seconds(80, 80), seconds(-10, 5)});
  EXPECT_EQ(times(r), "up 65 unknown 35");
}

TEST(Availability, AChangeInAGapHoldsAfterIt) {
  const AvailabilityReport r =
      report({change(0, "online"), change(25, "offline", "x")}, seconds(0, 100), 1000, {seconds(20, 30)});
  EXPECT_EQ(times(r), "up 20 down 70 unknown 10 longest 70");
  EXPECT_EQ(outages(r), "30-100 (x)");
}

TEST(Availability, AnOutageThatGoesOnAfterAGapOrMaintenanceIsOne) {
  AvailabilityReport r = report({change(0, "online"), change(10, "offline", "x"), change(50, "online")},
                                seconds(0, 100), 1000, {seconds(20, 30)});
  EXPECT_EQ(times(r), "up 60 down 30 unknown 10 longest 30");
  EXPECT_EQ(outages(r), "10-50 (x)");
  EXPECT_EQ(r.downtime[0].down_ns, 30 * kSecond);
  r = report({change(0, "online"), change(10, "offline", "x"), change(20, "maintenance"),
              change(30, "offline", "y"), change(50, "online")},
             seconds(0, 100), 1000);
  EXPECT_EQ(times(r), "up 60 down 30 maintenance 10 longest 30");
  EXPECT_EQ(outages(r), "10-50 (x)");
}

TEST(Availability, AnOutageThatMaintenanceEndsIsOverThere) {
  AvailabilityReport r = report({change(10, "offline", "x"), change(20, "maintenance"), change(30, "online")},
                                seconds(0, 100), 1000);
  EXPECT_EQ(outages(r), "10-20 (x)");
  r = report({change(10, "offline", "x"), change(20, "maintenance")}, seconds(0, 100), 50);
  EXPECT_EQ(outages(r), "10-20 (x)") << "in maintenance it does not last";
}

// Second by second, as plainly as it can be said.
AvailabilityReport naive(const std::vector<StatusChange>& changes, const std::vector<TimeSpan>& gaps,
                         TimeSpan span, std::int64_t now_ns, bool warning_is_up) {
  AvailabilityReport r;
  r.span = span;
  bool out = false;
  bool down_at_end = false;
  for (std::int64_t t = span.from_ns; t < span.to_ns; t += kSecond) {
    const StatusChange* last = nullptr;
    for (const StatusChange& c : changes) {
      if (c.time_ns <= t && (last == nullptr || c.time_ns >= last->time_ns)) last = &c;
    }
    std::string status = last == nullptr ? "unknown" : last->new_status;
    for (const TimeSpan& gap : gaps) {
      if (gap.from_ns <= t && t < gap.to_ns) status = "unknown";
    }
    if (t >= now_ns) status = "unknown";
    if (status == "warning") r.warning_ns += kSecond;
    if (status == "online" || (status == "warning" && warning_is_up)) {
      r.up_ns += kSecond;
      out = false;
    } else if (status == "offline" || status == "warning") {
      r.down_ns += kSecond;
      if (!out) r.downtime.push_back({.from_ns = t});
      out = true;
      r.downtime.back().to_ns = t + kSecond;
      r.downtime.back().down_ns += kSecond;
      r.longest_outage_ns = std::max(r.longest_outage_ns, r.downtime.back().down_ns);
    } else if (status == "maintenance") {
      r.maintenance_ns += kSecond;
    } else {
      r.unknown_ns += kSecond;
    }
    if (t + kSecond == std::min(span.to_ns, now_ns)) {
      down_at_end = status == "offline" || (status == "warning" && !warning_is_up);
    }
  }
  if (down_at_end && now_ns <= span.to_ns) r.downtime.back().to_ns.reset();
  r.outages = r.downtime.size();
  return r;
}

TEST(Availability, IsThatOfANaiveModel) {
  const std::vector<std::string> statuses = {"online",  "online",      "offline", "offline",
                                             "warning", "maintenance", "unknown"};
  for (unsigned seed = 0; seed < 5000; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::int64_t n) {
      return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
    };
    std::vector<StatusChange> changes;
    for (std::int64_t i = below(seed % 10 == 0 ? 60 : 14); i > 0; --i) {
      changes.push_back(change(below(80) - 10, statuses[static_cast<std::size_t>(below(7))]));
    }
    std::vector<TimeSpan> gaps;
    for (std::int64_t i = below(4); i > 0; --i) {
      const std::int64_t from = below(80) - 10;
      gaps.push_back(seconds(from, from + below(15)));
    }
    const std::int64_t from = below(20);
    const TimeSpan span = seconds(from, from + below(60));
    const std::int64_t now_ns = (below(90) - 5) * kSecond;
    const bool warning_is_up = below(2) == 0;
    AvailabilityReport r =
        calculate_availability(changes, gaps, span, now_ns, {.warning_is_up = warning_is_up});
    const AvailabilityReport expected = naive(changes, gaps, span, now_ns, warning_is_up);
    const std::int64_t counted = r.up_ns + r.down_ns;
    ASSERT_EQ(r.availability_percent.has_value(), counted > 0) << "seed " << seed;
    if (counted > 0) {
      ASSERT_DOUBLE_EQ(*r.availability_percent,
                       100.0 * static_cast<double>(r.up_ns) / static_cast<double>(counted));
    }
    ASSERT_EQ(counted + r.maintenance_ns + r.unknown_ns, span.to_ns - span.from_ns) << "seed " << seed;
    r.availability_percent.reset();
    r.mtbf_seconds.reset();
    r.mttr_seconds.reset();
    ASSERT_EQ(times(r), times(expected)) << "seed " << seed;
    ASSERT_EQ(outages(r), outages(expected)) << "seed " << seed;
    ASSERT_EQ(r, expected) << "seed " << seed;
  }
}

std::string history(std::vector<StatusChange> changes, TimeSpan span, std::vector<TimeSpan> gaps = {},
                    std::int64_t now = 1000) {
  std::string text;
  for (const StatusPeriod& period :
       status_history(std::move(changes), std::move(gaps), span, now * kSecond)) {
    if (!text.empty()) text += ' ';
    text += std::string(to_string(period.status)) + " " + std::to_string(period.from_ns / kSecond) + "-";
    if (period.to_ns) text += std::to_string(*period.to_ns / kSecond);
    if (period.unwatched_ns != 0) text += "/" + std::to_string(period.unwatched_ns / kSecond);
  }
  return text;
}

TEST(StatusHistory, TellsWhatHeldInTheSpan) {
  const std::vector<StatusChange> changes = {change(20, "offline"), change(10, "online"),
                                             change(40, "online")};
  EXPECT_EQ(history(changes, seconds(0, 100)), "online 10-20 offline 20-40 online 40-");
  EXPECT_EQ(history(changes, seconds(15, 40)), "online 10-20 offline 20-40");
  EXPECT_EQ(history(changes, seconds(20, 41)), "offline 20-40 online 40-");
  EXPECT_EQ(history(changes, seconds(0, 10)), "");
  EXPECT_EQ(history(changes, seconds(50, 60)), "online 40-");
  EXPECT_EQ(history(changes, seconds(50, 50)), "");
}

TEST(StatusHistory, KeepsWhatHeldForNoTime) {
  EXPECT_EQ(history({change(5, "offline"), change(5, "online")}, seconds(0, 10)), "offline 5-5 online 5-");
  EXPECT_EQ(history({change(5, "offline"), change(5, "online")}, seconds(6, 10)), "online 5-");
}

TEST(StatusHistory, SaysHowMuchNobodyWatched) {
  EXPECT_EQ(history({change(0, "online"), change(50, "offline")}, seconds(0, 100),
                    {seconds(40, 60), seconds(55, 65), seconds(90, 200)}, 100),
            "online 0-50/10 offline 50-/25");
}

TEST(StatusHistory, HasReasonsAndOldStatuses) {
  StatusChange c = change(5, "warning", "hot");
  c.old_status = "online";
  const auto periods = status_history({c}, {}, seconds(0, 10), 0);
  ASSERT_EQ(periods.size(), 1u);
  EXPECT_EQ(periods[0], (StatusPeriod{.old_status = Status::online,
                                      .status = Status::warning,
                                      .from_ns = 5 * kSecond,
                                      .reason = "hot",
                                      .decided_ns = 5 * kSecond}));
}

TEST(Status, HasItsWordsAndNumbers) {
  EXPECT_EQ(parse_status("operational"), Status::online);
  EXPECT_FALSE(parse_status("Online"));
  EXPECT_FALSE(parse_status(""));
  for (const auto& [status, value] : {std::pair{Status::online, 1.0},
                                      {Status::warning, 0.5},
                                      {Status::offline, 0.0},
                                      {Status::maintenance, -1.0},
                                      {Status::unknown, -1.0}}) {
    EXPECT_EQ(parse_status(to_string(status)), status);
    EXPECT_EQ(status_value(status), value);
  }
}

}  // namespace
}  // namespace vigile
