// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "log_fixture.h"
#include "store/history.h"
#include "store/schema.h"
#include "store/sqlite_db.h"

namespace vigile {
namespace {

class LogMigration : public LogTest {
 protected:
  // A database as the first version made it, with `segments` rows.
  void make_first_version(int segments) {
    auto db = Db::open(options_.path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->exec("PRAGMA page_size = 1024; PRAGMA journal_mode = WAL"));
    ASSERT_TRUE(migrate(*db, migrations().first(1)));
    PayloadEncoder encoder;
    std::string payload;
    for (int i = 1; i <= segments; ++i) {
      const NewSegment made = segment(3, static_cast<std::uint64_t>(i));
      encoder.encode(made.lines, payload);
      auto insert = db->prepare(
          "INSERT INTO segments(seq, boot_id, clock, first_ns, last_ns, points, raw_bytes, crc32, "
          "payload_crc32, "
          "total_points, total_bytes, total_segments, payload) "
          "VALUES(?1,'boot-0',0,?2,?3,3,?4,?5,?6,3*?1,?7*?1,?1,?8)");
      ASSERT_TRUE(insert);
      insert->bind(1, std::int64_t{i}).bind(2, made.first_ns).bind(3, made.last_ns);
      insert->bind(4, static_cast<std::int64_t>(made.lines.size()))
          .bind(5, std::int64_t{crc32_of(made.lines)});
      insert->bind(6, std::int64_t{crc32_of(payload)}).bind(7, static_cast<std::int64_t>(payload.size()));
      insert->bind_blob(8, payload);
      ASSERT_TRUE(insert->step());
    }
    ASSERT_TRUE(
        db->exec("INSERT INTO progress VALUES('s', 0, 4); "
                 "INSERT INTO dead_letters VALUES(1, 's', 5, 'line', 'reason')"));
  }
  std::int64_t ask(const std::string& text) {
    auto db = Db::open(options_.path, SQLITE_OPEN_READWRITE);
    EXPECT_TRUE(db);
    const auto answer = db->integer(text);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(-1);
  }
};

TEST_F(LogMigration, TheFirstVersionIsBroughtOnWithAllItHolds) {
  make_first_version(10);
  open();
  ASSERT_TRUE(log_->set_sinks({"s"}));
  EXPECT_EQ(log_->status().points, 30u);
  EXPECT_EQ(log_->status().dead_letters, 1u);
  EXPECT_EQ(backlog("s"), 18u);
  const auto read = undelivered("s");
  ASSERT_EQ(read.size(), 6u);
  EXPECT_EQ(lines_of(read[0]), segment(3, 5).lines);
  EXPECT_EQ(log_->history().last_alive_ns(), segment(3).last_ns);
  EXPECT_EQ(log_->history().read_unsummarised(0, 1 << 20)->size(), 10u);
  NewSegment made = segment(1, 11);
  made.changes = {StatusChange{.equipment_id = "a", .time_ns = 5, .decided_after_ns = 3}};
  EXPECT_EQ(*log_->append(made), 11u);
  EXPECT_EQ(log_->history().last_status_changes("a", INT64_MAX)->at(0).decided_after_ns, 3);
  log_.reset();
  EXPECT_EQ(ask("PRAGMA user_version"), migrations().back().to);
}

// The process ends in the middle of the second step.
TEST_F(LogMigration, ACrashInTheMiddleLeavesTheFirstVersion) {
  make_first_version(10);
  const pid_t child = ::fork();
  if (child == 0) {
    auto db = Db::open(options_.path, SQLITE_OPEN_READWRITE);
    if (!db) ::_exit(1);
    sqlite3_create_function(
        db->handle(), "die", 0, SQLITE_UTF8, nullptr,
        [](sqlite3_context*, int, sqlite3_value**) { ::_exit(42); }, nullptr, nullptr);
    const std::string sql = std::string(migrations()[1].sql) + "; DELETE FROM segments; SELECT die();";
    const std::array steps = {migrations()[0], Migration{2, sql.c_str()}};
    (void)migrate(*db, steps);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 42);
  EXPECT_EQ(ask("PRAGMA user_version"), 1);
  EXPECT_EQ(ask("SELECT count(*) FROM segments"), 10);
  EXPECT_EQ(ask("SELECT count(*) FROM sqlite_schema WHERE name = 'summaries'"), 0);
  open();
  EXPECT_EQ(log_->status().points, 30u);
}

}  // namespace
}  // namespace vigile
