// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <random>

#include "core/file.h"
#include "log_fixture.h"
#include "store/history.h"
#include "store/inspection.h"

namespace vigile {
namespace {

class LogDamage : public LogTest {
 protected:
  void fill(int segments) {
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    for (int i = 1; i <= segments; ++i) append(30, i);
    ASSERT_TRUE(log_->acknowledge("a", {1, 5}));
    // Everything into the database file, as after a clean end.
    sql("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  std::uint64_t read_all() {
    std::uint64_t points = 0;
    for (;;) {
      const auto read = undelivered("a");
      if (read.empty()) return points;
      for (const auto& one : read) {
        EXPECT_EQ(lines_of(one).substr(0, 9 + std::to_string(one.seq).size()),
                  "m,number=" + std::to_string(one.seq));
        points += one.points;
      }
      EXPECT_TRUE(log_->acknowledge("a", {read.front().seq, read.back().seq}));
    }
  }
  std::size_t kept_aside() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      const std::string name = entry.path().filename().string();
      if (name.find(".corrupt-") != std::string::npos && !name.ends_with("-wal") && !name.ends_with("-shm"))
        ++count;
    }
    return count;
  }
};

TEST_F(LogDamage, ADamagedSegmentIsPassedOverAndCounted) {
  fill(20);
  sql("UPDATE segments SET payload = zeroblob(length(payload)) WHERE seq IN (7, 12)");
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_EQ(read_all(), 13u * 30);
  EXPECT_EQ(log_->status().damaged_segments, 2u);
  EXPECT_EQ(backlog("a"), 0u);
}

// Found by tests/fuzz: the header's number of free pages, by which room is made, is damaged.
TEST_F(LogDamage, AHeaderThatCountsMoreFreePagesThanThereAreIsDamage) {
  fill(20);
  log_.reset();
  {
    std::fstream file(options_.path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(36);  // https://www.sqlite.org/fileformat2.html#the_database_header
    file.write("\x17\xff\x00\x00", 4);
  }
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  append(30, 21);
  EXPECT_EQ(read_all(), 16u * 30);
  EXPECT_EQ(kept_aside(), 1u);
}

// As when a page that leads to them is damaged: SQLite says nothing.
TEST_F(LogDamage, RowsThatAreCountedAndNotFoundAreMissed) {
  fill(20);
  sql("DELETE FROM segments WHERE seq IN (12, 13)");
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_EQ(read_all(), 13u * 30);
  EXPECT_EQ(backlog("a"), 0u);
  EXPECT_EQ(kept_aside(), 1u);
  EXPECT_EQ(log_->status().damaged_points, 2u * 30);
  // Numbers without rows that are gone with good reason: a sink that comes later asks for them too.
  ASSERT_TRUE(log_->set_sinks({"a", "b"}));
  EXPECT_EQ(undelivered("b").size(), 18u);
  EXPECT_EQ(undelivered("b", 12).size(), 7u);
  clock_.advance(std::chrono::hours(1));
  open();
  ASSERT_TRUE(log_->set_sinks({"a", "b", "c"}));
  EXPECT_EQ(undelivered("c", 12).size(), 7u);
  EXPECT_EQ(kept_aside(), 1u);
  EXPECT_TRUE(log_->status().set_aside.empty()) << "not once more";
}

TEST_F(LogDamage, NoDamagedTotalHoldsUpABacklog) {
  fill(20);
  sql("UPDATE segments SET total_points = 7 WHERE seq = 11");
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_LE(backlog("a"), 20u * 30);
  EXPECT_EQ(read_all(), 15u * 30);
  EXPECT_EQ(backlog("a"), 0u);
}

// Found by tests/fuzz: no page is damaged, but what stands in a row cannot be.
TEST_F(LogDamage, RowsThatCannotBeAreNotBelieved) {
  for (const char* damage :
       {"UPDATE progress SET last_seq = -1", "UPDATE progress SET last_seq = 9223372036854775807",
        "UPDATE progress SET first_seq = -7", "INSERT INTO spans VALUES(1, -1, 1, 2)",
        "INSERT OR REPLACE INTO meta(key, value) VALUES('last_seq', 9223372036854775807)",
        "INSERT OR REPLACE INTO meta(key, value) VALUES('gone_points', 9223372036854775807)",
        "UPDATE segments SET seq = 9223372036854775807 WHERE seq = 20",
        "UPDATE segments SET seq = -5 WHERE seq = 20", "UPDATE segments SET seq = 0 WHERE seq = 1",
        "UPDATE segments SET total_points = -1 WHERE seq = 20", "UPDATE segments SET points = -1",
        "UPDATE segments SET clock = 7 WHERE seq = 12", "DROP TABLE segments", "DROP TABLE progress",
        "ALTER TABLE meta RENAME TO other", "PRAGMA user_version = 1", "PRAGMA user_version = 1701934437"}) {
    SCOPED_TRACE(damage);
    log_.reset();
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path()))
      std::filesystem::remove(entry.path());
    fill(20);
    sql(damage);
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    static_cast<void>(read_all());
    std::uint64_t history = 0;
    ASSERT_TRUE(log_->history().read_segments({INT64_MIN, INT64_MAX}, false,
                                              [&](const StoredSegment&) { return ++history < 100; }));
    EXPECT_LE(history, 20u);
    const std::uint64_t seq = append(3, 99);
    EXPECT_GT(seq, 0u);
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    const auto left = undelivered("a", seq);
    ASSERT_EQ(left.size(), 1u) << "what came after the damage is skipped";
    EXPECT_EQ(left.front().seq, seq);
  }
}

