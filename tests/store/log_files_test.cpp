// SPDX-License-Identifier: Apache-2.0
// What is found where the log should be, and what is counted of what is gone: files that are not the log's,
// that are there in part, that a newer program made.
#include <fcntl.h>

#include <fstream>
#include <map>

#include "core/file.h"
#include "core/unique_fd.h"
#include "log_fixture.h"
#include "store/history.h"
#include "store/inspection.h"
#include "store/sqlite_db.h"

namespace vigile {
namespace {

namespace fs = std::filesystem;

class LogFiles : public LogTest {
 protected:
  using Files = std::map<std::string, std::string>;

  fs::path wal() const { return options_.path.string() + "-wal"; }
  static std::string content(const fs::path& path) { return read_file(path, 64 << 20).value_or(""); }
  static void write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::trunc | std::ios::binary) << bytes;
  }
  // All of the directory but the lock.
  Files files() const {
    Files found;
    for (const auto& entry : fs::directory_iterator(dir_.path())) {
      const std::string name = entry.path().filename().string();
      if (!name.ends_with(".lock")) found[name] = content(entry.path());
    }
    return found;
  }
  void fill(int segments) {
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    for (int i = 1; i <= segments; ++i) append(30, i);
  }
  // The process dies: what is on the disk is what there is.
  void crash() {
    const Files now = files();
    log_.reset();
    for (const auto& [name, bytes] : now) write(dir_ / name, bytes);
  }
  void end_cleanly() {
    ASSERT_TRUE(log_->history().set_last_alive(to_ns(clock_.wall())));
    log_.reset();
  }
  std::string aside() { return log_->status().set_aside; }
  // What is undelivered and reads.
  std::uint64_t found() {
    std::uint64_t points = 0;
    for (std::uint64_t from = 0;;) {
      const auto read = undelivered("a", from);
      if (read.empty()) return points;
      for (const auto& one : read) points += one.points;
      from = read.back().seq + 1;
    }
  }
  void expect_lost(std::uint64_t points, bool at_least = false) {
    EXPECT_EQ(log_->status().damaged_points, points);
    EXPECT_EQ(log_->status().damaged_at_least, at_least);
  }
  void flip(const fs::path& path, std::size_t at) {
    std::string bytes = content(path);
    ASSERT_LT(at, bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 0x5a);
    write(path, bytes);
  }
};

constexpr std::size_t kWalHeader = 32;
constexpr std::size_t kWalFrame = 24 + 1024;

TEST_F(LogFiles, AnotherProgramsDatabaseIsSetAsideAsItIs) {
  sql("CREATE TABLE letters(id INTEGER PRIMARY KEY, text TEXT); INSERT INTO letters VALUES(1, 'dear')");
  const std::string theirs = content(options_.path);
  open();
  ASSERT_FALSE(aside().empty());
  EXPECT_EQ(content(aside()), theirs);
  EXPECT_TRUE(log_->status().damaged_at_least);
  EXPECT_EQ(append(3), 1u);
}

TEST_F(LogFiles, ANewerSchemaIsRefusedAndNeitherFileTouched) {
  fill(20);
  sql("PRAGMA journal_mode = WAL; PRAGMA user_version = 99");
  {
    // As that newer program left it when it was killed.
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(options_.path.c_str(), &db), SQLITE_OK);
    sqlite3_exec(db, "INSERT INTO gaps VALUES(1, 2)", nullptr, nullptr, nullptr);
    const Files now = files();
    sqlite3_close(db);
    for (const auto& [name, bytes] : now) write(dir_ / name, bytes);
  }
  fs::remove(options_.path.string() + "-shm");
  ASSERT_GT(content(wal()).size(), kWalFrame);
  const Files before = files();
  const auto opened = Log::open(options_, clock_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("schema is version 99"), std::string::npos) << opened.error().message;
  EXPECT_EQ(files(), before);
}

TEST_F(LogFiles, AnEmptiedDatabaseIsSavedFromItsWal) {
  fill(20);
  crash();
  ASSERT_GT(content(wal()).size(), 20 * kWalFrame);
  write(options_.path, "");
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_FALSE(aside().empty());
  EXPECT_EQ(found(), 20u * 30);
}

