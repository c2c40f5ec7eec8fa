// SPDX-License-Identifier: Apache-2.0
// The log's files are removed, moved, replaced or cut short while it is open: nothing is taken for stored
// that a start after a power cut does not find.
#include <filesystem>
#include <fstream>

#include "core/file.h"
#include "log_fixture.h"
#include "store/history.h"
#include "support/power_cut_vfs.h"

namespace vigile {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSegments = 40;
constexpr std::uint32_t kPoints = 30;

class LogPlace : public LogTest {
 protected:
  LogPlace() {
    options_.path = dir_ / "log" / "vigile.db";
    options_.max_size_bytes = std::uint64_t{1} << 20;
  }
  void fill() {
    fs::remove_all(dir_ / "log");
    log_.reset();
    fs::remove_all(dir_ / "log");
    fs::remove_all(dir_ / "elsewhere");
    fs::create_directories(dir_ / "elsewhere");
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    for (std::uint64_t i = 1; i <= kSegments; ++i) append(kPoints, i);
    ASSERT_TRUE(log_->acknowledge("a", {1, 5}));
  }
  std::string database() const { return options_.path.string(); }
  std::string wal() const { return database() + "-wal"; }
  // What a start after a power cut would find now: the numbers that are held, of those not acknowledged.
  std::vector<std::uint64_t> found_after_power_cut() {
    const TempDir there;
    for (const auto& entry : fs::directory_iterator(options_.path.parent_path()))
      fs::copy(entry.path(), there / entry.path().filename().string(), fs::copy_options::recursive);
    LogOptions options = options_;
    options.path = there / "vigile.db";
    auto log = Log::open(options, clock_);
    EXPECT_TRUE(log) << log.error().message;
    if (!log) return {};
    EXPECT_TRUE((*log)->set_sinks({"a"}));
    const auto read = (*log)->read_undelivered("a", 0, {.raw_bytes = UINT64_MAX});
    EXPECT_TRUE(read) << read.error().message;
    std::vector<std::uint64_t> numbers;
    for (const StoredSegment& segment : *read) numbers.push_back(segment.seq);
    return numbers;
  }
};

struct Attack {
  const char* name;
  void (*play)(const fs::path& database, const fs::path& elsewhere);
};

std::string wal_of(const fs::path& database) {
  return database.string() + "-wal";
}

void replace_by_copy(const fs::path& file, const fs::path& elsewhere) {
  fs::copy_file(file, elsewhere / "copy");
  fs::rename(elsewhere / "copy", file);
}

const Attack kAttacks[] = {
    {"the database removed", [](const fs::path& db, const fs::path&) { fs::remove(db); }},
    {"the WAL removed", [](const fs::path& db, const fs::path&) { fs::remove(wal_of(db)); }},
    {"both removed",
     [](const fs::path& db, const fs::path&) {
       fs::remove(db);
       fs::remove(wal_of(db));
     }},
    {"the database moved", [](const fs::path& db, const fs::path& there) { fs::rename(db, there / "x"); }},
    {"the WAL moved", [](const fs::path& db, const fs::path& there) { fs::rename(wal_of(db), there / "x"); }},
    {"the database replaced by a copy", replace_by_copy},
    {"the WAL replaced by a copy",
     [](const fs::path& db, const fs::path& there) { replace_by_copy(wal_of(db), there); }},
    {"the database replaced by another file",
     [](const fs::path& db, const fs::path&) {
       fs::remove(db);
       std::ofstream(db) << "dear sir" << std::string(3000, '!');
     }},
    {"the database replaced by a directory",
     [](const fs::path& db, const fs::path&) {
       fs::remove(db);
       fs::create_directory(db);
     }},
    {"the WAL replaced by a directory",
     [](const fs::path& db, const fs::path&) {
       fs::remove(wal_of(db));
       fs::create_directory(wal_of(db));
     }},
    {"the folder removed", [](const fs::path& db, const fs::path&) { fs::remove_all(db.parent_path()); }},
    {"the folder moved",
     [](const fs::path& db, const fs::path& there) { fs::rename(db.parent_path(), there / "x"); }},
    {"an empty folder in its place",
     [](const fs::path& db, const fs::path& there) {
       fs::rename(db.parent_path(), there / "x");
       fs::create_directory(db.parent_path());
     }},
};

TEST_F(LogPlace, WhateverIsTakenAwayNothingIsLost) {
  for (const Attack& attack : kAttacks) {
    SCOPED_TRACE(attack.name);
    fill();
    attack.play(options_.path, dir_ / "elsewhere");
    append(kPoints, kSegments + 1);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t seq = 6; seq <= kSegments + 1; ++seq) expected.push_back(seq);
    EXPECT_EQ(found_after_power_cut(), expected);
    EXPECT_EQ(undelivered("a").size(), expected.size());
    const LogStatus status = log_->status();
    EXPECT_EQ(status.segments, kSegments + 1);
    EXPECT_EQ(status.damaged_points, 0u);
    EXPECT_EQ(fs::exists(database() + ".salvage"), false);
    EXPECT_EQ(fs::exists(database() + ".unfinished"), false);
    // And once more, with what was made.
    fs::remove(options_.path);
    append(kPoints, kSegments + 2);
    expected.push_back(kSegments + 2);
    EXPECT_EQ(found_after_power_cut(), expected);
  }
}

