// SPDX-License-Identifier: Apache-2.0
// The real vigiled started on a log whose files were damaged behind its back. It must run, set aside what is
// no database any more, save what reads, say how many points are lost and be right, and go on delivering.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "core/file.h"
#include "faults/rounds.h"
#include "integration/daemon.h"
#include "point/payload.h"
#include "store/segment_row.h"
#include "store/sqlite_db.h"
#include "support/discarding_server.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kPoints = 3000;
constexpr int kRounds = 60;

std::string settings(const std::string& limit, const std::string& url = "http://127.0.0.1:1") {
  return R"(
site: {id: 1, name: test}
device: edge
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 20ms, rate: 3000, limit: )" +
         limit + R"(, tags: {run: "${RUN:-new}"}}
store: {path: @STORE@, commit_every: 20ms}
api: {socket: @SOCKET@}
sinks:
  - influx: {api: v1, url: ")" +
         url + R"(", database: none, every: 100ms}
)";
}

// A log as vigiled leaves it: killed, so that its WAL is there too, or ended.
struct Image {
  std::string database;
  std::string wal;
};

Image make_image(bool killed) {
  Daemon daemon(settings(std::to_string(kPoints)));
  daemon.start({"RUN=old"});
  EXPECT_TRUE(eventually([&] { return daemon.number("/drivers/0/points") >= kPoints; }));
  EXPECT_TRUE(eventually([&] {
    daemon.request("POST", "/api/agent/flush");
    return daemon.number("/log/points") >= kPoints;
  }));
  if (killed) {
    daemon.kill_hard();
  } else {
    EXPECT_EQ(daemon.stop(), 0);
  }
  return {read_file(daemon.store(), 64 << 20).value_or(""),
          read_file(daemon.store().string() + "-wal", 64 << 20).value_or("")};
}

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// The lines that a log holds, by a connection of the test's own.
std::multiset<std::string> lines_in(const fs::path& database) {
  std::multiset<std::string> lines;
  auto db = Db::open(database, SQLITE_OPEN_READWRITE);
  if (!db) return lines;
  auto rows = db->prepare("SELECT " + std::string(kSegmentColumns) + " FROM segments ORDER BY seq");
  if (!rows) return lines;
  while (rows->step().value_or(false)) {
    const StoredSegment segment = segment_of(*rows);
    const std::string text = inflate_payload(segment.view()).value_or("");
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      std::string line = text.substr(at, end - at);
      lines.insert(std::move(line));
      at = end + 1;
    }
  }
  return lines;
}

std::string flip(std::string bytes, int flips, std::mt19937_64& random) {
  for (; flips > 0 && !bytes.empty(); --flips)
    bytes[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
  return bytes;
}

class Damage : public testing::Test {
 protected:
  struct Outcome {
    double said_lost = 0;
    bool at_least = false;
    bool is_aside = false;
    std::uint64_t lost = 0;
  };

  // Starts vigiled on these files. What it says, and what is true. `before`: what an undamaged start finds.
  Outcome try_on(const Image& image, const std::multiset<std::string>& before, const std::string& what) {
    SCOPED_TRACE(what);
    const DiscardingServer server;
    Daemon daemon(settings("1", server.url()));
    write(daemon.store(), image.database);
    if (!image.wal.empty()) write(daemon.store().string() + "-wal", image.wal);
    daemon.start();
    Outcome outcome;
    // It goes on: takes readings, and delivers all that there is. Damage within segments is met with that.
    const Reply recorded =
        daemon.exchange("POST", "/api/equipment/sim/metrics/", R"({"metric_name": "after", "value": 1})");
    EXPECT_EQ(recorded.status / 100, 2) << recorded.body;
    EXPECT_TRUE(eventually([&] {
      daemon.request("POST", "/api/agent/flush");
      return daemon.number("/sinks/0/lag_points") == 0;
    })) << daemon.get("/api/agent/status");
    outcome.said_lost = daemon.number("/log/damaged_points");
    outcome.at_least = daemon.get("/api/agent/store").find("\"damaged_at_least\":true") != std::string::npos;
    outcome.is_aside = !daemon.text("/log/set_aside").empty();
    EXPECT_EQ(daemon.exchange("GET", "/api/agent/store/check").status, 200);
    EXPECT_EQ(daemon.stop(), 0) << daemon.output();

    const std::multiset<std::string> after = lines_in(daemon.store());
    std::vector<std::string> gone;
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(gone));
    outcome.lost = gone.size();
    std::vector<std::string> strange;
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                        std::back_inserter(strange));
    std::erase_if(strange, [](const std::string& line) { return line.find("run=old") == std::string::npos; });
    EXPECT_TRUE(strange.empty()) << "a reading that nobody made: " << strange.front();
    return outcome;
  }
};

