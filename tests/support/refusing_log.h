// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <string>

namespace vigile {

// While true, the log at `path`, open in this process, reads as ever and takes nothing.
inline void refuse_writes(const std::filesystem::path& path, bool refuse) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  for (const std::string table : {"segments", "status_changes", "dead_letters", "progress"}) {
    const std::string name = "refuse_" + table;
    const std::string sql = refuse ? "CREATE TRIGGER " + name + " BEFORE INSERT ON " + table +
                                         " BEGIN SELECT RAISE(ABORT, 'refused'); END"
                                   : "DROP TRIGGER " + name;
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  }
  sqlite3_close(db);
}

}  // namespace vigile