// No reading comes: upkeep notices.
TEST_F(LogPlace, WhatIsTakenAwayIsPutBackWithoutACommitToo) {
  fill();
  fs::remove(options_.path);
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  EXPECT_EQ(found_after_power_cut().size(), kSegments - 5);
}

TEST_F(LogPlace, AQuestionReadsNoFileThatIsNotOurs) {
  fill();
  replace_by_copy(options_.path, dir_ / "elsewhere");
  const auto asked =
      log_->history().read_segments({INT64_MIN, INT64_MAX}, false, [](const StoredSegment&) { return true; });
  ASSERT_FALSE(asked);
  EXPECT_NE(asked.error().message.find("was replaced by another file"), std::string::npos)
      << asked.error().message;
  append(kPoints, kSegments + 1);
  EXPECT_TRUE(log_->history().read_segments({INT64_MIN, INT64_MAX}, false,
                                            [](const StoredSegment&) { return true; }));
}

TEST_F(LogPlace, AFileThatIsNotOursIsKeptAside) {
  fill();
  fs::remove(options_.path);
  std::ofstream(options_.path) << "a letter";
  append(kPoints, kSegments + 1);
  const std::string aside = log_->status().set_aside;
  EXPECT_EQ(read_file(aside).value_or(""), "a letter");
}

// Where none can be made nothing is taken, the cause is said, and sinks read on what is open.
TEST_F(LogPlace, UntilANewOneCanBeMadeNothingIsTakenForStored) {
  fill();
  fs::rename(dir_ / "log", dir_ / "elsewhere" / "x");
  std::ofstream(dir_ / "log") << "no folder";
  const auto refused = log_->append(segment(kPoints, kSegments + 1));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find(database()), std::string::npos) << refused.error().message;
  EXPECT_EQ(undelivered("a").size(), kSegments - 5);
  ASSERT_TRUE(log_->acknowledge("a", {6, 10}));
  fs::remove(dir_ / "log");
  append(kPoints, kSegments + 1);
  const auto found = found_after_power_cut();
  ASSERT_EQ(found.size(), kSegments - 9);
  EXPECT_EQ(found.front(), 11u) << "what was acknowledged meanwhile is sent again";
}

// Of a WAL that somebody emptied: what it held is lost, and counted to the point.
TEST_F(LogPlace, AWalThatIsCutShortIsDamage) {
  fill();
  fs::resize_file(wal(), 0);
  append(kPoints, kSegments + 1);
  const auto found = found_after_power_cut();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.back(), kSegments + 1);
  const LogStatus status = log_->status();
  EXPECT_GT(status.damaged_points, 0u);
  EXPECT_EQ(status.points + status.damaged_points, (kSegments + 1) * kPoints);
  EXPECT_EQ(backlog("a"), undelivered("a").size() * kPoints);
}

TEST_F(LogPlace, AnEmptiedDatabaseIsDamage) {
  fill();
  fs::resize_file(options_.path, 0);
  for (std::uint64_t i = 1; i <= 3; ++i) append(kPoints, kSegments + i);
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  const LogStatus status = log_->status();
  EXPECT_EQ(status.points + status.damaged_points, (kSegments + 3) * kPoints);
  EXPECT_EQ(undelivered("a").back().seq, kSegments + 3);
}

// Its medium is gone for good: what it held is counted, and numbers go on.
TEST_F(LogPlace, WhatDoesNotReadAnyMoreIsCounted) {
  PowerCutDisk disk;
  options_.path = "/log/vigile.db";
  options_.files = &disk;
  options_.max_size_bytes = std::uint64_t{16} << 20;
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  constexpr std::uint64_t kMany = 400;  // more than SQLite keeps in memory
  for (std::uint64_t i = 1; i <= kMany; ++i) append(5 * kPoints, i);
  ASSERT_TRUE(disk.rename(options_.path, "/elsewhere"));
  ASSERT_TRUE(disk.rename(wal(), "/elsewhere-wal"));
  // What is open has no name any more, and does not read.
  disk.on_call = [&](const PowerCutDisk::Call& call) {
    const bool is_old =
        (call.path == database() || call.path == wal()) && disk.kind(database()) == StoreFiles::Kind::absent;
    return is_old && call.op == PowerCutDisk::Op::read ? PowerCutDisk::Fault::io : PowerCutDisk::Fault::none;
  };
  EXPECT_EQ(append(kPoints, kMany + 1), kMany + 1);
  const LogStatus status = log_->status();
  EXPECT_EQ(status.damaged_segments, kMany);
  EXPECT_EQ(status.damaged_points, kMany * 5 * kPoints);
  EXPECT_EQ(status.points, kPoints);
  EXPECT_EQ(backlog("a"), kPoints);
  ASSERT_EQ(undelivered("a").size(), 1u);
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_EQ(log_->status().damaged_points, kMany * 5 * kPoints);
  EXPECT_EQ(backlog("a"), kPoints);
  log_.reset();
}

}  // namespace
}  // namespace vigile
