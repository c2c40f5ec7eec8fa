// SPDX-License-Identifier: Apache-2.0
// Every route, over the socket.
#include <gmock/gmock.h>

#include <sstream>

#include <nlohmann/json.hpp>

#include "served_agent.h"

namespace vigile {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class RoutesTest : public testing::Test {
 protected:
  RoutesTest() { served_.agent.agent_status = example_status(); }
  Json get(const std::string& target, int expected = 200) { return ask_json("GET", target, expected); }
  Json ask_json(const std::string& method, const std::string& target, int expected = 200) {
    const std::string answer = ask(served_.socket(), method + " " + target);
    EXPECT_EQ(status_of(answer), expected) << answer;
    return Json::parse(body_of(answer), nullptr, false);
  }
  ServedAgent served_;
};

TEST_F(RoutesTest, HealthSaysWhyNot) {
  served_.agent.agent_status.healthy = false;
  served_.agent.agent_status.unhealthy_reason = "no commit for 40 s";
  EXPECT_EQ(get("/healthz", 503), Json({{"status", "failing"}, {"reason", "no commit for 40 s"}}));
}

TEST_F(RoutesTest, SettingsFromABrokerAreShownWhereTheyAreOn) {
  served_.agent.agent_status.remote_settings =
      RemoteSettingsView{.broker = "mqtts://broker:8883",
                         .topic = "vigile/12/press-07/settings",
                         .connected = true,
                         .serial = 7,
                         .trial_left = std::chrono::seconds(93),
                         .failed_serial = 6,
                         .failed_reason = "sink central is paused",
                         .refused = "serial 5 is not above 7, which was here already"};
  EXPECT_EQ(get("/api/agent/status")["remote_settings"], Json::parse(R"({
    "broker": "mqtts://broker:8883", "topic": "vigile/12/press-07/settings", "connected": true, "reason": "",
    "conflict": "", "conflicts": 0, "serial": 7, "trial_left_s": 93.0, "failed_serial": 6, "failed_reason": "sink central is paused",
    "refused": "serial 5 is not above 7, which was here already"})"));
  const std::string page = body_of(ask(served_.socket(), "GET /metrics"));
  for (const char* const line : {"vigile_settings_connected 1\n", "vigile_settings_serial 7\n",
                                 "vigile_settings_on_trial 1\n", "vigile_settings_failed_serial 6\n"})
    EXPECT_THAT(page, testing::HasSubstr(line));
}

TEST_F(RoutesTest, StatusHasEverything) {
  using namespace std::chrono_literals;
  AgentStatus& status = served_.agent.agent_status;
  status.drivers[1].stuck_for = 12min;
  status.drivers[1].last_error = "no answer";
  status.sinks[0].reason = "bytes \xff that are no text";
  status.sinks[0].next_try = 1500ms;
  status.log.dropped_points = 5;
  status.log.dropped_from_ns = to_ns(status.now - 60s);
  const Json answer = get("/api/agent/status");
  EXPECT_EQ(answer["version"], "0.1.0");
  EXPECT_EQ(answer["site_id"], "12");
  EXPECT_EQ(answer["site_name"], "Lyon-Nord");
  EXPECT_EQ(answer["device"], "press-07");
  EXPECT_EQ(answer["config_file"], "/etc/vigile/vigile.yaml");
  EXPECT_EQ(answer["pid"], 4242);
  EXPECT_EQ(answer["now"], "2026-11-01T00:00:00.000Z");
  EXPECT_EQ(answer["uptime_s"], 273900.0);
  EXPECT_EQ(answer["clock"], "set");
  EXPECT_EQ(answer["healthy"], true);
  EXPECT_EQ(answer["unhealthy_reason"], "");
  EXPECT_EQ(answer["commit_error"], "");
  EXPECT_EQ(answer["committed_points"], 1234687);
  EXPECT_EQ(answer["waiting_points"], 14);
  EXPECT_EQ(answer["ring_dropped_points"], 0);
  EXPECT_EQ(answer["flash_bytes_today"], 5600000);
  EXPECT_EQ(answer["flash_bytes"], 18000000);
  EXPECT_EQ(answer["resident_bytes"], 14 << 20);
  EXPECT_EQ(answer["private_dirty_bytes"], 2300000);
  EXPECT_EQ(answer["cpu_seconds"], 27.4);
  ASSERT_EQ(answer["drivers"].size(), 2U);
  EXPECT_EQ(answer["drivers"][1], Json::parse(R"({
    "name": "1/http", "driver": "http", "equipment_id": "1", "state": "ok", "every_s": 30.0,
    "last_run": "2026-10-31T23:59:48.000Z", "last_duration_ms": 12.4, "last_error": "no answer",
    "stuck_for_s": 720.0, "runs": 9130, "errors": 3, "late_ticks": 2, "points": 273900, "left_out": 0})"));
  EXPECT_EQ(answer["drivers"][0]["stuck_for_s"], nullptr);
  EXPECT_EQ(answer["remote_settings"], nullptr);  // off
  ASSERT_EQ(answer["sinks"].size(), 2U);
  EXPECT_EQ(answer["sinks"][0], Json::parse(R"({
    "name": "central", "kind": "influx", "target": "http://influx.example:8086", "state": "delivering",
    "reason": "bytes \ufffd that are no text", "last_acknowledged": "2026-10-31T23:59:57.000Z",
    "next_try_s": 1.5, "delivered_points": 1234567, "delivered_bytes": 240000000, "requests": 27000,
    "failures": 4, "dead_letters": 0, "lag_points": 120, "lag_s": 8.0, "batch_bytes": 1048576,
    "conflicts": 0})"));
  EXPECT_EQ(answer["sinks"][1]["lag_s"], nullptr);
  EXPECT_EQ(answer["log"], Json::parse(R"({
    "segments": 274000, "points": 1234687, "first_seq": 1, "last_seq": 274000, "size_bytes": 50331648,
    "max_size_bytes": 268435456, "payload_bytes": 22020096, "appended_points": 1234687, "dropped_points": 5,
    "dropped_from": "2026-10-31T23:59:00.000Z", "dropped_to": null, "thinned_points": 0,
    "thinned_made_points": 0, "thinned_from": null, "thinned_to": null, "damaged_segments": 0, "damaged_points": 0, "damaged_at_least": false,
    "salvaged_segments": 0, "dead_letters": 0, "set_aside": "",
    "sinks": [{"sink": "central", "known": true, "segments": 12, "points": 120,
               "oldest": "2026-10-31T23:59:52.000Z"},
              {"sink": "plant", "known": true, "segments": 0, "points": 0, "oldest": null}]})"));
}

TEST_F(RoutesTest, FlushCommitsOrSaysWhyNot) {
  EXPECT_EQ(ask_json("POST", "/api/agent/flush"), Json({{"flushed", true}}));
  EXPECT_EQ(served_.agent.flushes, 1);
  served_.agent.flush_result = Error{ErrorKind::full, "/var/lib/vigile/vigile.db: no space left"};
  EXPECT_EQ(ask_json("POST", "/api/agent/flush", 507),
            Json({{"error", "/var/lib/vigile/vigile.db: no space left"}}));
  EXPECT_EQ(ask_json("GET", "/api/agent/flush", 405), Json({{"error", "expected POST"}}));
  EXPECT_EQ(served_.agent.flushes, 2);
}

TEST_F(RoutesTest, ReloadReports) {
  served_.agent.reload_report = {true, {"sink central restarted"}};
  EXPECT_EQ(ask_json("POST", "/api/agent/reload"),
            Json({{"accepted", true}, {"messages", {"sink central restarted"}}}));
  served_.agent.reload_report = {false, {"a.yaml:1:2: x", "a.yaml:3:4: y"}};
  const Json refused = ask_json("POST", "/api/agent/reload", 422);
  EXPECT_EQ(refused["accepted"], false);
  EXPECT_EQ(refused["messages"].size(), 2U);
  EXPECT_EQ(refused["error"], "a.yaml:1:2: x\na.yaml:3:4: y");
}

TEST_F(RoutesTest, DriversAreListedAndShown) {
  static constexpr std::string_view kChoices[] = {"a", "b"};
  static constexpr OptionSpec kColumns[] = {{.name = "core", .type = OptionType::integer, .help = "From 0."}};
  DriverDescription cpu{.name = "cpu", .summary = "Processor time."};
  cpu.options.push_back(
      {.name = "mode", .type = OptionType::choice, .help = "Which.", .fallback = "a", .choices = kChoices});
  cpu.options.push_back({.name = "password", .help = "", .fallback = "", .required = true, .secret = true});
  cpu.options.push_back({.name = "cores", .type = OptionType::rows, .help = "Which.", .columns = kColumns});
  cpu.metrics.push_back({"cpu_usage", "usage", "float", "percent", "/proc/stat, cpu line"});
  served_.agent.descriptions = {
      cpu, DriverDescription{.name = "http", .summary = "A web server.", .may_block = true},
      DriverDescription{.name = "lost", .summary = "Not in this build.", .missing = "no libnothing"}};
  EXPECT_EQ(get("/api/agent/drivers"), Json::parse(R"({"drivers": [
    {"name": "cpu", "summary": "Processor time.", "may_block": false, "missing": "", "metrics": 1},
    {"name": "http", "summary": "A web server.", "may_block": true, "missing": "", "metrics": 0},
    {"name": "lost", "summary": "Not in this build.", "may_block": false, "missing": "no libnothing",
     "metrics": 0}]})"));
  EXPECT_EQ(get("/api/agent/drivers/cpu"), Json::parse(R"({
    "name": "cpu", "summary": "Processor time.", "may_block": false, "missing": "", "named_metrics": "",
    "options": [{"name": "mode", "type": "choice", "help": "Which.", "default": "a", "required": false,
                 "secret": false, "choices": ["a", "b"], "columns": []},
                {"name": "password", "type": "text", "help": "", "default": "", "required": true,
                 "secret": true, "choices": [], "columns": []},
                {"name": "cores", "type": "rows", "help": "Which.", "default": "", "required": false,
                 "secret": false, "choices": [],
                 "columns": [{"name": "core", "type": "integer", "help": "From 0.", "default": "",
                              "required": false, "secret": false, "choices": [], "columns": []}]}],
    "metrics": [{"name": "cpu_usage", "field": "usage", "type": "float", "unit": "percent",
                 "source": "/proc/stat, cpu line"}]})"));
  EXPECT_EQ(get("/api/agent/drivers/gpu", 404),
            Json({{"error", "no driver \"gpu\"; did you mean \"cpu\"?; there are: cpu, http, lost"}}));
}