TEST_F(LogFiles, OfAnEmptiedDatabaseIsSaidThatNobodyKnowsWhatIsLost) {
  fill(20);
  end_cleanly();
  write(options_.path, "");
  open();
  expect_lost(0, true);
  EXPECT_EQ(append(3), 1u);
}

TEST_F(LogFiles, SomethingElseInTheWalsPlaceIsNoticed) {
  fill(20);
  crash();
  write(wal(), "this was no WAL, " + std::string(3000, '!'));
  open();
  ASSERT_FALSE(aside().empty());
  EXPECT_EQ(content(aside() + "-wal").substr(0, 15), "this was no WAL") << "kept as it was";
  EXPECT_TRUE(log_->status().damaged_at_least);
}

TEST_F(LogFiles, ADamagedWalIsKeptAsItWas) {
  fill(20);
  crash();
  flip(wal(), kWalHeader + 10 * kWalFrame + 100);
  const std::string damaged = content(wal());
  open();
  ASSERT_FALSE(aside().empty());
  EXPECT_EQ(content(aside() + "-wal"), damaged);
}

// The one before the newest: what was written after it says that it had been committed.
TEST_F(LogFiles, ADamagedCommitIsNoticedWhenAnotherFollows) {
  fill(20);
  const std::size_t first = content(wal()).size();
  append(300, 21);
  const std::size_t second = content(wal()).size();
  append(300, 22);
  crash();
  ASSERT_GT(second, first);
  flip(wal(), second - 500);  // its last frame, which says that it is whole
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_FALSE(aside().empty());
  const std::uint64_t left = found();
  EXPECT_EQ(left + log_->status().damaged_points, 20u * 30 + 2 * 300);
}

TEST_F(LogFiles, ADamagedHeaderCostsNothing) {
  fill(20);
  end_cleanly();
  for (const std::size_t at : {0, 16, 18, 21, 44, 56}) flip(options_.path, at);
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_FALSE(aside().empty());
  EXPECT_EQ(found(), 20u * 30);
  expect_lost(0);
}

// SQLite has no code of its own for this one.
TEST_F(LogFiles, AFormatThatSqliteDoesNotKnowIsDamage) {
  fill(20);
  end_cleanly();
  flip(options_.path, 47);
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_FALSE(aside().empty());
  EXPECT_EQ(found(), 20u * 30);
  expect_lost(0);
}

// The first page says where all tables are, and with it all would be lost.
TEST_F(LogFiles, ADatabaseIsReadWithoutItsFirstPage) {
  for (const bool is_rewritten : {false, true}) {
    SCOPED_TRACE(is_rewritten);
    log_.reset();
    for (const auto& [name, bytes] : files()) fs::remove(dir_ / name);
    fill(60);
    ASSERT_TRUE(log_->acknowledge("a", {1, 5}));
    end_cleanly();
    if (is_rewritten) sql("VACUUM");
    std::string bytes = content(options_.path);
    bytes.replace(0, 1024, std::string(1024, '\xee'));
    write(options_.path, bytes);
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    EXPECT_FALSE(aside().empty());
    EXPECT_EQ(found(), 55u * 30);
    expect_lost(0);
  }
}

TEST_F(LogFiles, AfterACleanEndTheNumberIsExactEvenWithoutTheNewest) {
  fill(200);
  end_cleanly();
  fs::resize_file(options_.path, fs::file_size(options_.path) / 2);
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  const std::uint64_t left = found();
  EXPECT_LT(left, 200u * 30);
  EXPECT_GT(left, 0u);
  expect_lost(200u * 30 - left);
  // And once more, some appended since.
  append(30, 201);
  crash();
  open();
  expect_lost(200u * 30 - left);
}

