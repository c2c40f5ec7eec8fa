// SPDX-License-Identifier: Apache-2.0
// vigiled on a disk that is filled, write-protected or breaks down under it, or is unusable from the start.
// Sampling goes on, memory stays bounded, commits resume by themselves, what the ring had to drop is counted
// to the point, and a server that can be reached gets every reading all the same.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <string>

#include "faults/scratch_disk.h"
#include "integration/daemon.h"
#include "integration/sequence_ledger.h"
#include "support/influx_server.h"
#include "support/sanitized.h"

namespace vigile {
namespace {

constexpr double kLimit = 36'000;  // readings: 9 s of them
constexpr double kMostGrowthBytes = 12 << 20;

// With a server.
constexpr double kFew = 2000;

std::string settings(const ScratchDisk& disk, const std::string& rate, const std::string& sinks) {
  return R"(
site: {id: 1, name: test}
device: edge
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 200ms, )" +
         rate + R"(, tags: {run: "${RUN}"}}
store: {path: )" +
         (disk.path() / "vigile.db").string() + R"(, commit_every: 100ms, memory: 1MiB}
api: {socket: @SOCKET@}
)" + sinks;
}

// No sink: what is not delivered is not deleted either. `max_size` is more than the disk has.
std::string settings(const ScratchDisk& disk) {
  return settings(disk, "rate: 4000, limit: 36000", "");
}

std::string settings_with(const InfluxServer& influx, const ScratchDisk& disk,
                          const std::string& every = "1s") {
  return settings(disk, "rate: 100, limit: 2000",
                  "sinks: [influx: {name: central, api: v1, url: \"" + influx.url() +
                      "\", database: disk, every: " + every + "}]\n");
}

double arrived(const InfluxServer& influx, const std::string& run) {
  return static_cast<double>(influx.count("disk", "equipment_metrics", "run = '" + run + "'"));
}

class DiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static const std::string why = ScratchDisk::unavailable();
    if (!why.empty()) GTEST_SKIP() << why;
  }

  // Runs until the failure has cost readings, then until it is over and all readings are made.
  template <class Begin, class End>
  void play(const char* what, ScratchDisk& disk, Begin begin, End end) {
    Daemon daemon(settings(disk));
    daemon.start({"RUN=r"});
    ASSERT_TRUE(eventually([&] { return daemon.number("/committed_points") > 4000; }));
    begin();
    ASSERT_TRUE(eventually([&] { return !daemon.text("/commit_error").empty(); }));
    const std::string said = daemon.text("/commit_error");
    const double committed = daemon.number("/committed_points");
    const double resident = daemon.number("/resident_bytes");
    const double runs = daemon.number("/drivers/0/runs");
    ASSERT_TRUE(eventually([&] { return daemon.number("/ring_dropped_points") > 6000; }));
    EXPECT_GE(daemon.number("/drivers/0/runs"), runs + 8);
    EXPECT_EQ(daemon.number("/committed_points"), committed);
    EXPECT_EQ(daemon.text("/unhealthy_reason").find("readings cannot be committed"), 0u);
    const double grown = daemon.number("/resident_bytes") - resident;
    if (!kIsSanitized) {
      EXPECT_LT(grown, kMostGrowthBytes);
    }
    end();
    ASSERT_TRUE(eventually([&] { return daemon.text("/commit_error").empty(); }, std::chrono::seconds(35)))
        << daemon.get("/api/agent/status");
    ASSERT_TRUE(eventually(
        [&] { return daemon.number("/drivers/0/points") >= kLimit && daemon.number("/waiting_points") == 0; },
        std::chrono::seconds(40)))
        << daemon.get("/api/agent/status");
    EXPECT_EQ(daemon.number("/drivers/0/late_ticks"), 0);
    const double dropped = daemon.number("/ring_dropped_points");
    ASSERT_EQ(daemon.stop(), 0) << daemon.output();
    const SequenceLedger ledger = SequenceLedger::from_log(disk.path() / "vigile.db");
    EXPECT_EQ(kLimit - static_cast<double>(ledger.size()), dropped);
    EXPECT_EQ(ledger.conflicts(), 0u);
    std::printf(
        "%s: \"%s\"; %.0f readings made, %.0f kept, %.0f dropped and counted as %.0f; late ticks 0; %+.1f "
        "MiB "
        "resident meanwhile\n",
        what, said.c_str(), kLimit, static_cast<double>(ledger.size()),
        kLimit - static_cast<double>(ledger.size()), dropped, grown / (1 << 20));
  }
};

