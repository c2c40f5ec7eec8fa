// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/result.h"
#include "store/sqlite_db.h"
#include "store/store_files.h"

namespace vigile {

struct ImageContent;

// A database as its file and WAL together say it is, however damaged. Nothing is written: no file is changed,
// made or locked, so nobody else may have it open for writing. One thread.
class DatabaseImage {
 public:
  // `files` outlives it. A file that is absent, or no regular one, is an empty database. What the medium does
  // not give back is read as zeros. Errors: io when it gives nothing back; permission.
  static Result<std::unique_ptr<DatabaseImage>> open(const StoreFiles& files,
                                                     const std::filesystem::path& database);
  ~DatabaseImage();
  DatabaseImage(const DatabaseImage&) = delete;
  DatabaseImage& operator=(const DatabaseImage&) = delete;

  // A connection, for as long as the image lives. When what every database of ours begins with is damaged, it
  // is read as it should be. Errors: io.
  Result<Db> connect();

  // Another, in which `segments` has all leaves that are found in the file, whatever leads to them; the other
  // tables are to be read through the first. Errors: not_found when there are none; io.
  Result<Db> connect_to_leaves(Db& db);

  // What is wrong before SQLite is asked; absent when nothing is.
  const std::optional<std::string>& damage() const { return damage_; }
  // What connect() had to put right to read anything at all; absent when nothing was.
  const std::optional<std::string>& mended() const;
  // What of the files read so far the medium did not give back; absent: nothing.
  std::optional<std::string> unreadable() const;
  // Whether it gives anything back. Else what is missing is not lost.
  bool is_medium_there() const;
  // For some page only an older version is left: what is counted there may be too little, or too much.
  bool is_stale() const { return is_stale_; }
  std::uint64_t size_bytes() const { return size_bytes_; }  // of the database; 0 when there is none

 private:
  std::set<std::uint32_t> free_pages() const;

  explicit DatabaseImage(std::unique_ptr<ImageContent> content);

  std::unique_ptr<ImageContent> content_;
  std::optional<std::string> damage_;
  bool is_stale_ = false;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace vigile
