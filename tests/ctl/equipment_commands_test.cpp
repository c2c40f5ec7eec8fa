// SPDX-License-Identifier: Apache-2.0
// vigilectl's commands on equipment as a program, against a real server with a fake service behind it.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "core/file.h"
#include "ctl/equipment_commands.h"
#include "served_agent.h"
#include "support/process.h"

namespace vigile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string kProgram = VIGILE_BINARY_DIR "/bin/vigilectl";

struct Ran {
  int status = -1;
  std::string out;
  std::string err;
};

class EquipmentCommands : public testing::Test {
 protected:
  EquipmentCommands() {
    equipment_.states.pop_back();
    equipment_.report = example_report();
    equipment_.stats = example_stats();
    equipment_.history = example_history();
  }
  Ran run(const std::string& command) {
    const Turn turn;
    const TempDir directory;
    const std::string script = "exec >" + (directory / "out").string() + " 2>" +
                               (directory / "err").string() + "\n" + kProgram + " " + command;
    ChildProcess child({"/bin/sh", "-c", script}, directory / "both", {"VIGILE_SOCKET=" + served_.socket()});
    Ran ran;
    ran.status = child.wait(std::chrono::seconds(30)).value_or(-1);
    ran.out = read_file(directory / "out", 64 << 20).value_or("");
    ran.err = read_file(directory / "err").value_or("");
    return ran;
  }
  // With a terminal, on which `input` is typed.
  std::string on_a_terminal(const std::string& command, const std::string& input, int expected) {
    const Turn turn;
    const TempDir directory;
    std::ofstream(directory / "typed") << input;
    const std::string script =
        "script -qec '" + kProgram + " " + command + "' /dev/null <" + (directory / "typed").string();
    ChildProcess child({"/bin/sh", "-c", script}, directory / "out", {"VIGILE_SOCKET=" + served_.socket()});
    EXPECT_EQ(child.wait(std::chrono::seconds(30)), expected) << child.output();
    return child.output();
  }
  ServedAgent served_;
  FakeEquipment& equipment_ = served_.agent.fake_equipment;
};

TEST_F(EquipmentCommands, Metrics) {
  for (int i = 0; i < 12'345; ++i) equipment_.page.rows.push_back({kFakeNow + i, "cpu_usage", 1.0 * i, {}});
  Ran ran = run("metrics --metric cpu_usage --metric memory_usage --period 7d --from central");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("TIME (UTC)           METRIC     VALUE  TAGS\n"));
  EXPECT_THAT(ran.out, HasSubstr("… and 800 more (--all)\n"));
  EXPECT_THAT(ran.out, Not(HasSubstr("CURVE"))) << "a pipe is no terminal";
  EXPECT_THAT(equipment_.asked().query.metrics, ElementsAre("cpu_usage", "memory_usage"));
  EXPECT_EQ(equipment_.asked().query.span.from_ns, kFakeNow - 7 * 24 * kFakeHour);
  EXPECT_EQ(equipment_.asked().sink, "central");
  ran = run("metrics --csv");
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 12'346) << "every page, and the header";
  EXPECT_THAT(ran.out, testing::EndsWith(",cpu_usage,12344.0,\r\n"));
  EXPECT_THAT(run("metrics --json --limit 11000").out, HasSubstr("\"count\":11000,\"next\":\"11000\"}"));
  run("metrics --aggregation p95 --window 1h --start 2026-10-01 --end 2026-10-02T10:00:00+02:00");
  EXPECT_EQ(equipment_.asked().query.aggregation, Aggregation::p95);
  EXPECT_EQ(equipment_.asked().query.window, std::chrono::hours(1));
  EXPECT_EQ(equipment_.asked().span.to_ns, kFakeNow - (29 * 24 + 16) * kFakeHour);
  EXPECT_THAT(on_a_terminal("metrics --limit 50", "", 0), HasSubstr("▁"));
}

