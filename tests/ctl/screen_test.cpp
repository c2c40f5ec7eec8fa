// SPDX-License-Identifier: Apache-2.0
// Screens, letter by letter.
#include <gmock/gmock.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "api/json_text.h"
#include "api/status_json.h"
#include "ctl/screen.h"
#include "ctl/text.h"
#include "fake_agent.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

std::string screen_of(const AgentStatus& status, ScreenStyle style = {}) {
  const auto screen = render_status(to_text(status_json(status)), style);
  return screen ? *screen : screen.error().message;
}

void expect_80_columns(const std::string& screen) {
  std::string_view rest = screen;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    EXPECT_LE(columns(line), 80U) << line;
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
}

TEST(StatusScreen, Healthy) {
  const std::string screen = screen_of(example_status());
  EXPECT_EQ(screen, R"(Lyon-Nord (site 12) · press-07                                           healthy
vigiled 0.1.0 · up 3 d 4 h · pid 4242 · /etc/vigile/vigile.yaml
clock set, 2026-11-01T00:00:00.000Z

SINK     KIND    STATE       LAG POINTS  LAG AGE  LAST ACK
central  influx  delivering         120      8 s   3 s ago
plant    mqtt    idle                 0        -   1 s ago

DRIVER  STATE  EVERY    TOOK    RUNS  ERRORS  LATE  LAST RUN
1/cpu   ok      10 s  0.3 ms  27,390       0     0   4 s ago
1/http  ok      30 s   12 ms   9,130       3     2  12 s ago

store    48.0 MiB of 256.0 MiB · 1,234,687 points held · 5.3 MiB written today
         14 waiting · 0 dropped · 0 dead letters
process  14.0 MiB resident · 2.2 MiB its own · 27.4 s CPU (0.01 %)
)");
  expect_80_columns(screen);
}

TEST(StatusScreen, SettingsFromABroker) {
  AgentStatus status = example_status();
  status.remote_settings.emplace();
  status.remote_settings->broker = "mqtts://broker.example:8883";
  const auto last_lines = [&] {
    const std::string screen = screen_of(status);
    expect_80_columns(screen);
    return screen.substr(screen.find("settings"));
  };
  status.remote_settings->reason = "mqtts://broker.example:8883: refuses to connect";
  EXPECT_EQ(last_lines(), R"(settings of this device alone
         none can arrive: mqtts://broker.example:8883: refuses to connect
)");
  status.remote_settings->connected = true;
  status.remote_settings->serial = 7;
  status.remote_settings->trial_left = 93s;
  status.remote_settings->failed_serial = 6;
  status.remote_settings->failed_reason =
      "sink central does not deliver, it is paused: HTTP 401: no such token";
  status.remote_settings->refused = "the signature is of none of the public keys, or the text was changed";
  EXPECT_EQ(last_lines(),
            R"(settings serial 7 from the broker, on trial for 1 min more
         serial 6 was taken back: sink central does not deliver, it is paused:
         HTTP 401: no such token
         refused: the signature is of none of the public keys, or the text was
         changed
)");
}

TEST(StatusScreen, PausedSink) {
  AgentStatus status = example_status();
  status.sinks[0].state = "paused";
  status.sinks[0].reason =
      "http://influx.example:8086: 401 unauthorized: token does not exist, or may not write to this bucket";
  status.sinks[0].next_try = 247s;
  status.sinks[0].lag_points = 1'234'567;
  status.sinks[0].lag = 51h;
  status.sinks[0].last_acknowledged = status.now - 51h;
  status.log.dropped_points = 12'000;
  status.log.dead_letters = 3;
  const std::string screen = screen_of(status);
  EXPECT_EQ(screen, R"(Lyon-Nord (site 12) · press-07                                           healthy
vigiled 0.1.0 · up 3 d 4 h · pid 4242 · /etc/vigile/vigile.yaml
clock set, 2026-11-01T00:00:00.000Z

SINK     KIND    STATE   LAG POINTS  LAG AGE     LAST ACK
central  influx  paused   1,234,567  2 d 3 h  2 d 3 h ago
  http://influx.example:8086: 401 unauthorized: token does not exist, or may not
  write to this bucket; next try in 4 min
plant    mqtt    idle             0        -      1 s ago

DRIVER  STATE  EVERY    TOOK    RUNS  ERRORS  LATE  LAST RUN
1/cpu   ok      10 s  0.3 ms  27,390       0     0   4 s ago
1/http  ok      30 s   12 ms   9,130       3     2  12 s ago

store    48.0 MiB of 256.0 MiB · 1,234,687 points held · 5.3 MiB written today
         14 waiting · 12,000 dropped · 3 dead letters
process  14.0 MiB resident · 2.2 MiB its own · 27.4 s CPU (0.01 %)
)");
  expect_80_columns(screen);
}

