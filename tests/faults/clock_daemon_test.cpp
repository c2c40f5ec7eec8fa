// SPDX-License-Identifier: Apache-2.0
// The real daemon with a clock that is unset, wrong and stepped (DESIGN §6), and a real InfluxDB. The
// simulated readings are 50 ms of true time apart and numbered, so the stamp of each can be told from the
// others; recorded ones, stamped as they are taken, tie them to the true time.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "faults/rounds.h"
#include "integration/daemon.h"
#include "integration/sequence_ledger.h"
#include "support/influx_server.h"
#include "support/preloaded_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kTolerance = 10'000'000;
constexpr std::int64_t kApart = 50'000'000;  // rate: 20

std::string settings(const std::string& url) {
  return R"(
site: {id: 1, name: test}
device: edge
clock: {require_sync: true}
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 200ms, rate: 20, tags: {run: "${RUN}"}}
store: {path: @STORE@, commit_every: 100ms}
api: {socket: @SOCKET@}
sinks:
  - influx: {api: v1, url: ")" +
         url + R"(", database: clock, every: 200ms}
)";
}

struct Row {
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  bool is_estimated = false;
};

class ClockDaemon : public ::testing::Test {
 protected:
  ClockDaemon() : daemon_(settings(influx_.url())) { influx_.create_database("clock"); }

  void start(const std::string& run) {
    auto environment = clock_.environment();
    environment.push_back("RUN=" + run);
    daemon_.start(environment);
  }
  void await_points(double more) {
    const double enough = daemon_.number("/committed_points") + more;
    ASSERT_TRUE(eventually([&] { return daemon_.number("/committed_points") >= enough; }))
        << daemon_.output();
  }
  bool await_delivery() {
    return eventually([&] {
      daemon_.request("POST", "/api/agent/flush");
      return daemon_.number("/sinks/0/lag_points") == 0;
    });
  }
  // Takes a reading between two looks at the true time.
  void record(std::int64_t wall_error_ns) {
    Witness& witness = witnesses_.emplace_back();
    const std::string number = std::to_string(witnesses_.size() - 1);
    witness.wall_error_ns = wall_error_ns;
    witness.from_ns = PreloadedClock::true_ns();
    const Reply reply = daemon_.exchange("POST", "/api/equipment/sim/metrics",
                                         R"({"metric_name": "witness", "value": )" + number + "}");
    witness.to_ns = PreloadedClock::true_ns();
    ASSERT_EQ(reply.status, 200) << reply.body;
  }
  std::map<std::string, std::map<std::uint64_t, Row>> stored() {
    std::map<std::string, std::map<std::uint64_t, Row>> rows;
    influx_.for_each_row("clock", "SELECT \"value\", \"seq\", \"run\", \"clock\" FROM equipment_metrics",
                         [&](const InfluxServer::Row& row) {
                           if (row.at("seq").empty()) return;
                           const std::uint64_t seq = std::stoull(row.at("seq"));
                           const auto added = rows[row.at("run")].emplace(
                               seq, Row{seq, std::stoll(row.at("time")), row.at("clock") == "estimated"});
                           EXPECT_TRUE(added.second) << "twice: " << row.at("run") << " " << seq;
                         });
    return rows;
  }
  void check_witnesses() {
    std::size_t found = 0;
    influx_.for_each_row("clock", "SELECT \"value\" FROM equipment_metrics WHERE metric_name = 'witness'",
                         [&](const InfluxServer::Row& row) {
                           const Witness& witness = witnesses_.at(std::stoul(row.at("value")));
                           const std::int64_t time_ns = std::stoll(row.at("time")) - witness.wall_error_ns;
                           EXPECT_GE(time_ns, witness.from_ns - kTolerance) << row.at("value");
                           EXPECT_LE(time_ns, witness.to_ns + kTolerance) << row.at("value");
                           ++found;
                         });
    EXPECT_EQ(found, witnesses_.size());
  }

  struct Witness {
    std::int64_t from_ns = 0;
    std::int64_t to_ns = 0;
    std::int64_t wall_error_ns = 0;
  };
  InfluxServer influx_;
  PreloadedClock clock_;
  Daemon daemon_;
  std::vector<Witness> witnesses_;
};