// Live first: what is fresh is delivered, and goes when room is wanted, while older readings wait.
TEST_F(LogFiles, WhatWasRemovedAfterItsDeliveryIsNotLost) {
  options_.max_size_bytes = 1 << 20;
  fill(100);
  ASSERT_TRUE(log_->acknowledge("a", {40, 70}));
  clock_.advance(options_.keep + std::chrono::hours(1));
  for (int i = 0; i < 3; ++i) {
    const auto next = log_->maintain(clock_.boot());
    ASSERT_TRUE(next) << next.error().message;
  }
  const std::uint64_t held = log_->status().points;
  ASSERT_EQ(held, 69u * 30) << "delivered history that is old is to be removed";
  end_cleanly();
  sql("UPDATE segments SET payload = zeroblob(length(payload)) WHERE seq IN (7, 12); "
      "UPDATE meta SET crc32 = crc32 + 1 WHERE key = 'last_alive_ns'");
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_FALSE(aside().empty());
  EXPECT_EQ(found(), 67u * 30);
  EXPECT_EQ(log_->status().damaged_points, 2u * 30);
}

TEST_F(LogFiles, WhatWasCountedWhenItWasMetIsNotCountedAgain) {
  fill(30);
  end_cleanly();
  sql("UPDATE segments SET payload = zeroblob(length(payload)) WHERE seq IN (3, 7, 12)");
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_EQ(found(), 27u * 30);
  expect_lost(3 * 30);
  // One of them goes as all do that are old.
  ASSERT_TRUE(log_->acknowledge("a", {1, 5}));
  clock_.advance(options_.keep + std::chrono::hours(1));
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  ASSERT_EQ(log_->status().segments, 25u);
  end_cleanly();
  sql("UPDATE segments SET payload = zeroblob(length(payload)) WHERE seq = 20");
  flip(options_.path, 0);
  open();
  ASSERT_FALSE(aside().empty());
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_EQ(found(), 22u * 30);
  expect_lost(4 * 30);
}

// When boots of which some times are not repaired yet had begun: without it their times would be guessed.
TEST_F(LogFiles, ASalvageGoesOnWithARepairOfTimes) {
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  append(3, 1, ClockState::unset);
  append(30, 2);
  end_cleanly();
  sql("INSERT INTO meta(key, value) VALUES('boot_epoch_ns:another', 77)");
  flip(options_.path, 0);
  open();
  ASSERT_FALSE(aside().empty());
  log_.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(options_.path.c_str(), &db), SQLITE_OK);
  std::int64_t value = 0;
  sqlite3_exec(
      db, "SELECT value FROM meta WHERE key = 'boot_epoch_ns:another'",
      [](void* out, int, char** columns, char**) {
        *static_cast<std::int64_t*>(out) = std::stoll(columns[0]);
        return 0;
      },
      &value, nullptr);
  sqlite3_close(db);
  EXPECT_EQ(value, 77);
}

class StoreInspections : public LogFiles {
 protected:
  StoreInspection inspect() {
    const Files before = files();
    auto found = inspect_store(options_.path);
    EXPECT_TRUE(found) << found.error().message;
    EXPECT_EQ(files(), before) << "looking changes nothing";
    return found ? *found : StoreInspection{};
  }
  static std::string all(const StoreInspection& inspection) {
    std::string text;
    for (const std::string& problem : inspection.problems) text += problem + "\n";
    return text;
  }
};

TEST_F(StoreInspections, ASoundLogIsSoundEndedOrKilled) {
  fill(20);
  ASSERT_TRUE(log_->acknowledge("a", {1, 5}));
  crash();
  StoreInspection found = inspect();
  EXPECT_TRUE(found.is_sound()) << all(found);
  EXPECT_EQ(found.points, 20u * 30);
  EXPECT_EQ(found.lost_points, 0u);
  EXPECT_FALSE(found.lost_at_least);
  open();
  end_cleanly();
  found = inspect();
  EXPECT_TRUE(found.is_sound()) << all(found);
  EXPECT_EQ(found.segments, 20u);
}