TEST_F(DiskTest, ATmpfsFilledByAStranger) {
  ScratchDisk disk(ScratchDisk::Kind::tmpfs, 16 << 20);
  play(
      "tmpfs filled", disk, [&] { disk.fill(); }, [&] { disk.give_back(); });
}

TEST_F(DiskTest, AnExt4FilledByAStranger) {
  ScratchDisk disk(ScratchDisk::Kind::ext4, 24 << 20);
  play(
      "ext4 filled", disk, [&] { disk.fill(); }, [&] { disk.give_back(); });
}

TEST_F(DiskTest, FilesThatAreWriteProtectedForAWhile) {
  ScratchDisk disk(ScratchDisk::Kind::ext4, 24 << 20);
  play(
      "write-protected", disk, [&] { disk.protect_files(true); }, [&] { disk.protect_files(false); });
}

// The kernel makes a broken file system read-only for good. What was committed is still there to be read and
// sent; a start on the disk mounted anew goes on from it.
TEST_F(DiskTest, ADiskThatBreaksDown) {
  ScratchDisk disk(ScratchDisk::Kind::ext4, 24 << 20);
  Daemon daemon(settings(disk));
  daemon.start({"RUN=r"});
  ASSERT_TRUE(eventually([&] { return daemon.number("/committed_points") > 4000; }));
  disk.break_down();
  ASSERT_TRUE(eventually([&] { return !daemon.text("/commit_error").empty(); }));
  const std::string said = daemon.text("/commit_error");
  const double committed = daemon.number("/committed_points") - 1;  // the change to online has no number
  const double runs = daemon.number("/drivers/0/runs");
  ASSERT_TRUE(eventually([&] { return daemon.number("/ring_dropped_points") > 4000; }));
  EXPECT_GE(daemon.number("/drivers/0/runs"), runs + 5);
  EXPECT_EQ(daemon.number("/drivers/0/late_ticks"), 0);
  EXPECT_EQ(daemon.stop(), 0);
  disk.mount_anew();
  const SequenceLedger ledger = SequenceLedger::from_log(disk.path() / "vigile.db");
  EXPECT_EQ(static_cast<double>(ledger.size()), committed);
  EXPECT_EQ(ledger.holes("r"), 0u);
  daemon.start({"RUN=again"});
  EXPECT_TRUE(eventually([&] { return daemon.number("/committed_points") > 1000; }));
  EXPECT_EQ(daemon.stop(), 0);
  std::printf("broken down: \"%s\"; %.0f readings committed before, %llu of them there when mounted anew\n",
              said.c_str(), committed, static_cast<unsigned long long>(ledger.size()));
}

// A log that stands there already can be opened without writing.
TEST_F(DiskTest, FullAtTheStart) {
  ScratchDisk disk(ScratchDisk::Kind::ext4, 24 << 20);
  Daemon daemon(settings(disk));
  daemon.start({"RUN=first"});
  ASSERT_TRUE(eventually([&] { return daemon.number("/committed_points") > 2000; }));
  ASSERT_EQ(daemon.stop(), 0);
  const auto before = static_cast<double>(SequenceLedger::from_log(disk.path() / "vigile.db").size());
  disk.fill();
  daemon.start({"RUN=r"});
  ASSERT_TRUE(eventually([&] { return daemon.number("/ring_dropped_points") > 0; })) << daemon.output();
  const std::string said = daemon.text("/commit_error");
  EXPECT_FALSE(said.empty());
  disk.give_back();
  ASSERT_TRUE(eventually(
      [&] { return daemon.number("/drivers/0/points") >= kLimit && daemon.number("/waiting_points") == 0; },
      std::chrono::seconds(40)))
      << daemon.get("/api/agent/status");
  EXPECT_EQ(daemon.number("/drivers/0/late_ticks"), 0);
  const double dropped = daemon.number("/ring_dropped_points");
  ASSERT_EQ(daemon.stop(), 0) << daemon.output();
  const SequenceLedger ledger = SequenceLedger::from_log(disk.path() / "vigile.db");
  EXPECT_EQ(before + kLimit - static_cast<double>(ledger.size()), dropped);
  std::printf("full at the start: \"%s\"; %.0f readings made, %.0f dropped and counted as %.0f\n",
              said.c_str(), kLimit, before + kLimit - static_cast<double>(ledger.size()), dropped);
}