TEST(StatusScreen, StuckDriver) {
  AgentStatus status = example_status();
  status.healthy = false;
  status.unhealthy_reason = "1/http has not come back for 12 min";
  status.drivers[1].state = "stuck";
  status.drivers[1].stuck_for = 12min + 3s;
  status.drivers[1].last_error = "http://127.0.0.1/health: no answer within 5 s\x1b[2J";
  const std::string screen = screen_of(status);
  EXPECT_EQ(screen, R"(Lyon-Nord (site 12) · press-07                                           FAILING
vigiled 0.1.0 · up 3 d 4 h · pid 4242 · /etc/vigile/vigile.yaml
  1/http has not come back for 12 min
clock set, 2026-11-01T00:00:00.000Z

SINK     KIND    STATE       LAG POINTS  LAG AGE  LAST ACK
central  influx  delivering         120      8 s   3 s ago
plant    mqtt    idle                 0        -   1 s ago

DRIVER  STATE  EVERY    TOOK    RUNS  ERRORS  LATE  LAST RUN
1/http  stuck   30 s   12 ms   9,130       3     2  12 s ago
  has not come back for 12 min
  http://127.0.0.1/health: no answer within 5 s?[2J
1/cpu   ok      10 s  0.3 ms  27,390       0     0   4 s ago

store    48.0 MiB of 256.0 MiB · 1,234,687 points held · 5.3 MiB written today
         14 waiting · 0 dropped · 0 dead letters
process  14.0 MiB resident · 2.2 MiB its own · 27.4 s CPU (0.01 %)
)");
  expect_80_columns(screen);
}

TEST(StatusScreen, EmptyAgent) {
  AgentStatus status;
  status.now = example_status().now;
  status.clock = "unset";
  const std::string screen = screen_of(status);
  EXPECT_EQ(screen, R"(site - · -                                                               healthy
vigiled - · up 0 s · pid 0
clock unset: readings wait until it is set

No sinks: readings are kept on the device.

No drivers: nothing is sampled.

store    0 B of 0 B · 0 points held · 0 B written today
         0 waiting · 0 dropped · 0 dead letters
process  0 B resident · 0 B its own · 0.0 s CPU
)");
}

TEST(StatusScreen, LongTablesShowWhatFailsAndCountTheRest) {
  AgentStatus status = example_status();
  DriverView driver = status.drivers[0];
  status.drivers.clear();
  for (int i = 0; i < 300; ++i) {
    driver.name = "equipment-with-a-rather-long-identifier-" + std::to_string(i) + "/modbus";
    driver.state = i == 250 ? "failing" : "ok";
    driver.last_error = i == 250 ? std::string(400, 'e') : "";
    status.drivers.push_back(driver);
  }
  const std::string screen = screen_of(status);
  expect_80_columns(screen);
  EXPECT_THAT(screen, testing::HasSubstr("\n… and 288 more (--all)\n"));
  EXPECT_LT(screen.find("failing"), screen.find("  ok  "));
  EXPECT_LT(std::count(screen.begin(), screen.end(), '\n'), 40);
  ScreenStyle all;
  all.all = true;
  const std::string whole = screen_of(status, all);
  EXPECT_GT(std::count(whole.begin(), whole.end(), '\n'), 300);
}

TEST(StatusScreen, ColoursOnlyWhenAsked) {
  ScreenStyle style;
  EXPECT_THAT(screen_of(example_status(), style), testing::Not(testing::HasSubstr("\x1b")));
  style.colour = true;
  EXPECT_THAT(screen_of(example_status(), style), testing::HasSubstr("\x1b[32mhealthy\x1b[0m"));
}