TEST_F(StoreInspections, SaysWhatIsDamagedAndWhatItCosts) {
  struct Case {
    const char* sql;
    const char* problem;
    std::uint64_t lost;
  };
  for (const Case& one :
       {Case{"UPDATE segments SET payload = zeroblob(length(payload)) WHERE seq = 7",
             "segment 7 of 30 points", 30},
        Case{"DELETE FROM segments WHERE seq = 9", "its counters say 600 points, and there are 570", 30},
        Case{"UPDATE progress SET last_seq = 99", "progress of a", 0},
        Case{"UPDATE meta SET value = 5 WHERE key = 'total_points'", "what says how much it held", 0},
        Case{"INSERT INTO summaries VALUES(0, 1, x'00')", "summaries of 1970-01-01", 0},
        Case{"PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'status_changes_by_time'",
             "SQLite: ", 0}}) {
    SCOPED_TRACE(one.sql);
    for (const auto& [name, bytes] : files()) fs::remove(dir_ / name);
    fill(20);
    end_cleanly();
    sql(one.sql);
    const StoreInspection found = inspect();
    EXPECT_NE(all(found).find(one.problem), std::string::npos) << all(found);
    EXPECT_EQ(found.lost_points, one.lost);
  }
}

TEST_F(StoreInspections, TellsOfFilesThatAreNoLog) {
  const auto none = inspect_store(options_.path);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::not_found);
  for (const std::string& text : {std::string(), std::string(5000, '!')}) {
    write(options_.path, text);
    const StoreInspection found = inspect();
    EXPECT_FALSE(found.is_sound());
    EXPECT_TRUE(found.lost_at_least);
  }
  fs::remove(options_.path);
  fs::create_directory(options_.path);
  EXPECT_NE(all(*inspect_store(options_.path)).find("is no file"), std::string::npos);
}

TEST_F(StoreInspections, OneThatIsHeldIsRefusedAndSaysByWhom) {
  fill(3);
  const auto found = inspect_store(options_.path);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::unavailable);
  EXPECT_NE(found.error().message.find(std::to_string(::getpid())), std::string::npos);
}

TEST_F(StoreInspections, AnOpenLogIsReadWhileItGoesOn) {
  fill(20);
  auto found = log_->inspect();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->is_sound()) << all(*found);
  EXPECT_EQ(found->points, 20u * 30);
  sql("UPDATE segments SET payload = zeroblob(length(payload)) WHERE seq = 7");
  open();
  found = log_->inspect();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_FALSE(found->is_sound());
  EXPECT_EQ(found->lost_points, 30u);
  EXPECT_EQ(append(1), 21u);
}

TEST_F(StoreInspections, ASalvageLeavesWhatItReadsAsItWas) {
  fill(20);
  ASSERT_TRUE(log_->acknowledge("a", {1, 5}));
  append(30, 21);
  crash();
  flip(wal(), kWalHeader + 10 * kWalFrame + 100);
  const StoreInspection before = inspect();
  EXPECT_FALSE(before.is_sound());
  const Files damaged = files();
  LogOptions into{.path = dir_ / "new.db"};
  // Of one that was broken off.
  write(dir_ / "new.db.salvage", "half");
  const auto report = Log::salvage(options_.path, into, clock_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->points + report->lost_points, 21u * 30);
  EXPECT_EQ(report->segments + report->lost_segments, 21u);
  EXPECT_EQ(report->points, before.points);
  EXPECT_EQ(report->lost_points, before.lost_points);
  for (const auto& [name, bytes] : damaged) EXPECT_EQ(content(dir_ / name), bytes) << name;

  const auto again = Log::salvage(options_.path, into, clock_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::config);
  options_.path = into.path;
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_EQ(undelivered("a").front().seq, 6u) << "what was delivered still is";
  EXPECT_EQ(backlog("a"), report->points - 5u * 30);
}

// SQLite would open it all the same, and never write to it again.
TEST_F(LogFiles, AFileThatNobodyMayWriteNowIsNoDatabaseToWriteTo) {
  const fs::path running = fs::read_symlink("/proc/self/exe");
  if (UniqueFd(::open(running.c_str(), O_RDWR | O_CLOEXEC))) GTEST_SKIP() << "an emulator runs it";
  const auto opened = Db::open(running, SQLITE_OPEN_READWRITE, nullptr);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::io);
  EXPECT_EQ(opened.error().message, running.string() + ": Text file busy");
  EXPECT_TRUE(Db::open(running, SQLITE_OPEN_READONLY, nullptr));
}

}  // namespace
}  // namespace vigile