TEST_F(EquipmentCommands, EveryQuestionInEveryForm) {
  for (const char* command : {"stats", "availability", "history", "dashboard", "dashboard --equipment-id 1",
                              "report", "report --period 7d"}) {
    const Ran table = run(command);
    EXPECT_EQ(table.status, 0) << command << table.err;
    EXPECT_THAT(table.out, Not(StartsWith("{"))) << command;
    EXPECT_THAT(table.out, Not(HasSubstr("\x1b"))) << command;
    const Ran json = run(std::string(command) + " --json");
    EXPECT_EQ(json.status, 0) << command << json.err;
    EXPECT_THAT(json.out, StartsWith("{\"")) << command;
    const Ran csv = run(std::string(command) + " --csv --from influx");
    EXPECT_EQ(csv.status, 0) << command << csv.err;
    EXPECT_THAT(csv.out, HasSubstr("\r\n")) << command;
    EXPECT_EQ(equipment_.asked().sink, "influx") << command;
    EXPECT_EQ(run(std::string(command) + " --csv --json").status, 2) << command;
  }
  run("availability --warning-is-down");
  EXPECT_FALSE(equipment_.asked().options.warning_is_up);
  run("dashboard --period 30m");
  EXPECT_EQ(equipment_.asked().span.from_ns, kFakeNow - kFakeHour) << "whole hours there";
}

TEST_F(EquipmentCommands, ExitStatus) {
  EXPECT_EQ(run("stats --period 1h --start 2026-10-01").status, 2) << "one or the other";
  EXPECT_EQ(run("stats --period never").err,
            "vigilectl: period: \"never\" is not a duration like 500ms, 10s, "
            "5m or 7d\n");
  EXPECT_EQ(run("stats --equipment-id 7").status, 1);
  EXPECT_EQ(run("metrics --aggregation median").status, 2);
  EXPECT_EQ(run("--socket /nowhere stats").status, 3);
  EXPECT_EQ(run("--socket /nowhere record metric a 1 --equipment-id 1").status, 3);
  EXPECT_EQ(run("--socket /nowhere simulate --duration 1").status, 3);
  equipment_.failure = Error{ErrorKind::unavailable, "http://influx:8086: connection refused"};
  const Ran ran = run("report --from influx");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.err, "vigilectl: http://influx:8086: connection refused\n");
}

TEST_F(EquipmentCommands, AsksWhichOneOfSeveral) {
  EquipmentState other;
  other.id = "2";
  equipment_.states.push_back(other);
  const Ran ran = run("stats");
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.err, "vigilectl: say which: --equipment-id 1,2\n");
  EXPECT_EQ(run("stats --equipment-id 2").status, 0);
}

TEST_F(EquipmentCommands, Record) {
  Ran ran = run("record metric temperature -25.5 --tag rack=b --tag note=x=y --time 2026-10-31T23:00:00Z");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "Recorded.\n");
  auto asked = equipment_.asked();
  ASSERT_EQ(asked.metrics.size(), 1U);
  EXPECT_EQ(asked.metrics[0].value, -25.5);
  EXPECT_EQ(asked.metrics[0].tags, (std::map<std::string, std::string>{{"rack", "b"}, {"note", "x=y"}}));
  EXPECT_EQ(asked.metrics[0].time_ns, kFakeNow - kFakeHour);
  EXPECT_EQ(run("record availability down --reason 'no answer' --response-time 45.2").status, 0);
  EXPECT_FALSE(equipment_.asked().is_available);
  EXPECT_EQ(equipment_.asked().reason, "no answer");
  EXPECT_EQ(run("record performance --cpu 12 --memory 40").status, 0);
  EXPECT_EQ(equipment_.asked().memory, 40);
  EXPECT_EQ(run("record status maintenance --until 2h --reason 'new fan'").status, 0);
  EXPECT_EQ(equipment_.asked().status, Status::maintenance);
  EXPECT_TRUE(equipment_.asked().until_ns);
  EXPECT_THAT(run("record metric a 1 --json").out, HasSubstr("\"recorded\":1"));
  for (const char* wrong : {"record", "record metric a", "record metric a b", "record metric a 1 --tag x",
                            "record availability perhaps", "record performance", "record status broken",
                            "record status maintenance --until soon"}) {
    EXPECT_EQ(run(wrong).status, 2) << wrong;
  }
  equipment_.failure = Error{ErrorKind::full, "no space left on device"};
  ran = run("record metric a 1");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.err, "vigilectl: not recorded: no space left on device\n");
}