TEST(StatusScreen, TakesWhateverIsJson) {
  for (const char* json :
       {"{}", R"({"drivers": 5, "sinks": {"a": []}, "log": [], "healthy": "x", "pid": "y"})",
        R"({"drivers": [null, 1, [], {"last_error": 7, "every_s": "x", "stuck_for_s": -1}],
                               "sinks": [{"reason": "x", "next_try_s": 1e300, "last_acknowledged": "then"}],
                               "uptime_s": -3, "now": "2026"})"}) {
    EXPECT_TRUE(render_status(json, {})) << json;
    EXPECT_TRUE(render_store(json, {})) << json;
    EXPECT_TRUE(render_drivers(json, {})) << json;
    EXPECT_TRUE(render_driver(json, {})) << json;
    EXPECT_TRUE(render_dead_letters(json, {})) << json;
  }
  EXPECT_EQ(render_status("<html>", {}).error().message, "the daemon's answer is no JSON object: <html>");
  EXPECT_FALSE(render_status("[1]", {}));
}

TEST(DriversScreen, ShowsEntriesNamedMetricsAndWhatIsMissing) {
  EXPECT_EQ(*render_driver(
                R"({"name": "bus", "summary": "Registers.", "named_metrics": "Each of `registers` is one.",
      "options": [{"name": "registers", "type": "rows", "help": "What is read.", "required": true,
        "columns": [{"name": "address", "type": "integer", "help": "From 0.", "default": "0"}]}],
      "metrics": []})",
                {}),
            R"(bus: Registers.

OPTION               TYPE     DEFAULT
registers            rows     (required)
  What is read.
registers[].address  integer  0
  From 0.

The settings name metrics. Each of `registers` is one.
)");
  const std::string missing =
      R"({"name": "bus", "summary": "Not in this build.", "missing": "no libbus-dev"})";
  EXPECT_EQ(*render_driver(missing, {}), "bus: Not in this build.\nno libbus-dev\n");
  EXPECT_THAT(*render_drivers(R"({"drivers": [)" + missing + "]}", {}),
              testing::HasSubstr("  no libbus-dev\n"));
}

TEST(DriversScreen, ShowsWhatRunsWithItsWholeErrors) {
  const std::string long_error = "tcp://192.0.2.7:502 unit 3, register 17: " + std::string(90, 'x') + " end";
  const std::string json = R"({"drivers": [], "instances": [
      {"name": "1/cpu", "driver": "cpu", "state": "ok", "errors": 0, "last_error": ""},
      {"name": "2/press", "driver": "modbus", "state": "failing", "errors": 1234, "last_error": ")" +
                           long_error + R"("}]})";
  const std::string shown =
      *render_drivers(R"({"drivers": [{"name": "cpu", "summary": "Time.", "metrics": 9}],)" +
                          json.substr(json.find(R"("instances")")),
                      {});
  EXPECT_THAT(shown,
              testing::HasSubstr("INSTANCE  DRIVER  STATE    ERRORS\n1/cpu     cpu     ok            0\n"
                                 "2/press   modbus  failing   1,234\n"
                                 "  tcp://192.0.2.7:502 unit 3, register 17:\n"));
  EXPECT_THAT(shown, testing::HasSubstr("x end\n"));
}

TEST(StatusScreen, AllHasWholeErrorsAndAPipeCutsNothing) {
  AgentStatus status = example_status();
  std::string error;
  for (int i = 0; i < 40; ++i) error += "cause " + std::to_string(i) + ", ";
  status.drivers[0].last_error = error + "last word";
  status.drivers[0].name = "1/" + std::string(100, 'n');
  status.sinks[0].reason = error + "last reason";
  const std::string shown = screen_of(status);
  EXPECT_THAT(shown, testing::Not(testing::HasSubstr("last ")));
  expect_80_columns(shown);
  ScreenStyle all;
  all.all = true;
  EXPECT_THAT(screen_of(status, all),
              testing::AllOf(testing::HasSubstr("word"), testing::HasSubstr("reason")));
  expect_80_columns(screen_of(status, all));
  ScreenStyle pipe;
  pipe.whole = true;
  EXPECT_THAT(screen_of(status, pipe),
              testing::AllOf(testing::HasSubstr(error + "last word\n"), testing::HasSubstr("last reason"),
                             testing::HasSubstr(status.drivers[0].name + " ")));
}

