// SPDX-License-Identifier: Apache-2.0
// The real vigiled started on a log whose files were damaged behind its back. It must run, set aside what is
// no database any more, save what reads, say how many points are lost and be right, and go on delivering.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

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
#include "store/inspection.h"
#include "store/segment_row.h"
#include "store/sqlite_db.h"
#include "support/discarding_server.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kPoints = 3000;
constexpr int kRoundsEach = 8;

// Of so little room that some of it is in the database and some in the WAL; of more, and all is in the WAL.
constexpr const char* kLittleRoom = "1MiB";
constexpr const char* kMuchRoom = "256MiB";

std::string settings(const std::string& limit, const std::string& url = "http://127.0.0.1:1",
                     const char* max_size = kLittleRoom) {
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
store: {path: @STORE@, max_size: )" +
         max_size + R"(, commit_every: 20ms}
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

Image make_image(bool killed, bool is_half_delivered = false, const char* max_size = kLittleRoom) {
  auto server = std::make_unique<DiscardingServer>();
  Daemon daemon(
      settings(std::to_string(kPoints), is_half_delivered ? server->url() : "http://127.0.0.1:1", max_size));
  daemon.start({"RUN=old"});
  if (is_half_delivered) {
    EXPECT_TRUE(eventually([&] { return daemon.number("/sinks/0/delivered_points") >= kPoints / 3; }));
    server.reset();
  }
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
    if (!is_intact(*rows)) continue;
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

std::string another_database() {
  const TempDir dir;
  {
    auto db = Db::open(dir / "other.db", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    EXPECT_TRUE(db && db->exec("CREATE TABLE letters(id INTEGER PRIMARY KEY, text TEXT); "
                               "INSERT INTO letters VALUES(1, 'dear'), (2, 'sir')"));
  }
  return read_file(dir / "other.db", 1 << 20).value_or("");
}

std::string letter() {
  return "this is a letter, " + std::string(5000, '!');
}

using Random = std::mt19937_64;

struct Kind {
  const char* name;
  void (*damage)(Image& image, Random& random);
  // The newest commits may go unseen: without them a WAL is what a power cut leaves before they were
  // acknowledged.
  bool hides_newest = false;
  // It does not change what the log holds when there is a WAL, or when there is none.
  bool needs_wal = false;
};

void overwrite(std::string& bytes, std::size_t count, Random& random, bool with_zeros) {
  const std::size_t at = random() % bytes.size();
  for (std::size_t i = at; i < std::min(bytes.size(), at + count); ++i)
    bytes[i] = with_zeros ? '\0' : static_cast<char>(random());
}

const Kind kKinds[] = {
    {"a byte of the database", [](Image& i, Random& r) { i.database = flip(i.database, 1, r); }},
    {"30 bytes of the database", [](Image& i, Random& r) { i.database = flip(i.database, 30, r); }},
    {"300 bytes of the database", [](Image& i, Random& r) { i.database = flip(i.database, 300, r); }},
    {"4 KiB of the database zero", [](Image& i, Random& r) { overwrite(i.database, 4096, r, true); }},
    {"4 KiB of the database noise", [](Image& i, Random& r) { overwrite(i.database, 4096, r, false); }},
    {"the database cut off", [](Image& i, Random& r) { i.database.resize(r() % i.database.size()); }},
    {"the database empty", [](Image& i, Random&) { i.database.clear(); }},
    {"another program's database", [](Image& i, Random&) { i.database = another_database(); }},
    {"a letter in the database's place", [](Image& i, Random&) { i.database = letter(); }},
    {"3 bytes of the WAL", [](Image& i, Random& r) { i.wal = flip(i.wal, 3, r); }, true, true},
    {"4 KiB of the WAL noise", [](Image& i, Random& r) { overwrite(i.wal, 4096, r, false); }, true, true},
    {"the WAL cut off", [](Image& i, Random& r) { i.wal.resize(r() % i.wal.size()); }, true, true},
    {"a letter in the WAL's place", [](Image& i, Random&) { i.wal = letter(); }, false, true},
    {"10 bytes of both",
     [](Image& i, Random& r) {
       i.database = flip(i.database, 10, r);
       i.wal = flip(i.wal, 10, r);
     },
     true, true},
};

std::int64_t number_of(const std::string& line) {
  const std::size_t at = line.find("seq=");
  return at == std::string::npos ? -1 : std::stoll(line.substr(at + 4));
}

class Damage : public testing::Test {
 protected:
  struct Outcome {
    std::uint64_t said = 0;
    bool at_least = false;
    bool is_aside = false;
    std::uint64_t lost = 0;
    std::uint64_t left_unread = 0;  // in segments that nobody read since, by the check of the file
    bool is_prefix = true;          // what is found is older than all that is lost
    bool is_foretold = true;        // what the check of the damaged file said came true
  };

  // 4 KiB that do not read.
  struct BadSector {
    std::uint64_t offset = 0;
    const char* file = "";  // "" the database, "-wal"
  };
  // Starts vigiled on these files. What it says, and what is true. `before`: what an undamaged start finds.
  Outcome try_on(const Image& image, const std::multiset<std::string>& before,
                 const std::optional<BadSector>& sector = std::nullopt) {
    const DiscardingServer server;
    Daemon daemon(settings("1", server.url()));
    write(daemon.store(), image.database);
    if (!image.wal.empty()) write(daemon.store().string() + "-wal", image.wal);
    const auto check = inspect_store(daemon.store());
    EXPECT_TRUE(check) << check.error().message;
    EXPECT_EQ(read_file(daemon.store(), 64 << 20).value_or(""), image.database);
    EXPECT_EQ(read_file(daemon.store().string() + "-wal", 64 << 20).value_or(""), image.wal);
    std::vector<std::string> environment;
    if (sector) {
      environment = {"LD_PRELOAD=" VIGILE_PRELOAD_MEDIUM,
                     "VIGILE_TEST_MEDIUM=" + std::to_string(sector->offset) + " " + daemon.store().string() +
                         sector->file};
    }
    daemon.start(environment);
    Outcome outcome;
    // It goes on: takes readings, and delivers all that there is. Damage within segments is met with that.
    const Reply recorded =
        daemon.exchange("POST", "/api/equipment/sim/metrics/", R"({"metric_name": "after", "value": 1})");
    EXPECT_EQ(recorded.status / 100, 2) << recorded.body;
    EXPECT_TRUE(eventually([&] {
      daemon.request("POST", "/api/agent/flush");
      return daemon.number("/sinks/0/lag_points") == 0;
    })) << daemon.get("/api/agent/status");
    outcome.said = static_cast<std::uint64_t>(daemon.number("/log/damaged_points"));
    outcome.at_least = daemon.get("/api/agent/store").find("\"damaged_at_least\":true") != std::string::npos;
    outcome.is_aside = !daemon.text("/log/set_aside").empty();
    EXPECT_EQ(daemon.exchange("GET", "/api/agent/store/check").status, 200);
    EXPECT_EQ(daemon.stop(), 0) << daemon.output();
    if (outcome.is_aside && !sector) {
      EXPECT_NE(daemon.output().find("the damaged database is kept as"), std::string::npos);
      EXPECT_LE(check->lost_points, outcome.said) << "what the check said";
      outcome.is_foretold = check->lost_points == outcome.said && check->lost_at_least == outcome.at_least;
    }
    const auto after_check = inspect_store(daemon.store());
    EXPECT_TRUE(after_check) << after_check.error().message;
    EXPECT_TRUE(!outcome.is_aside || after_check->is_sound()) << after_check->problems.front();
    outcome.left_unread = after_check->lost_points;

    // What is there though no page leads to it, a salvage finds.
    fs::path readable = daemon.store();
    if (!after_check->is_sound()) {
      readable = daemon.store().parent_path() / "rest.db";
      const Finished salvaged =
          run_program({vigilectl_path(), "store", "salvage", daemon.store(), "--into", readable});
      EXPECT_EQ(salvaged.status, 0) << salvaged.output;
    }
    const std::multiset<std::string> after = lines_in(readable);
    std::vector<std::string> gone;
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(gone));
    outcome.lost = gone.size();
    std::int64_t first_lost = INT64_MAX;
    for (const std::string& line : gone) first_lost = std::min(first_lost, number_of(line));
    for (const std::string& line : after) {
      if (line.find("run=old") == std::string::npos) continue;
      EXPECT_TRUE(before.contains(line)) << "a reading that nobody made: " << line;
      outcome.is_prefix = outcome.is_prefix && number_of(line) < first_lost;
    }
    return outcome;
  }
};

TEST_F(Damage, TheNumberItSaysItLostIsTheNumberLost) {
  struct Subject {
    const char* name;
    Image image;
    std::multiset<std::string> lines = {};
  };
  std::vector<Subject> subjects = {{"ended", make_image(false)},
                                   {"killed", make_image(true)},
                                   {"killed, a part delivered", make_image(true, true)},
                                   {"killed, all in the WAL", make_image(true, false, kMuchRoom)}};
  for (Subject& subject : subjects) {
    const TempDir dir;
    write(dir / "v.db", subject.image.database);
    if (!subject.image.wal.empty()) write(dir / "v.db-wal", subject.image.wal);
    subject.lines = lines_in(dir / "v.db");
    ASSERT_GE(subject.lines.size(), static_cast<std::size_t>(kPoints));
  }
  ASSERT_TRUE(subjects[0].image.wal.empty());

  Random random(20261125);
  for (const Kind& kind : kKinds) {
    int logs = 0, aside = 0, at_least = 0, not_foretold = 0;
    std::uint64_t lost = 0, said = 0, unseen = 0;
    for (int round = 0; round < kRoundsEach * fault_rounds(); ++round) {
      const Subject& subject = subjects[kind.needs_wal ? 1 + round % 3 : round % 3];
      SCOPED_TRACE(std::string(kind.name) + ", " + subject.name + ", round " + std::to_string(round));
      Image image = subject.image;
      kind.damage(image, random);
      const Outcome outcome = try_on(image, subject.lines);
      EXPECT_LE(outcome.said, outcome.lost);
      if (outcome.said < outcome.lost && !outcome.at_least) {
        // A row whose number is damaged, while its page reads, is found by the check alone.
        const bool is_unread = outcome.lost <= outcome.said + outcome.left_unread;
        EXPECT_TRUE(is_unread || kind.hides_newest)
            << "lost " << outcome.lost << ", said " << outcome.said << ", not read " << outcome.left_unread;
        if (!is_unread && outcome.said == 0) {
          EXPECT_TRUE(outcome.is_prefix) << "more than the newest commits is gone unseen";
        }
        unseen += is_unread ? 0 : outcome.lost - outcome.said;
      }
      ++logs;
      aside += outcome.is_aside ? 1 : 0;
      at_least += outcome.at_least ? 1 : 0;
      not_foretold += outcome.is_foretold ? 0 : 1;
      lost += outcome.lost;
      said += outcome.said;
    }
    std::printf(
        "damage: %-32s %3d logs of %d points, set aside %3d; lost %6llu, said %6llu (%d times \"at least\")",
        kind.name, logs, kPoints, aside, static_cast<unsigned long long>(lost),
        static_cast<unsigned long long>(said), at_least);
    std::printf(unseen > 0 ? "; newest commits %llu\n" : "\n", static_cast<unsigned long long>(unseen));
    // One in eight: pages may be so damaged that the next commit writes over what still read.
    EXPECT_LE(not_foretold, fault_rounds()) << kind.name;
  }
}

// Of a medium that does not give back what is there: all else arrives.
TEST_F(Damage, ABadSectorCostsWhatItHolds) {
  constexpr std::uint64_t kSector = 4096;
  constexpr std::size_t kMostInSector =
      800;  // points: a commit is of 60 to 130, a page of one or a part of one
  Random random(7);
  for (const auto& [name, image] :
       {std::pair{"ended", make_image(false)}, std::pair{"killed", make_image(true)}}) {
    const TempDir dir;
    write(dir / "v.db", image.database);
    if (!image.wal.empty()) write(dir / "v.db-wal", image.wal);
    const auto lines = lines_in(dir / "v.db");
    std::uint64_t lost = 0, said = 0;
    int aside = 0, at_least = 0;
    const int logs = 8 * fault_rounds();
    for (int round = 0; round < logs; ++round) {
      const bool of_wal = !image.wal.empty() && round % 2 == 1;
      const std::uint64_t sectors = (of_wal ? image.wal : image.database).size() / kSector;
      const BadSector sector{round == 0 ? 0 : random() % sectors * kSector, of_wal ? "-wal" : ""};
      SCOPED_TRACE(std::string(name) + sector.file + ", at " + std::to_string(sector.offset));
      const Outcome outcome = try_on(image, lines, sector);
      EXPECT_LE(outcome.said, outcome.lost);
      EXPECT_TRUE(outcome.said == outcome.lost || outcome.at_least)
          << outcome.lost << " lost, said " << outcome.said;
      EXPECT_LE(outcome.lost, kMostInSector);
      lost += outcome.lost;
      said += outcome.said;
      aside += outcome.is_aside ? 1 : 0;
      at_least += outcome.at_least ? 1 : 0;
    }
    EXPECT_GT(aside, 0);
    std::printf(
        "bad sector: %-6s %2d logs of %d points, set aside %2d; lost %4llu, said %4llu (%d times \"at "
        "least\")\n",
        name, logs, kPoints, aside, static_cast<unsigned long long>(lost),
        static_cast<unsigned long long>(said), at_least);
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

TEST_F(Damage, AFileThatMayNotBeReadIsRefusedAndNotTouched) {
  const Image image = make_image(false);
  Daemon daemon(settings("1"));
  write(daemon.store(), image.database);
  const fs::path directory = daemon.store().parent_path();
  std::vector<std::string> command = {vigiled_path(), "--config", daemon.config().string()};
  if (::geteuid() == 0) {
    const std::vector<std::string> nobody = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    std::vector<std::string> can_run = nobody;
    can_run.insert(can_run.end(), {"test", "-x", vigiled_path()});
    if (run_program(can_run).status != 0) GTEST_SKIP() << "nobody else may run " << vigiled_path();
    command.insert(command.begin(), nobody.begin(), nobody.end());
    fs::permissions(directory, fs::perms::all);
    fs::permissions(daemon.store(), fs::perms::owner_read | fs::perms::owner_write);
  } else {
    fs::permissions(daemon.store(), fs::perms::none);
  }
  const Finished refused = run_program(command);
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(refused.output.find(daemon.store().string() + ": Permission denied"), std::string::npos)
      << refused.output;
  fs::permissions(daemon.store(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(read_file(daemon.store(), 64 << 20).value_or(""), image.database);
  for (const auto& entry : fs::directory_iterator(directory))
    EXPECT_EQ(entry.path().filename().string().find(".corrupt-"), std::string::npos) << entry.path();
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
  const Json report = Json::parse(salvaged.output.substr(salvaged.output.find('{')), nullptr, false);
  ASSERT_TRUE(report.is_object()) << salvaged.output;
  const auto lines = lines_in(dir / "new.db");
  EXPECT_EQ(report["points"].get<std::size_t>(), lines.size());
  EXPECT_GT(lines.size(), 0u);
  const fs::path whole = dir / "whole.db";
  write(whole, image.database);
  write(whole.string() + "-wal", image.wal);
  const std::size_t had = lines_in(whole).size();
  if (!report["lost_at_least"].get<bool>()) {
    EXPECT_EQ(lines.size() + report["lost_points"].get<std::size_t>(), had);
  }

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
  EXPECT_TRUE(eventually([&] {
    return daemon.number("/sinks/0/lag_points") >= report["points"].get<double>();
  })) << "what was not delivered still is not";
  const Finished held = run_program({vigilectl_path(), "store", "check", "--path", daemon.store()});
  EXPECT_EQ(held.status, 2) << "vigiled holds it: " << held.output;
  const Finished live = run_program({vigilectl_path(), "--socket", daemon.socket(), "store", "check"});
  EXPECT_EQ(live.status, 0) << live.output;
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
}

}  // namespace
}  // namespace vigile