TEST_F(EquipmentCommands, RecordPoints) {
  Ran ran =
      run("record points --equipment-id 1 --precision s <<'E'\npress force=2.5 1793491200\npress force=3\nE");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "2 points recorded.\n");
  EXPECT_EQ(equipment_.asked().points[0].time_ns, kFakeNow);
  const int before = equipment_.asked().calls;
  ran = run("record points <<E\n$(seq 1 20000 | sed 's/.*/press,part=left force=&/')\nE");
  EXPECT_EQ(ran.out, "20,000 points recorded.\n") << ran.err;
  EXPECT_GT(equipment_.asked().calls - before, 1) << "in parts";
  ran = run("record points <<'E'\npress force=\nE");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("line 1, column 13: expected"));
  EXPECT_EQ(run("record points </dev/null").out, "0 points recorded.\n");
  EXPECT_EQ(run("record points <<E\n$(head -c 300000 /dev/zero | tr '\\0' x)\nE").status, 2);
}

TEST_F(EquipmentCommands, CleanupNeverDeletesUnasked) {
  equipment_.removal = {12, 3400, 56'000, 7, 48, 3};
  Ran ran = run("cleanup --older-than 90d");
  EXPECT_EQ(ran.status, 2) << "there is nobody to ask";
  EXPECT_EQ(equipment_.asked().calls, 0);
  ran = run("cleanup --older-than 90d --dry-run");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("this device's log, would go, before "));
  EXPECT_THAT(ran.out, HasSubstr("3,400 points in 12 segments (54.7 KiB), 48 hours of summaries, 3 changes"));
  EXPECT_THAT(ran.out, HasSubstr("7 points of that time are not delivered yet\n  and stay"));
  EXPECT_TRUE(equipment_.asked().dry_run);
  ran = run("cleanup --older-than 90d --yes --undelivered --equipment-id 1 --local");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_FALSE(equipment_.asked().dry_run);
  EXPECT_TRUE(equipment_.asked().undelivered);
  EXPECT_EQ(equipment_.asked().id, "1");
  EXPECT_EQ(equipment_.asked().calls, 2) << "asked once, when told not to ask";
  EXPECT_EQ(run("cleanup --older-than soon --yes").status, 2);
  EXPECT_EQ(run("cleanup --yes").status, 2);
  EXPECT_EQ(run("cleanup --older-than 1d --yes --dry-run").status, 2);
}

TEST_F(EquipmentCommands, CleanupAsksOnATerminal) {
  EXPECT_THAT(on_a_terminal("cleanup --older-than 90d", "n\n", 1), HasSubstr("Nothing is deleted."));
  EXPECT_EQ(equipment_.asked().calls, 1);
  EXPECT_TRUE(equipment_.asked().dry_run);
  EXPECT_THAT(on_a_terminal("cleanup --older-than 90d", "y\n", 0), HasSubstr("this device's log, gone"));
  EXPECT_FALSE(equipment_.asked().dry_run);
}

// A server's data: what cleanup asks of it.
class FakeRemote final : public RemoteData {
 public:
  std::vector<std::string> calls;
  Result<std::vector<std::string>> sinks() override { return std::vector<std::string>{"central", "second"}; }
  Result<RemoteCleanup> delete_before(const std::string& sink, std::int64_t, const std::string& equipment_id,
                                      bool dry_run) override {
    calls.push_back(sink + " " + equipment_id + (dry_run ? " dry" : ""));
    if (sink == failing) return Error{ErrorKind::permission, "401 unauthorized"};
    return RemoteCleanup{sink, "http://influx:8086 equipment_metrics", 42};
  }
  std::string failing;
};

TEST_F(EquipmentCommands, CleanupAtTheServers) {
  const CommandContext context{Client(served_.socket()), {}, false, false};
  CleanupOptions options;
  options.older_than = "90d";
  options.remote = true;
  options.yes = true;
  options.equipment_id = "1";
  FakeRemote remote;
  testing::internal::CaptureStdout();
  EXPECT_EQ(cleanup_command(context, options, &remote), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              HasSubstr("sink central, http://influx:8086 equipment_metrics: gone, before "));
  EXPECT_THAT(remote.calls, ElementsAre("central 1", "second 1"));
  EXPECT_EQ(equipment_.asked().calls, 0) << "the log is not asked for";
  options.local = true;
  options.yes = false;
  options.dry_run = true;
  testing::internal::CaptureStdout();
  EXPECT_EQ(cleanup_command(context, options, &remote), 0);
  testing::internal::GetCapturedStdout();
  EXPECT_EQ(equipment_.asked().calls, 1);
  EXPECT_EQ(remote.calls.back(), "second 1 dry");
  remote.failing = "central";
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  EXPECT_EQ(cleanup_command(context, options, &remote), 1);
  testing::internal::GetCapturedStdout();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "vigilectl: sink central: 401 unauthorized\n");
  testing::internal::CaptureStderr();
  EXPECT_EQ(cleanup_command(context, options, nullptr), 2);
  testing::internal::GetCapturedStderr();
}