TEST_F(LogDamage, AnotherFileInItsPlaceIsSetAside) {
  fill(3);
  log_.reset();
  std::ofstream(options_.path, std::ios::trunc) << "this is no database, " << std::string(5000, '!');
  open();
  EXPECT_EQ(kept_aside(), 1u);
  EXPECT_FALSE(log_->status().set_aside.empty());
  EXPECT_EQ(append(1), 1u);
}

TEST_F(LogDamage, AnEmptyFileIsANewLog) {
  std::ofstream(options_.path).close();
  open();
  EXPECT_EQ(append(1), 1u);
}

TEST_F(LogDamage, OnlyOneDamagedDatabaseIsKept) {
  for (int i = 0; i < 3; ++i) {
    log_.reset();
    std::ofstream(options_.path, std::ios::trunc) << std::string(3000, 'x');
    clock_.advance(std::chrono::hours(1));
    open();
  }
  EXPECT_EQ(kept_aside(), 1u);
}

// Wherever a run of bytes is overwritten: the agent's log opens, gives no wrong line, and runs on.
TEST_F(LogDamage, WhateverPageIsDestroyedTheLogRunsOnAndSalvagesTheRest) {
  fill(200);
  log_.reset();
  const std::string good = *read_file(options_.path, 64 << 20);
  std::mt19937_64 random(3);
  std::uint64_t salvaged = 0;
  for (int round = 0; round < 60; ++round) {
    std::string bad = good;
    const std::size_t page = random() % (bad.size() / 1024);
    for (std::size_t i = 0; i < 1024; ++i) bad[page * 1024 + i] = static_cast<char>(random());
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(options_.path.string() + suffix);
    std::ofstream(options_.path, std::ios::trunc | std::ios::binary) << bad;
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    const std::uint64_t points = read_all();
    EXPECT_LE(points, 200u * 30);
    if (points >= 150u * 30) ++salvaged;
    EXPECT_GT(append(1, 1), 0u);
    log_.reset();
  }
  EXPECT_GT(salvaged, 45u);  // one page is rarely more than a few segments
}

TEST_F(LogDamage, ATruncatedDatabaseIsSalvaged) {
  fill(200);
  log_.reset();
  std::filesystem::resize_file(options_.path, std::filesystem::file_size(options_.path) / 2 / 1024 * 1024);
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_GT(read_all(), 30u * 30);
  EXPECT_GT(append(1, 1), 0u);
}

}  // namespace
}  // namespace vigile
