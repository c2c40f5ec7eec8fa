// SPDX-License-Identifier: Apache-2.0
// Where a log's files are, and where they should be. Private to the store.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/result.h"
#include "store/store_files.h"

namespace vigile {

// The files that are open, by what stands at their names.
struct FilesInPlace {
  StoreFiles::Identity database;
  StoreFiles::Identity wal;
  std::string wal_name;  // beside the file itself, where path_ is a link to it
  std::optional<StoreFiles::Identity> lock;
};
struct Displaced {
  Error cause;
  bool is_wal = false;     // and the database is where it belongs
  bool may_return = true;  // else it is there, and may not be reached
};

inline std::filesystem::path directory_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

// Where a database that is to take its place is made; without one in its place it is complete.
inline std::filesystem::path salvage_of(const std::filesystem::path& database) {
  return database.string() + ".salvage";
}

}  // namespace vigile