TEST_F(EquipmentCommands, SimulateFillsThePast) {
  const Ran ran = run("simulate --equipment-id 1 --backfill 1d --interval 60 --duration 0");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("tag simulated=true.\n"));
  std::map<std::string, int> rounds;
  std::int64_t least = INT64_MAX;
  std::int64_t most = 0;
  for (const RecordedMetric& metric : equipment_.all_metrics()) {
    ++rounds[metric.metric];
    EXPECT_EQ(metric.tags.at("simulated"), "true");
    least = std::min(least, metric.time_ns.value_or(0));
    most = std::max(most, metric.time_ns.value_or(INT64_MAX));
  }
  EXPECT_EQ(rounds["availability"], 1440);
  EXPECT_GT(rounds["cpu_usage"], 1000);
  EXPECT_EQ(rounds["cpu_usage"], rounds["temperature"]);
  EXPECT_EQ(most - least, 1439 * 60'000'000'000);
  EXPECT_THAT(equipment_.availabilities(), IsEmpty()) << "no change of status is made up for the past";
}

TEST_F(EquipmentCommands, SimulateMakesOutagesOfThePast) {
  const Ran ran = run("simulate --equipment-id 1 --backfill 7d --interval 600 --duration 0 --json");
  ASSERT_EQ(ran.status, 0) << ran.err;
  const std::vector<StatusChange> changes = equipment_.asked().past_changes;
  ASSERT_GT(changes.size(), 4U);
  EXPECT_EQ(changes.front().reason, "simulated: begins");
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const bool down = i % 2 == 1;
    EXPECT_EQ(changes[i].new_status, down ? "offline" : "online");
    EXPECT_EQ(changes[i].old_status, "simulated") << "the tag";
    if (i > 0) {
      EXPECT_EQ(changes[i].reason, down ? "simulated outage" : "simulated: back");
      EXPECT_GT(changes[i].time_ns, changes[i - 1].time_ns);
    }
  }
  EXPECT_EQ(changes.back().new_status, "online");
  EXPECT_THAT(ran.out, HasSubstr("\"status_changes\":" + std::to_string(changes.size() - 1)));
}

TEST_F(EquipmentCommands, SimulateGoesWithTheTime) {
  const Ran ran = run("simulate --duration 86400 --interval 600 --speed 1000000x --json");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("{\"equipment_id\":\"1\",\"readings\":"));
  const auto told = equipment_.availabilities();
  ASSERT_FALSE(told.empty());
  EXPECT_TRUE(told.front());
  EXPECT_TRUE(told.back()) << "it is not left down for good";
  for (std::size_t i = 1; i < told.size(); ++i) EXPECT_NE(told[i], told[i - 1]) << "changes only";
  EXPECT_EQ(run("simulate --equipment-id 7").status, 1);
  EXPECT_EQ(run("simulate --speed 0").status, 2);
  EXPECT_EQ(run("simulate --backfill x").status, 2);
}

TEST_F(EquipmentCommands, CtrlCEndsASimulationCleanly) {
  const TempDir directory;
  ChildProcess child({kProgram, "simulate", "--duration", "3600", "--interval", "1"}, directory / "out",
                     {"VIGILE_SOCKET=" + served_.socket()});
  ASSERT_TRUE(eventually([&] { return !equipment_.availabilities().empty(); }));
  child.signal(SIGINT);
  EXPECT_EQ(child.wait(std::chrono::seconds(20)), 0);
  EXPECT_THAT(child.output(),
              HasSubstr("readings and 0 changes of availability sent, tag simulated=true.\n"));
}

TEST_F(EquipmentCommands, ProgressIsForTerminals) {
  const std::string shown = on_a_terminal("simulate --backfill 1d --duration 0", "", 0);
  EXPECT_THAT(shown, HasSubstr("] 100 %"));
  EXPECT_THAT(shown, HasSubstr("█"));
  EXPECT_THAT(run("simulate --backfill 1d --duration 0").out, Not(HasSubstr("%")));
}

}  // namespace
}  // namespace vigile