TEST_F(DiskTest, BrokenForGoodItStillTells) {
  InfluxServer influx;
  influx.create_database("disk");
  ScratchDisk disk(ScratchDisk::Kind::ext4, 24 << 20);
  Daemon daemon(settings_with(influx, disk));
  daemon.start({"RUN=r"});
  ASSERT_TRUE(eventually([&] { return daemon.number("/committed_points") > 200; }));
  disk.break_down();
  ASSERT_TRUE(eventually([&] { return arrived(influx, "r") == kFew; }, std::chrono::seconds(60)))
      << arrived(influx, "r") << daemon.get("/api/agent/status");
  EXPECT_NE(daemon.text("/commit_error"), "");
  EXPECT_EQ(daemon.text("/unhealthy_reason").find("readings cannot be committed"), 0u);
  const double committed = daemon.number("/committed_points");
  EXPECT_LT(committed, kFew);
  EXPECT_EQ(daemon.number("/ring_dropped_points"), 0);
  EXPECT_EQ(daemon.stop(), 0);
  std::printf("broken for good: %.0f readings made, %.0f committed, %.0f arrived\n", kFew, committed, kFew);
}

TEST_F(DiskTest, EndedOnABrokenDiskItTellsWhatTheDiskDidNotTake) {
  InfluxServer influx;
  influx.create_database("disk");
  ScratchDisk disk(ScratchDisk::Kind::ext4, 24 << 20);
  Daemon daemon(settings_with(influx, disk, "10h"));
  daemon.start({"RUN=r"});
  ASSERT_TRUE(eventually([&] { return daemon.number("/committed_points") > 200; }));
  disk.break_down();
  ASSERT_TRUE(
      eventually([&] { return daemon.number("/drivers/0/points") >= kFew; }, std::chrono::seconds(60)));
  EXPECT_EQ(arrived(influx, "r"), 0);
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
  EXPECT_EQ(daemon.output().find("are lost"), std::string::npos) << daemon.output();
  disk.mount_anew();
  const SequenceLedger kept = SequenceLedger::from_log(disk.path() / "vigile.db");
  EXPECT_GE(static_cast<double>(kept.size()) + arrived(influx, "r"), kFew);
  EXPECT_GT(arrived(influx, "r"), 0);
}

TEST_F(DiskTest, ReadOnlyAtTheStartItTellsAndWaits) {
  InfluxServer influx;
  influx.create_database("disk");
  ScratchDisk disk(ScratchDisk::Kind::ext4, 24 << 20);
  Daemon daemon(settings_with(influx, disk));
  daemon.start({"RUN=first"});
  ASSERT_TRUE(eventually([&] { return arrived(influx, "first") > 100; }));
  ASSERT_EQ(daemon.stop(), 0);
  const std::uint64_t before = SequenceLedger::from_log(disk.path() / "vigile.db").size();
  disk.remount(false);
  daemon.start({"RUN=r"});
  ASSERT_TRUE(eventually([&] { return arrived(influx, "r") == kFew; }, std::chrono::seconds(60)))
      << arrived(influx, "r") << daemon.output();
  EXPECT_EQ(daemon.number("/committed_points"), 0);
  EXPECT_NE(daemon.text("/commit_error").find("Read-only file system"), std::string::npos)
      << daemon.text("/commit_error");
  disk.remount(true);
  ASSERT_TRUE(eventually([&] { return daemon.number("/waiting_points") == 0; }, std::chrono::seconds(60)))
      << daemon.get("/api/agent/status");
  EXPECT_EQ(daemon.text("/commit_error"), "");
  EXPECT_EQ(daemon.number("/ring_dropped_points"), 0);
  ASSERT_EQ(daemon.stop(), 0) << daemon.output();
  const SequenceLedger ledger = SequenceLedger::from_log(disk.path() / "vigile.db");
  EXPECT_EQ(ledger.runs().at("r"), kFew);
  EXPECT_EQ(ledger.size(), before + static_cast<std::uint64_t>(kFew));
  std::printf("read-only at the start: %.0f readings arrived meanwhile, and are in the log since\n", kFew);
}

TEST_F(DiskTest, FullAtTheFirstStart) {
  InfluxServer influx;
  influx.create_database("disk");
  ScratchDisk disk(ScratchDisk::Kind::tmpfs, 16 << 20);
  disk.fill();
  Daemon daemon(settings_with(influx, disk));
  daemon.start({"RUN=r"});
  ASSERT_TRUE(eventually([&] { return arrived(influx, "r") == kFew; }, std::chrono::seconds(60)))
      << arrived(influx, "r") << daemon.output();
  EXPECT_EQ(daemon.number("/committed_points"), 0);
  disk.give_back();
  ASSERT_TRUE(eventually([&] { return daemon.number("/waiting_points") == 0; }, std::chrono::seconds(60)))
      << daemon.get("/api/agent/status");
  ASSERT_EQ(daemon.stop(), 0) << daemon.output();
  EXPECT_EQ(SequenceLedger::from_log(disk.path() / "vigile.db").runs().at("r"), kFew);
}

}  // namespace
}  // namespace vigile
