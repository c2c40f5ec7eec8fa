// SPDX-License-Identifier: Apache-2.0
// Screens, letter by letter.
#include <gmock/gmock.h>

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

}  // namespace
}  // namespace vigile