TEST(DriversScreen, ListsAndShows) {
  std::string screen = *render_drivers(R"({"drivers": [
      {"name": "cpu", "summary": "Processor time, in all and for each core.", "may_block": false, "metrics": 9},
      {"name": "http", "summary": "How fast a web server answers, split into name look-up, connection, TLS and answer.",
       "may_block": true, "metrics": 12}]})",
                                       {});
  EXPECT_EQ(screen, R"(DRIVER  METRICS  WHAT IT SAMPLES
cpu           9  Processor time, in all and for each core.
http         12  How fast a web server answers, split into name look-up, connec…

vigilectl drivers show NAME prints its options and a sample.
)");
  expect_80_columns(screen);
  screen = *render_driver(R"({"name": "http", "summary": "How fast a web server answers.", "may_block": true,
      "options": [
        {"name": "url", "type": "text", "help": "What is asked for.", "default": "", "required": true},
        {"name": "method", "type": "choice", "help": "How.", "default": "GET", "choices": ["GET", "HEAD"]},
        {"name": "password", "type": "text", "help": "For basic authentication; needs user, and a server that takes it.",
         "default": "", "secret": true}],
      "metrics": [
        {"name": "response_time", "field": "total_ms", "type": "float", "unit": "ms", "source": "CURLINFO_TOTAL_TIME_T"}]})",
                          {});
  EXPECT_EQ(screen, R"(http: How fast a web server answers.
It may block, so each instance has a lane of its own.

OPTION    TYPE    DEFAULT
url       text    (required)
  What is asked for.
method    choice  GET
  How. One of: GET, HEAD.
password  text
  For basic authentication; needs user, and a server that takes it. A secret:
  never shown.

METRIC         FIELD     TYPE   UNIT  SOURCE
response_time  total_ms  float  ms    CURLINFO_TOTAL_TIME_T
)");
  expect_80_columns(screen);
}

TEST(StoreScreen, ShowsBacklogsAndLosses) {
  LogStatus log = example_status().log;
  log.dropped_points = 12'000;
  log.dropped_from_ns = 1793400000'000000000;
  log.dropped_to_ns = 1793410000'000000000;
  log.dead_letters = 3;
  log.sinks.push_back({"old", false, 400, 40'000, 1793300000'000000000});
  const std::string screen = *render_store(to_text(log_json(log)), {});
  EXPECT_EQ(screen, R"(store    48.0 MiB of 256.0 MiB · 1,234,687 points in 274,000 segments
         1,234,687 points appended since it was made
         12,000 points dropped for want of room,
         from 2026-10-30T22:40:00Z to 2026-10-31T01:26:40Z
         3 dead letters (vigilectl dead-letters)

SINK     IN SETTINGS  SEGMENTS  POINTS        OLDEST WAITING
central  yes                12     120  2026-10-31T23:59:52Z
plant    yes                 0       0                     -
old      no                400  40,000  2026-10-29T18:53:20Z
  to let go of what it has not delivered: vigilectl store forget old
)");
  expect_80_columns(screen);
}

TEST(DeadLettersScreen, ShowsReasonsAndCutsLines) {
  const std::string screen = *render_dead_letters(R"({"dead_letters": [
      {"id": 7, "sink": "central", "refused": "2026-11-01T00:00:00.123Z",
       "line": "equipment_metrics,equipment_id=1,metric_name=cpu_usage,site_id=12,site_name=Lyon value=\"x\" 1",
       "reason": "field type conflict: input field \"value\" on measurement \"equipment_metrics\" is type string, already exists as type float"}],
      "next_after": 7})",
                                                  {});
  EXPECT_EQ(screen, R"(ID  SINK     REFUSED
 7  central  2026-11-01T00:00:00Z
  field type conflict: input field "value" on measurement "equipment_metrics" is
  type string, already exists as type float
  equipment_metrics,equipment_id=1,metric_name=cpu_usage,site_id=12,site_name=L…

There may be more: --after 7, or vigilectl dead-letters export
)");
  expect_80_columns(screen);
  EXPECT_EQ(*render_dead_letters(R"({"dead_letters": [], "next_after": null})", {}), "No dead letters.\n");
}

}  // namespace
}  // namespace vigile
