// SPDX-License-Identifier: Apache-2.0
// The files of vigiled's log are removed, moved, replaced, unmounted or made unreachable under it. What it
// answers as recorded is there after a SIGKILL, and where nothing can be stored it says so and a server gets
// it from memory.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "faults/scratch_disk.h"
#include "integration/daemon.h"
#include "integration/sequence_ledger.h"
#include "support/influx_server.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

namespace fs = std::filesystem;

constexpr double kReadings = 1000;  // 10 s of them
constexpr const char* kRecording = R"({"metric_name": "recorded", "value": 1})";

std::string settings(const InfluxServer& influx, const fs::path& store) {
  return R"(
site: {id: 1, name: test}
device: edge
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 100ms, rate: 100, limit: 1000, tags: {run: "${RUN}"}}
store: {path: )" +
         store.string() + R"(, commit_every: 100ms}
api: {socket: @SOCKET@}
sinks:
  - influx: {name: central, api: v1, url: ")" +
         influx.url() + R"(", database: place, every: 300ms}
)";
}

class PlaceTest : public ::testing::Test {
 protected:
  PlaceTest() { influx_.create_database("place"); }

  double arrived(const std::string& where) const {
    return static_cast<double>(influx_.count("place", "equipment_metrics", where));
  }
  // Nothing has been delivered when `attack` comes, so all is in the log alone.
  template <class Attack>
  void play(const std::string& name, const fs::path& store, Attack attack) {
    SCOPED_TRACE(name);
    influx_.stop();
    Daemon daemon(settings(influx_, store));
    daemon.start({"RUN=" + name});
    ASSERT_TRUE(eventually([&] { return daemon.number("/committed_points") > 100; }));
    attack();
    const double committed = daemon.number("/committed_points") - 1;  // but for the change to online
    const Reply recorded = daemon.exchange("POST", "/api/equipment/sim/metrics/", kRecording);
    EXPECT_EQ(recorded.status / 100, 2) << recorded.body << daemon.output();
    daemon.kill_hard();
    EXPECT_NE(daemon.output().find("while it was open"), std::string::npos) << daemon.output();
    influx_.start();
    const double before = arrived("metric_name = 'recorded'");
    daemon.start({"RUN=after"});
    EXPECT_TRUE(eventually([&] {
      daemon.request("POST", "/api/agent/flush");
      return arrived("metric_name = 'recorded'") == before + 1 &&
             arrived("run = '" + name + "'") >= committed;
    })) << arrived("run = '" + name + "'")
        << " of " << committed << daemon.output();
    EXPECT_EQ(daemon.number("/log/damaged_points"), 0);
    EXPECT_EQ(daemon.stop(), 0) << daemon.output();
    std::printf("%s: %.0f committed before, %.0f arrived, the recording with them\n", name.c_str(), committed,
                arrived("run = '" + name + "'"));
  }

  InfluxServer influx_;
  TempDir dir_;
};

TEST_F(PlaceTest, WhatIsTakenAwayIsMadeAgainWithAllItHeld) {
  const fs::path folder = dir_ / "log";
  const fs::path store = folder / "vigile.db";
  const fs::path wal = store.string() + "-wal";
  const auto replace = [&](const fs::path& file) {
    fs::copy_file(file, dir_ / "copy");
    fs::rename(dir_ / "copy", file);
  };
  play("database-removed", store, [&] { fs::remove(store); });
  play("wal-removed", store, [&] { fs::remove(wal); });
  play("database-renamed", store, [&] { fs::rename(store, dir_ / "old.db"); });
  play("database-replaced", store, [&] { replace(store); });
  play("wal-replaced", store, [&] { replace(wal); });
  play("folder-removed", store, [&] { fs::remove_all(folder); });
  play("folder-renamed", store, [&] { fs::rename(folder, dir_ / "old"); });
}

TEST_F(PlaceTest, UnmountedUnderItALogIsMadeWhereItWas) {
  const std::string why = ScratchDisk::unavailable();
  if (!why.empty()) GTEST_SKIP() << why << ": run it as root";
  ScratchDisk disk(ScratchDisk::Kind::tmpfs, 16 << 20);
  play("unmounted", disk.path() / "vigile.db", [&] { disk.detach(); });
}

TEST_F(PlaceTest, AFolderThatMayNotBeReachedIsSaidAndNothingIsLost) {
  const fs::path folder = dir_ / "log";
  fs::create_directory(folder);
  Daemon daemon(settings(influx_, folder / "vigile.db"));
  if (::geteuid() == 0) {
    const std::vector<std::string> nobody = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    std::vector<std::string> can_run = nobody;
    can_run.insert(can_run.end(), {"test", "-x", vigiled_path()});
    if (run_program(can_run).status != 0) GTEST_SKIP() << "nobody else may run " << vigiled_path();
    daemon.run_by(nobody);
    for (const fs::path& open : {fs::path(dir_.path()), folder, daemon.store().parent_path()})
      fs::permissions(open, fs::perms::all);
  }
  daemon.start({"RUN=r"});
  ASSERT_TRUE(eventually([&] { return daemon.number("/committed_points") > 100; }));
  fs::permissions(folder, fs::perms::none);
  EXPECT_TRUE(eventually([&] {
    return daemon.text("/commit_error").find("Permission denied, while it is open") != std::string::npos;
  })) << daemon.text("/commit_error");
  EXPECT_EQ(daemon.text("/unhealthy_reason").find("readings cannot be committed"), 0u);
  EXPECT_NE(daemon.exchange("POST", "/api/equipment/sim/metrics/", kRecording).status / 100, 2);
  const double committed = daemon.number("/committed_points");
  EXPECT_TRUE(eventually([&] { return arrived("run = 'r'") == kReadings; }))
      << daemon.get("/api/agent/status");
  EXPECT_LT(committed, kReadings);
  fs::permissions(folder, fs::perms::all);
  EXPECT_TRUE(eventually([&] { return daemon.text("/commit_error").empty(); }));
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
  EXPECT_EQ(SequenceLedger::from_log(folder / "vigile.db").runs().at("r"), kReadings);
}

}  // namespace
}  // namespace vigile