TEST_F(RoutesTest, DeadLettersInPages) {
  for (std::uint64_t id = 1; id <= 50; ++id) {
    served_.agent.fake_log.letters.push_back(
        {id, id % 2 == 0 ? "even" : "odd", 1793491200'000000000, "cpu x=1 " + std::to_string(id), "type"});
  }
  Json page = get("/api/agent/dead-letters?sink=even&limit=20");
  ASSERT_EQ(page["dead_letters"].size(), 20U);
  EXPECT_EQ(page["dead_letters"][0],
            Json::parse(R"({"id": 2, "sink": "even", "refused": "2026-11-01T00:00:00.000Z",
                            "line": "cpu x=1 2", "reason": "type", "resend": false})"));
  EXPECT_EQ(page["next_after"], 40);
  page = get("/api/agent/dead-letters?sink=even&limit=20&after=40");
  EXPECT_EQ(page["dead_letters"].size(), 5U);
  EXPECT_EQ(page["next_after"], nullptr);
  EXPECT_EQ(get("/api/agent/dead-letters")["dead_letters"].size(), 50U);
  get("/api/agent/dead-letters?limit=0", 400);
  get("/api/agent/dead-letters?limit=1001", 400);
  get("/api/agent/dead-letters?after=x", 400);
}

TEST_F(RoutesTest, APageOfLongDeadLettersIsBounded) {
  for (std::uint64_t id = 1; id <= 20; ++id) {
    served_.agent.fake_log.letters.push_back({id, "s", 0, std::string(100'000, 'x'), "too long"});
  }
  std::uint64_t after = 0;
  std::vector<std::uint64_t> ids;
  for (int pages = 0; pages < 20; ++pages) {
    const std::string answer =
        ask(served_.socket(), "GET /api/agent/dead-letters?limit=1000&after=" + std::to_string(after));
    EXPECT_LT(answer.size(), 400'000U);
    const Json page = Json::parse(body_of(answer));
    for (const Json& letter : page["dead_letters"]) ids.push_back(letter["id"]);
    if (page["next_after"].is_null()) break;
    after = page["next_after"];
  }
  ASSERT_EQ(ids.size(), 20U);
  for (std::uint64_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], i + 1);
}

TEST_F(RoutesTest, DeadLettersAreClearedOnlyWhenSaidWhich) {
  served_.agent.fake_log.letters = {{1, "a", 0, "l", "r"}, {2, "b", 0, "l", "r"}, {3, "b", 0, "l", "r"}};
  ask_json("DELETE", "/api/agent/dead-letters", 400);
  ask_json("DELETE", "/api/agent/dead-letters?sink=a&all=true", 400);
  ask_json("DELETE", "/api/agent/dead-letters?snik=a", 400);
  EXPECT_EQ(ask_json("DELETE", "/api/agent/dead-letters?sink=b"), Json({{"cleared", 2}}));
  EXPECT_EQ(ask_json("DELETE", "/api/agent/dead-letters?all=true"), Json({{"cleared", 1}}));
}

TEST_F(RoutesTest, DeadLettersAreSentAgainOnlyWhenSaidWhich) {
  served_.agent.fake_log.letters = {
      {1, "a", 0, "l", "type conflict"}, {2, "b", 0, "l", "too old"}, {3, "b", 0, "l", "type conflict"}};
  ask_json("POST", "/api/agent/dead-letters/resend", 400);
  ask_json("POST", "/api/agent/dead-letters/resend?sink=a&all=true", 400);
  ask_json("POST", "/api/agent/dead-letters/resend?id=0", 400);
  ask_json("POST", "/api/agent/dead-letters/resend?ids=1", 400);
  EXPECT_EQ(ask_json("POST", "/api/agent/dead-letters/resend?sink=b&reason=type%20conflict"),
            Json({{"queued", 1}}));
  const Json letters = get("/api/agent/dead-letters")["dead_letters"];
  EXPECT_EQ(letters[1]["resend"], false);
  EXPECT_EQ(letters[2]["resend"], true);
  EXPECT_EQ(ask_json("POST", "/api/agent/dead-letters/resend?id=2"), Json({{"queued", 1}}));
  EXPECT_EQ(ask_json("POST", "/api/agent/dead-letters/resend?all=true"), Json({{"queued", 3}}));
}

TEST_F(RoutesTest, StoreForgetsOnlySinksThatAreNotSet) {
  served_.agent.fake_log.log_status = example_status().log;
  served_.agent.fake_log.log_status.sinks.push_back({"old/one", false, 3, 30, 0});
  EXPECT_EQ(get("/api/agent/store")["sinks"].size(), 3U);
  EXPECT_THAT(ask_json("DELETE", "/api/agent/store/sinks/central", 409)["error"].get<std::string>(),
              HasSubstr("in the settings"));
  EXPECT_EQ(ask_json("DELETE", "/api/agent/store/sinks/old%2Fone"), Json({{"forgotten", "old/one"}}));
  ask_json("DELETE", "/api/agent/store/sinks/old%2Fone", 404);
  EXPECT_EQ(get("/api/agent/store")["sinks"].size(), 2U);
}

TEST_F(RoutesTest, MetricsAreTextExposition) {
  served_.agent.agent_status.site_name = "Lyon \"Nord\"";
  const std::string answer = ask(served_.socket(), "GET /metrics");
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  const std::string page = body_of(answer);
  for (const char* line :
       {"# TYPE vigile_info gauge\nvigile_info{version=\"0.1.0\",site_id=\"12\",site_name=\"Lyon "
        "\\\"Nord\\\"\",device=\"press-07\"} 1\n",
        "vigile_healthy 1\n",
        "# TYPE vigile_committed_points_total counter\nvigile_committed_points_total 1234687\n",
        "vigile_driver_runs_total{name=\"1/cpu\",driver=\"cpu\",equipment_id=\"1\"} 27390\n",
        "vigile_driver_last_duration_seconds{name=\"1/http\",driver=\"http\",equipment_id=\"1\"} 0.0124\n",
        "vigile_sink_lag_points{sink=\"central\",kind=\"influx\"} 120\n",
        "vigile_sink_lag_seconds{sink=\"plant\",kind=\"mqtt\"} 0\n",
        "vigile_sink_state{sink=\"plant\",kind=\"mqtt\",state=\"idle\"} 1\n",
        "vigile_backlog_points{sink=\"central\",known=\"1\"} 120\n",
        "vigile_sink_last_acknowledged_timestamp_seconds{sink=\"central\",kind=\"influx\"} 1793491197\n"}) {
    EXPECT_THAT(page, HasSubstr(line));
  }
  // Each family once, its header first; every counter's name ends in _total.
  std::map<std::string, int> seen;
  std::istringstream lines(page);
  std::string family;
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string hash;
    std::string word;
    std::string name;
    words >> hash;
    if (hash == "#") {
      words >> word >> name;
      if (word == "HELP") {
        EXPECT_EQ(++seen[name], 1) << name;
        family = name;
      } else {
        std::string type;
        words >> type;
        EXPECT_EQ(name, family);
        EXPECT_EQ(type == "counter", name.ends_with("_total")) << name;
      }
      continue;
    }
    EXPECT_EQ(line.substr(0, line.find_first_of("{ ")), family);
  }
  EXPECT_GT(seen.size(), 40U);
}

TEST_F(RoutesTest, HeadHasNoBody) {
  const std::string answer = ask(served_.socket(), "HEAD /healthz");
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_EQ(body_of(answer), "");
  EXPECT_EQ(status_of(ask(served_.socket(), "HEAD /api/agent/points")), 200);
  EXPECT_EQ(served_.agent.subscribers(), 0U);
}

}  // namespace
}  // namespace vigile