TEST_F(Damage, TheNumberItSaysItLostIsTheNumberLost) {
  const Image killed = make_image(true);
  const Image ended = make_image(false);
  ASSERT_FALSE(killed.wal.empty());
  std::map<bool, std::multiset<std::string>> whole;
  for (const bool is_killed : {true, false}) {
    const TempDir dir;
    const Image& image = is_killed ? killed : ended;
    write(dir / "v.db", image.database);
    if (!image.wal.empty()) write(dir / "v.db-wal", image.wal);
    whole[is_killed] = lines_in(dir / "v.db");
    ASSERT_GE(whole[is_killed].size(), static_cast<std::size_t>(kPoints));
  }

  std::mt19937_64 random(20261125);
  std::uint64_t lost = 0;
  int damaged = 0;
  int aside = 0;
  int inexact = 0;
  const int rounds = kRounds * fault_rounds();
  for (int round = 0; round < rounds; ++round) {
    const bool is_killed = random() % 2 == 0;
    Image image = is_killed ? killed : ended;
    std::string what = "round " + std::to_string(round) + (is_killed ? ", killed" : ", ended");
    switch (round % 6) {
      case 0:
        image.database = flip(image.database, 1, random);
        what += ": a byte of the database";
        break;
      case 1:
        image.database = flip(image.database, 30, random);
        what += ": 30 bytes of the database";
        break;
      case 2:
        image.wal = flip(image.wal, 3, random);
        what += ": 3 bytes of the WAL";
        break;
      case 3:
        image.database.resize(random() % image.database.size());
        what += ": the database cut off";
        break;
      case 4:
        image.wal.resize(image.wal.empty() ? 0 : random() % image.wal.size());
        what += ": the WAL cut off";
        break;
      default: {
        const std::size_t at = random() % image.database.size();
        const std::size_t bytes = std::min<std::size_t>(4096, image.database.size() - at);
        image.database.replace(at, bytes, std::string(bytes, '\0'));
        what += ": 4 KiB of the database are zero";
      }
    }
    const Outcome outcome = try_on(image, whole[is_killed], what);
    // A WAL whose last commit is not whole is what a power cut leaves: that one is not known to have been.
    const bool is_wal = round % 6 == 2 || round % 6 == 4;
    if (outcome.at_least || is_wal) {
      inexact += outcome.said_lost < static_cast<double>(outcome.lost) ? 1 : 0;
      EXPECT_LE(outcome.said_lost, static_cast<double>(outcome.lost)) << what;
    } else {
      EXPECT_EQ(outcome.said_lost, static_cast<double>(outcome.lost)) << what;
    }
    lost += outcome.lost;
    damaged += outcome.lost > 0 ? 1 : 0;
    aside += outcome.is_aside ? 1 : 0;
  }
  std::printf(
      "damage: %d logs of %d points; %d lost readings, %llu in all, said exactly by all but %d, which said "
      "\"at "
      "least\"; set aside %d; none did not start\n",
      rounds, kPoints, damaged, static_cast<unsigned long long>(lost), inexact, aside);
}

