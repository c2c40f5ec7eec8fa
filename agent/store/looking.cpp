// SPDX-License-Identifier: Apache-2.0
#include "store/looking.h"

#include <string>

namespace vigile {

namespace {

// https://www.sqlite.org/uri.html
std::string as_uri(const std::filesystem::path& path) {
  std::string uri = "file:";
  for (const char c : path.string()) {
    if (c == '%' || c == '?' || c == '#') {
      uri += c == '%' ? "%25" : c == '?' ? "%3f" : "%23";
    } else {
      uri += c;
    }
  }
  return uri;
}

}  // namespace

Result<Db> open_to_look(const std::filesystem::path& database, const StoreFiles& files) {
  // Without a WAL SQLite would make one.
  const bool has_wal = files.size(database.string() + "-wal").value_or(0) > 0;
  auto opened = has_wal ? Db::open(database, SQLITE_OPEN_READONLY, files.vfs())
                        : Db::open(as_uri(database) + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                                   files.vfs());
  if (!opened) return opened;
  sqlite3_db_config(opened->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // With this SQLite reads a file that is shorter than its header says.
  if (auto done = opened->exec("PRAGMA writable_schema = ON"); !done) return done.error();
  return opened;
}

}  // namespace vigile
