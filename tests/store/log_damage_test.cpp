// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <random>

#include "core/file.h"
#include "log_fixture.h"
#include "store/damaged_rows.h"
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

// The page that leads to all segments: rows stand where a search for their number does not look, come twice,
// or out of order. What the check foretells is what is lost then; but for a byte that makes the next commit
// write over what reads.
TEST_F(LogDamage, WhateverByteOfThePageThatLeadsToThemIsDamagedSegmentsAreSavedAndCounted) {
  fill(100);
  open();
  ASSERT_TRUE(log_->history().set_last_alive(to_ns(clock_.wall())));
  sql("PRAGMA wal_checkpoint(TRUNCATE)");
  const std::string good = *read_file(options_.path, 64 << 20);
  constexpr std::size_t kPage = 1024;
  constexpr std::size_t kRoot = kPage;  // of the first table made
  ASSERT_EQ(good[kRoot], 5) << "https://www.sqlite.org/fileformat2.html#b_tree_pages: leads to others";
  const auto number_at = [&](std::size_t at) {
    return static_cast<std::size_t>(static_cast<std::uint8_t>(good[kRoot + at]) << 8 |
                                    static_cast<std::uint8_t>(good[kRoot + at + 1]));
  };
  const std::size_t unused_from = 12 + 2 * number_at(3);
  const std::size_t unused_to = number_at(5);
  int set_aside = 0, told_otherwise = 0;
  for (std::size_t at = 0; at < kPage; ++at) {
    if (at >= unused_from && at < unused_to) continue;
    std::string bad = good;
    bad[kRoot + at] ^= static_cast<char>(1 + at * 37 % 255);
    SCOPED_TRACE("byte " + std::to_string(at));
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(options_.path.string() + suffix);
    std::ofstream(options_.path, std::ios::trunc | std::ios::binary) << bad;
    const auto foretold = inspect_store(options_.path);
    ASSERT_TRUE(foretold) << foretold.error().message;
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    append(30, 101);
    static_cast<void>(read_all());
    ASSERT_TRUE(log_->history().set_last_alive(to_ns(clock_.wall())));
    const LogStatus said = log_->status();
    log_.reset();
    const auto found = inspect_store(options_.path);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->points + said.damaged_points, 101u * 30) << "lost, and not said";
    EXPECT_FALSE(said.damaged_at_least);
    if (said.set_aside.empty()) continue;
    ++set_aside;
    EXPECT_LE(foretold->lost_points, said.damaged_points);
    open();
    ASSERT_TRUE(log_->set_sinks({"a", "b"}));
    EXPECT_EQ(backlog("b"), log_->status().points) << "totals of rows that stood out of their place";
    log_.reset();
    told_otherwise += foretold->lost_points == said.damaged_points ? 0 : 1;
    std::filesystem::remove(said.set_aside);
  }
  EXPECT_GT(set_aside, 50);
  EXPECT_LE(told_otherwise, 2);
}

// Nothing leads to the segments any more, and those deleted are still in the file, in pages that are free.
TEST_F(LogDamage, WithoutThePageThatLeadsToThemAllSegmentsAreFoundAndNoDeletedOne) {
  fill(200);
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  ASSERT_TRUE(log_->acknowledge("a", {1, 100}));
  clock_.advance(options_.keep + std::chrono::hours(1));
  append(30, 201);
  while (log_->status().segments > 101) ASSERT_TRUE(log_->maintain(clock_.boot()));
  ASSERT_TRUE(log_->history().set_last_alive(to_ns(clock_.wall())));
  sql("PRAGMA wal_checkpoint(TRUNCATE)");
  std::fstream file(options_.path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(1024);
  file.write(std::string(1024, '\0').data(), 1024);
  file.close();
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_EQ(read_all(), 101u * 30);
  EXPECT_EQ(kept_aside(), 1u);
  EXPECT_EQ(log_->status().segments, 101u);
  EXPECT_EQ(log_->status().damaged_points, 0u);
  EXPECT_FALSE(log_->status().damaged_at_least);
}

TEST_F(LogDamage, WhatReadsIsLookedForUpToTheDamageAndNoFurther) {
  for (const std::int64_t end : {1, 2, 3, 17, 64, 1000, 1'000'000}) {
    const auto behind = [&](std::int64_t number) { return number >= 100 + end * 7; };
    EXPECT_EQ(first_that_reads(100, 7, behind), 100 + end * 7);
    EXPECT_EQ(first_that_reads(100 + end * 7, 7, behind), 100 + end * 7);
  }
  const auto never = [](std::int64_t) { return false; };
  EXPECT_EQ(first_that_reads(100, 7, never), std::nullopt);
  EXPECT_EQ(first_that_reads(INT64_MAX - 7, 7, never), std::nullopt);
}

// It ended cleanly, so the rows need not say how much it held; but then these must.
TEST_F(LogDamage, ACounterThatIsMissingIsNotZero) {
  for (const char* key : {"last_seq", "total_points", "total_segments"}) {
    SCOPED_TRACE(key);
    log_.reset();
    std::filesystem::remove(options_.path);
    fill(20);
    open();
    ASSERT_TRUE(log_->history().set_last_alive(to_ns(clock_.wall())));
    sql(std::string("DELETE FROM meta WHERE key = '") + key + "'");
    const auto found = inspect_store(options_.path);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->points, 20u * 30);
    EXPECT_EQ(found->lost_points, 0u);
    EXPECT_TRUE(found->lost_at_least);
  }
}

// However many segments a page held: those behind it are found.
TEST_F(LogDamage, WhatStandsBehindADestroyedPageIsNotPassedOver) {
  fill(200);
  const std::string good = *read_file(options_.path, 64 << 20);
  int with_segments = 0;
  for (std::size_t page = 1024; page < good.size(); page += 1024) {
    if (good[page] != 13) continue;  // a leaf
    const auto cells = static_cast<std::uint8_t>(good[page + 4]);
    std::ofstream(options_.path, std::ios::trunc | std::ios::binary)
        << good.substr(0, page) + std::string(1024, '\0') + good.substr(page + 1024);
    const auto found = inspect_store(options_.path);
    ASSERT_TRUE(found) << found.error().message;
    if (found->points == 200u * 30) continue;  // of another table
    ++with_segments;
    EXPECT_EQ(found->points + cells * 30u, 200u * 30) << "page " << page / 1024 + 1;
  }
  EXPECT_GT(with_segments, 20);
}

TEST_F(LogDamage, ADeadLetterThatWaitsToBeSentAgainGoesOnWaiting) {
  fill(20);
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  ASSERT_TRUE(log_->acknowledge("a", {6, 6}, {{.line = "x v=1 1", .reason = "no"}, {.line = "y v=1 1"}}));
  ASSERT_EQ(*log_->resend_dead_letters({.reason = "no"}), 1u);
  // What describes the indexes does not read any more.
  sql("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA writable_schema = ON; "
      "UPDATE sqlite_schema SET sql = replace(sql, 'CREATE INDEX', 'CREATE IND') WHERE type = 'index'");
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_NE(log_->status().set_aside, "");
  const auto letters = log_->dead_letters("", 0, 10);
  ASSERT_EQ(letters->size(), 2u);
  EXPECT_TRUE(letters->at(0).resend);
  EXPECT_FALSE(letters->at(1).resend);
  EXPECT_EQ(log_->letters_to_resend("a", 1000)->size(), 1u);
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