TEST_F(Damage, WhatIsNoLogIsSetAside) {
  for (const std::string& content : {std::string(), std::string("not a database, but a letter\n"),
                                     std::string(100'000, 'x'), std::string("SQLite format 3\0", 16)}) {
    const Outcome outcome = try_on({content, ""}, {}, content.substr(0, 20));
    EXPECT_EQ(outcome.is_aside, !content.empty());
  }
}

TEST_F(Damage, ADirectoryInItsPlaceIsSetAside) {
  Daemon daemon(settings("1"));
  fs::create_directory(daemon.store());
  write(daemon.store() / "file", "x");
  daemon.start();
  const std::string aside = daemon.text("/log/set_aside");
  EXPECT_EQ(read_file(fs::path(aside) / "file").value_or(""), "x");
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
}

TEST_F(Damage, ANewerSchemaIsRefusedAndNotTouched) {
  const Image image = make_image(false);
  Daemon daemon(settings("1"));
  write(daemon.store(), image.database);
  {
    auto db = Db::open(daemon.store(), SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->exec("PRAGMA user_version = 99"));
  }
  const std::string before = read_file(daemon.store(), 64 << 20).value_or("");
  daemon.start({}, false);
  const auto status = daemon.process().wait(std::chrono::seconds(20));
  ASSERT_TRUE(status) << "it runs on a log that it cannot read";
  EXPECT_NE(*status, 0);
  EXPECT_NE(daemon.output().find("newer"), std::string::npos) << daemon.output();
  EXPECT_EQ(read_file(daemon.store(), 64 << 20).value_or(""), before);
  const Finished check = run_program({vigilectl_path(), "store", "check", "--path", daemon.store()});
  EXPECT_EQ(check.status, 1);
  EXPECT_NE(check.output.find("newer program"), std::string::npos) << check.output;
}

TEST_F(Damage, SalvageMakesALogThatVigiledRunsOn) {
  const Image image = make_image(true);
  std::mt19937_64 random(7);
  const TempDir dir;
  write(dir / "old.db", flip(image.database, 20, random));
  write(dir / "old.db-wal", image.wal);
  const Finished salvaged =
      run_program({vigilectl_path(), "store", "salvage", dir / "old.db", "--into", dir / "new.db", "--json"});
  ASSERT_EQ(salvaged.status, 0) << salvaged.output;
  const Json report = Json::parse(salvaged.output, nullptr, false);
  ASSERT_TRUE(report.is_object()) << salvaged.output;
  const auto lines = lines_in(dir / "new.db");
  EXPECT_EQ(report["points"].get<std::size_t>() + report["lost_points"].get<std::size_t>() >= lines.size(),
            true);
  EXPECT_GT(lines.size(), 0u);

  const Finished again =
      run_program({vigilectl_path(), "store", "salvage", dir / "old.db", "--into", dir / "new.db"});
  EXPECT_EQ(again.status, 2) << again.output;
  EXPECT_NE(again.output.find("is there already"), std::string::npos) << again.output;
  EXPECT_EQ(run_program({vigilectl_path(), "store", "salvage", dir / "none.db"}).status, 2);

  const Finished check = run_program({vigilectl_path(), "store", "check", "--path", dir / "new.db"});
  EXPECT_EQ(check.status, 0) << check.output;
  Daemon daemon(settings("1"));
  fs::copy_file(dir / "new.db", daemon.store());
  daemon.start();
  EXPECT_GE(daemon.number("/sinks/0/lag_points"), report["points"].get<double>())
      << "what was not delivered still is not";
  const Finished held = run_program({vigilectl_path(), "store", "check", "--path", daemon.store()});
  EXPECT_EQ(held.status, 2) << "vigiled holds it: " << held.output;
  const Finished live = run_program({vigilectl_path(), "--socket", daemon.socket(), "store", "check"});
  EXPECT_EQ(live.status, 0) << live.output;
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
}

}  // namespace
}  // namespace vigile