TEST_F(ClockDaemon, BootAt1970ThenSetThenStepped) {
  clock_.boot(false);
  start("r0");
  await_points(40);
  record(0);
  clock_.set_error(0s);  // plausible, but the kernel says that it is not synchronised
  await_points(20);
  record(0);
  EXPECT_EQ(daemon_.text("/clock"), "unset");
  EXPECT_EQ(daemon_.number("/sinks/0/requests"), 0);
  EXPECT_EQ(influx_.count("clock", "equipment_metrics"), 0u);

  clock_.set_synchronised(true);
  ASSERT_TRUE(eventually([&] { return influx_.count("clock", "equipment_metrics") >= 80; }))
      << daemon_.output();
  record(0);

  const std::vector<std::chrono::nanoseconds> errors = {-1h, 24h, 0s};
  for (const auto error : errors) {
    clock_.set_error(error);
    await_points(20);
    record(error.count());
    await_points(10);
  }
  // The kernel loses its synchronisation, and somebody sets the clock to nonsense: it is not followed.
  clock_.set_synchronised(false);
  clock_.set_error(-5000h);
  await_points(20);
  record(0);
  ASSERT_TRUE(await_delivery()) << daemon_.get("/api/agent/status");
  ASSERT_EQ(daemon_.stop(), 0) << daemon_.output();

  check_witnesses();
  const auto rows = stored()["r0"];
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows.rbegin()->first + 1, rows.size());
  const SequenceLedger committed = SequenceLedger::from_log(daemon_.store());
  EXPECT_EQ(committed.size(), rows.size());
  // Each is off by the error of its time, and these follow each other as they were made.
  const std::int64_t epoch = rows.at(0).time_ns;
  std::vector<std::int64_t> seen = {0};
  std::int64_t worst = 0;
  for (const auto& [seq, row] : rows) {
    EXPECT_FALSE(row.is_estimated);
    const std::int64_t error = row.time_ns - epoch - static_cast<std::int64_t>(seq) * kApart;
    if (std::llabs(error - seen.back()) > kTolerance) {
      // A run shares one mapping, so a step shows at a run's first reading.
      const std::size_t next = seen.size() - 1;
      ASSERT_LT(next, errors.size()) << seq << " is off by " << error;
      ASSERT_NEAR(static_cast<double>(error), static_cast<double>(errors[next].count()), double(kTolerance))
          << seq;
      seen.push_back(errors[next].count());
    }
    worst = std::max<std::int64_t>(worst, std::llabs(error - seen.back()));
  }
  EXPECT_EQ(seen.size(), errors.size() + 1);
  std::printf(
      "clock, real daemon: boot at 1970, not synchronised, set, back an hour, forward a day, set right, "
      "lost: "
      "%zu points, none lost, none before the clock was set, worst stamp off by %.3f ms\n",
      rows.size(), static_cast<double>(worst) / 1e6);
}

TEST_F(ClockDaemon, TwoBootsWithoutAClockThenOneWith) {
  const bool has_clock[] = {true, false, false, true};
  for (int i = 0; i < 4; ++i) {
    clock_.boot(has_clock[i]);
    start("r" + std::to_string(i));
    await_points(30);
    if (has_clock[i]) {
      ASSERT_TRUE(await_delivery());
    }
    daemon_.kill_hard();
  }
  start("r4");
  ASSERT_TRUE(await_delivery()) << daemon_.get("/api/agent/status");
  ASSERT_EQ(daemon_.stop(), 0) << daemon_.output();

  auto rows = stored();
  const SequenceLedger committed = SequenceLedger::from_log(daemon_.store());
  std::int64_t before = 0;
  for (const auto& [run, count] : committed.runs()) {
    ASSERT_EQ(rows[run].size(), count) << run;
    for (const auto& [seq, row] : rows[run]) {
      EXPECT_EQ(row.is_estimated, run == "r1" || run == "r2") << run << " " << seq;
      EXPECT_GT(row.time_ns, before) << run << " " << seq;
      if (seq > 0) {
        EXPECT_NEAR(double(row.time_ns - before), double(kApart), double(kTolerance)) << run << seq;
      }
      before = row.time_ns;
    }
  }
  std::printf("clock, real daemon: two boots without a clock between two with: %llu points, none lost\n",
              static_cast<unsigned long long>(committed.size()));
}

// While it starts, or just after: what is read before that and after it has the time that it was.
TEST_F(ClockDaemon, TheClockIsSetAtAnyMomentOfAStart) {
  constexpr int kStarts = 20;
  std::mt19937_64 random(1);
  const std::int64_t begin_ns = PreloadedClock::true_ns();
  for (int i = 0; i < kStarts * fault_rounds(); ++i) {
    clock_.boot(false);
    const auto moment = std::chrono::microseconds(random() % 300'000);
    std::jthread setter([&] {
      std::this_thread::sleep_for(moment);
      clock_.set_error(0s);
      clock_.set_synchronised(true);
    });
    start("r" + std::to_string(i));
    await_points(10);
    setter.join();
    EXPECT_TRUE(eventually([&] { return daemon_.text("/clock") == "set"; }));
    ASSERT_TRUE(await_delivery()) << daemon_.get("/api/agent/status");
    daemon_.kill_hard();
  }
  std::size_t rows = 0;
  influx_.for_each_row("clock", "SELECT \"value\" FROM equipment_metrics", [&](const InfluxServer::Row& row) {
    EXPECT_GE(std::stoll(row.at("time")), begin_ns - kTolerance);
    EXPECT_LE(std::stoll(row.at("time")), PreloadedClock::true_ns() + kTolerance);
    ++rows;
  });
  EXPECT_GE(rows, 10u * kStarts);
  std::printf(
      "clock, real daemon: set at a random moment of %d starts: %zu points, all of the time that it was\n",
      kStarts * fault_rounds(), rows);
}

}  // namespace
}  // namespace vigile
