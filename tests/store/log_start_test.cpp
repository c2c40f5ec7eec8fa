// SPDX-License-Identifier: Apache-2.0
// What stands at the names of the log's files at a start is none of them: it is set aside, the cause is said,
// and what the others hold is read.
#include <filesystem>
#include <fstream>
#include <set>

#include "core/file.h"
#include "log_fixture.h"
#include "store/file_blocks.h"
#include "store/wal_scan.h"
#include "support/row_numbers.h"

namespace vigile {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSegments = 100;
constexpr std::uint32_t kPoints = 30;

class LogStart : public LogTest {
 protected:
  LogStart() { options_.max_size_bytes = std::uint64_t{1} << 20; }
  // As after a SIGKILL: a part is in the database, the rest in the WAL.
  void leave_files() {
    const TempDir there;
    {
      LogOptions options = options_;
      options.path = there / "vigile.db";
      auto log = std::move(*Log::open(options, clock_));
      ASSERT_TRUE(log->set_sinks({"a"}));
      for (std::uint64_t i = 1; i <= kSegments; ++i) ASSERT_TRUE(log->append(segment(kPoints, i)));
      database_ = read_file(options.path, 64 << 20).value_or("");
      wal_ = read_file(options.path.string() + "-wal", 64 << 20).value_or("");
    }
    ASSERT_GT(database_.size(), 20'000u);
    ASSERT_GT(wal_.size(), 20'000u);
  }
  void put_files() {
    if (database_.empty()) leave_files();
    log_.reset();
    for (const auto& entry : fs::directory_iterator(dir_.path())) fs::remove_all(entry.path());
    put(options_.path, database_);
    put(wal(), wal_);
  }
  static void put(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  fs::path wal() const { return options_.path.string() + "-wal"; }
  std::uint64_t deliver_all() {
    std::uint64_t points = 0;
    for (;;) {
      const auto read = undelivered("a");
      if (read.empty()) return points;
      for (const auto& one : read) points += one.points;
      EXPECT_TRUE(log_->acknowledge("a", {read.front().seq, read.back().seq}));
    }
  }
  // Returns what was said, when the log is there, goes on, and has lost no more than it says.
  std::string start() {
    testing::internal::CaptureStderr();
    open();
    const std::string said = testing::internal::GetCapturedStderr();
    if (!log_) return said;
    EXPECT_TRUE(log_->set_sinks({"a"}));
    read_ = deliver_all();
    EXPECT_GT(append(kPoints, kSegments + 1), 0u);
    EXPECT_EQ(deliver_all(), kPoints);
    return said;
  }

  // In whole commits.
  std::uint64_t segments_in_wal() const {
    const TempDir there;
    put(there / "wal", wal_);
    FileBlocks file(system_files(), there / "wal");
    const auto content = scan_wal(file);
    EXPECT_TRUE(content && !content->damage);
    std::set<std::uint64_t> numbers;
    for (const auto& [page, offset] : content->pages) {
      for (const RowNumber& row : row_numbers_in(there / "wal", offset, wal_.size())) numbers.insert(row.seq);
    }
    EXPECT_GT(numbers.size(), 20u);
    return numbers.size();
  }

  std::string database_;
  std::string wal_;
  std::uint64_t read_ = 0;  // points
};

TEST_F(LogStart, AWalThatIsNoFileIsSetAside) {
  const std::pair<const char*, void (*)(const fs::path&)> kinds[] = {
      {"is no file", [](const fs::path& wal) { fs::create_directory(wal); }},
      {"is no file",
       [](const fs::path& wal) { put(wal.parent_path() / "x", ""), fs::create_directory(wal); }},
      {"is a link to nothing", [](const fs::path& wal) { fs::create_symlink("nowhere", wal); }},
      {"is a link to nothing", [](const fs::path& wal) { fs::create_symlink("/no/where/at/all", wal); }},
      {"is no file", [](const fs::path& wal) { fs::create_directory_symlink("/tmp", wal); }}};
  for (const auto& [cause, make] : kinds) {
    put_files();
    fs::remove(wal());
    make(wal());
    const std::string said = start();
    EXPECT_NE(said.find(wal().string() + ": " + cause), std::string::npos) << said;
    EXPECT_GT(read_, 0u);
    EXPECT_TRUE(log_->status().damaged_at_least) << "nobody knows what the WAL held";
    EXPECT_FALSE(fs::exists(dir_ / "nowhere"));
    const auto aside = fs::symlink_status(log_->status().set_aside + "-wal");
    EXPECT_FALSE(fs::is_regular_file(aside));
    EXPECT_TRUE(fs::exists(aside));
    EXPECT_EQ(read_file(log_->status().set_aside, 64 << 20).value_or(""), database_);
  }
}

TEST_F(LogStart, OfAnEmptiedDatabaseTheWholeCommitsOfItsWalAreSaved) {
  put_files();
  put(options_.path, "");
  std::string said = start();
  EXPECT_NE(said.find(options_.path.string() + ": is empty, but its WAL is not"), std::string::npos) << said;
  EXPECT_EQ(read_, segments_in_wal() * kPoints) << said;
  EXPECT_TRUE(log_->status().damaged_at_least || log_->status().damaged_points > 0);
  EXPECT_EQ(read_file(log_->status().set_aside + "-wal", 64 << 20).value_or(""), wal_);
  // All of it is in the WAL.
  options_.max_size_bytes = std::uint64_t{64} << 20;
  database_.clear();
  const TempDir there;
  {
    LogOptions options = options_;
    options.path = there / "vigile.db";
    auto log = std::move(*Log::open(options, clock_));
    ASSERT_TRUE(log->set_sinks({"a"}));
    for (std::uint64_t i = 1; i <= kSegments; ++i) ASSERT_TRUE(log->append(segment(kPoints, i)));
    wal_ = read_file(options.path.string() + "-wal", 64 << 20).value_or("");
  }
  database_ = "x";
  put_files();
  put(options_.path, "");
  static_cast<void>(start());
  EXPECT_EQ(read_, kSegments * kPoints);
}

TEST_F(LogStart, ALinkToTheDatabaseIsFollowed) {
  put_files();
  fs::create_directory(dir_ / "disk");
  for (const char* suffix : {"", "-wal"})
    fs::rename(options_.path.string() + suffix, (dir_ / "disk" / "vigile.db").string() + suffix);
  fs::create_symlink(dir_ / "disk" / "vigile.db", options_.path);
  static_cast<void>(start());
  ASSERT_TRUE(log_);
  EXPECT_EQ(read_, kSegments * kPoints);
  EXPECT_TRUE(log_->status().set_aside.empty());
  EXPECT_TRUE(fs::is_symlink(options_.path));
  fs::remove(dir_ / "disk" / "vigile.db-wal");
  append(kPoints, kSegments + 2);
  EXPECT_TRUE(fs::exists(dir_ / "disk" / "vigile.db-wal"));
  EXPECT_EQ(undelivered("a").size(), 1u);
}

// SQLite keeps no index of this WAL in a file: what stands there is nobody's.
TEST_F(LogStart, WhatStandsAtOtherNamesOfSqliteDoesNotHoldItUp) {
  for (const char* suffix : {"-shm", "-journal"}) {
    SCOPED_TRACE(suffix);
    put_files();
    fs::create_directory(options_.path.string() + suffix);
    static_cast<void>(start());
    ASSERT_TRUE(log_);
    EXPECT_EQ(read_, kSegments * kPoints);
    put_files();
    fs::create_symlink("nowhere", options_.path.string() + suffix);
    static_cast<void>(start());
    EXPECT_EQ(read_, kSegments * kPoints);
  }
}

TEST_F(LogStart, OfADatabaseThatIsGoneTheWalIsSavedAndKept) {
  put_files();
  fs::remove(options_.path);
  const std::string said = start();
  EXPECT_EQ(read_, segments_in_wal() * kPoints) << said;
  EXPECT_EQ(read_file(log_->status().set_aside + "-wal", 64 << 20).value_or(""), wal_);
}

TEST_F(LogStart, ADatabaseThatIsNoFileIsSetAsideWithItsWal) {
  put_files();
  fs::remove(options_.path);
  fs::create_directory(options_.path);
  std::string said = start();
  EXPECT_NE(said.find(options_.path.string() + ": is no file"), std::string::npos) << said;
  EXPECT_EQ(read_, segments_in_wal() * kPoints);
  EXPECT_TRUE(fs::is_directory(log_->status().set_aside));
  EXPECT_EQ(read_file(log_->status().set_aside + "-wal", 64 << 20).value_or(""), wal_);
}

}  // namespace
}  // namespace vigile
