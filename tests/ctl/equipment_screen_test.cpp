// SPDX-License-Identifier: Apache-2.0
// Answers on equipment as tables, letter by letter; sparklines; CSV.
#include <gmock/gmock.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "api/equipment_json.h"
#include "api/json_text.h"
#include "ctl/screen_equipment.h"
#include "ctl/simulation.h"
#include "ctl/sparkline.h"
#include "ctl/text.h"
#include "fake_equipment.h"

namespace vigile {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;

void expect_80_columns(std::string_view screen) {
  while (!screen.empty()) {
    const std::string_view line = screen.substr(0, screen.find('\n'));
    EXPECT_LE(columns(line), 80U) << line;
    screen.remove_prefix(std::min(screen.size(), line.size() + 1));
  }
}

TEST(Sparkline, Scales) {
  EXPECT_EQ(sparkline({1, 2, 3, 4, 5, 6, 7, 8}, 8), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(sparkline({-5, std::nullopt, 5}, 8), "▁ █");
  EXPECT_EQ(sparkline({3, 3, 3}, 8), "▅▅▅") << "a flat line is in the middle";
  EXPECT_EQ(sparkline({1, 3, 5, 7}, 2), "▁█") << "drawn together by their means";
  EXPECT_EQ(sparkline({}, 8), "");
  EXPECT_EQ(sparkline({std::nullopt, std::numeric_limits<double>::quiet_NaN()}, 8), "  ");
}

TEST(EquipmentScreens, Metrics) {
  MetricsQuery query;
  query.equipment_id = "1";
  MetricsPage page;
  page.rows = {{kFakeNow - kFakeHour, "cpu_usage", 12.5, {{"core", "0"}}},
               {kFakeNow, "cpu_usage", 1234.567, {{"core", "0"}}},
               {kFakeNow, "dis\x1b[2Jk", 0.00001, {}}};
  page.next = "x";
  const std::string json = page_text(query, page);
  EXPECT_EQ(*render_metrics(json, {}), R"(TIME (UTC)           METRIC     VALUE  TAGS
2026-10-31 23:00:00  cpu_usage   12.5  core=0
2026-11-01 00:00:00  cpu_usage   1235  core=0
2026-11-01 00:00:00  dis?[2Jk   1e-05
There is more: --limit takes a larger number, 0 for all.
)");
  EXPECT_THAT(*render_metrics(json, {.sparklines = true}), HasSubstr("cpu_usage core=0         2  ▁█\n"));
  EXPECT_EQ(*render_metrics("{}", {}), "No readings.\n");
  EXPECT_EQ(*csv_table(json, "metrics", {"time", "metric_type", "value", "tags"}),
            "time,metric_type,value,tags\r\n2026-10-31T23:00:00.000Z,cpu_usage,12.5,core=0\r\n"
            "2026-11-01T00:00:00.000Z,cpu_usage,1234.567,core=0\r\n"
            "2026-11-01T00:00:00.000Z,dis\x1b[2Jk,1e-05,\r\n");
}

TEST(EquipmentScreens, Stats) {
  PerformanceStats stats = example_stats();
  stats.coverage = {true, {kFakeNow - 24 * kFakeHour, kFakeNow}};
  const std::string screen = *render_stats(to_text(stats_json(stats)), {});
  EXPECT_EQ(screen, R"(2026-10-31 00:00:00 to 2026-11-01 00:00:00 UTC

METRIC            COUNT  MIN   MEAN    MAX  P50  P95  P99  TREND/H
cpu_usage         8,640  1.5  23.46  97.25   22   61   88   -0.013
cpu_usage core=0  8,640  1.5     50  97.25   22   61   88   -0.013
memory_usage          1    -      -      -    -    -    -        -
Percentiles are estimates, within 1 %.
)");
  stats.coverage.from_summaries = false;
  EXPECT_THAT(*render_stats(to_text(stats_json(stats)), {}), Not(HasSubstr("estimates")));
}

TEST(EquipmentScreens, Availability) {
  AvailabilityReport report = example_report();
  report.span = {kFakeNow - 24 * kFakeHour, kFakeNow};
  Json json = {{"equipment_id", "1"}, {"name", "Serveur principal"}};
  json.update(availability_json(report, {}));
  EXPECT_EQ(*render_availability(to_text(json), {}),
            R"(Serveur principal (1), 2026-10-31 00:00:00 to 2026-11-01 00:00:00 UTC

availability  99.00 %
up            22 h, of that warning 1 h
down          15 min, outages: 2, longest 10 min
left out      maintenance 30 min, unknown 1 h
MTBF          11 h
MTTR          7 min

DOWN FROM (UTC)      TO                      FOR  REASON
2026-10-31 21:00:00  2026-10-31 21:10:00  10 min  connection refused
2026-10-31 23:55:00  still down            5 min  no answer
)");
  EXPECT_THAT(*render_availability("{\"availability_percent\": null}", {}),
              HasSubstr("availability  no data\n"));
  EXPECT_THAT(*render_availability("{\"availability_percent\": 99.9999}", {}), HasSubstr("99.99 %"))
      << "an outage does not round to all well";
}

TEST(EquipmentScreens, HistoryAndReport) {
  Json json = {{"start", "2026-10-31T00:00:00.000Z"}, {"end", "2026-11-01T00:00:00.000Z"}};
  json["history"] = history_json(example_history(), kFakeNow);
  EXPECT_EQ(*render_history(to_text(json), {}), R"(2026-10-31 00:00:00 to 2026-11-01 00:00:00 UTC

SINCE (UTC)          STATUS   BEFORE    FOR
2026-10-31 19:00:00  online   unknown   2 h
2026-10-31 21:00:00  offline  online   3 h+
    connection refused (decided 2026-10-31 22:00:00)
)");
  Json one = {{"equipment_id", "1"}, {"name", std::string(100, 'x')}};
  one.update(availability_json(example_report(), {}));
  json["equipment"] = {one};
  json["average_availability"] = nullptr;
  const std::string report = *render_report(to_text(json), {});
  EXPECT_THAT(report, HasSubstr("99.00 %  15 min        2  11 h  7 min      1 h\n"));
  EXPECT_THAT(report, HasSubstr("average no data\n"));
  expect_80_columns(report);
}

TEST(EquipmentScreens, Dashboards) {
  FleetSummary summary;
  summary.add(Status::online, 99.5);
  summary.add(Status::offline, std::nullopt);
  const FakeEquipment equipment;
  Json one = {{"equipment_id", "1"},
              {"name", "Serveur principal de la salle des machines du nord"},
              {"current_status", "offline"},
              {"availability_24h", 99.5},
              {"last_metric", state_json(equipment.states[0])["last_metric"]},
              {"performance", {{"cpu_avg", 23.456}, {"memory_avg", nullptr}, {"response_time_avg", 1.5}}}};
  const std::string screen =
      *render_dashboard(to_text({{"summary", summary.json()}, {"equipment_metrics", {one}}}), {});
  EXPECT_THAT(screen,
              testing::StartsWith("2 equipment: 1 operational, 0 warning, 0 maintenance, 1 offline, 0 "
                                  "unknown, average 99.50 %\n"));
  EXPECT_THAT(screen, HasSubstr("offline    99.50 %  23.46       -      1.5"));
  Json depth = {{"equipment_id", "1"}, {"start", "2026-10-31T00:00:00.000Z"}, {"window_s", 1800.0}};
  depth["equipment"] = state_json(equipment.states[0]);
  depth["availability"] = availability_json(example_report(), {});
  depth["performance"] = stats_json(example_stats());
  depth["curves"] = {{{"metric_type", "cpu_usage"}, {"tags", {{"core", "0"}}}, {"means", {1, nullptr, 8}}}};
  depth["history"] = history_json(example_history(), kFakeNow);
  const std::string in_depth = *render_equipment_dashboard(to_text(depth), {.sparklines = true});
  EXPECT_THAT(in_depth, testing::StartsWith("Serveur principal (1) · server  online\n"));
  EXPECT_THAT(in_depth, HasSubstr("SERIES            CURVE, a mark each 30 min\ncpu_usage core=0  ▁ █\n"));
  expect_80_columns(in_depth);
  EXPECT_THAT(*render_equipment_dashboard(to_text(depth), {}), Not(HasSubstr("CURVE"))) << "plain in a pipe";
}

TEST(EquipmentScreens, WhatIsNoAnswerIsAnError) {
  for (const auto render :
       {&render_metrics, &render_stats, &render_availability, &render_history, &render_equipment_dashboard,
        &render_dashboard, &render_report, &render_removal}) {
    EXPECT_FALSE(render("<html>", {}));
    EXPECT_TRUE(render("{}", {})) << "what is absent is \"-\"";
    EXPECT_TRUE(
        render(R"({"metrics": 7, "history": "x", "equipment": [1], "curves": {}, "summary": []})", {}));
  }
}

TEST(SimulationRounds, AreAFunctionOfTheirNumber) {
  using namespace std::chrono_literals;
  const Simulation simulation("camera", 1, 60s);
  Json first = Json::array();
  simulation.append_round(0, wall_from_ns(kFakeNow), first);
  ASSERT_EQ(first.size(), 4U);
  EXPECT_EQ(first[0]["metric_type"], "cpu_usage");
  EXPECT_EQ(first[3]["metric_type"], "frame_rate");
  EXPECT_EQ(first[0]["tags"]["simulated"], "true");
  EXPECT_EQ(first[0]["time"], kFakeNow);
  Json again = Json::array();
  simulation.append_round(0, wall_from_ns(kFakeNow), again);
  EXPECT_EQ(first, again);
  int down = 0;
  for (std::uint64_t round = 0; round < 7 * 1440; ++round) down += simulation.up(round) ? 0 : 1;
  EXPECT_GT(down, 0) << "a week is not without an outage";
  EXPECT_LT(down, 7 * 144) << "nor mostly one";
}

}  // namespace
}  // namespace vigile
