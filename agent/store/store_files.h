// SPDX-License-Identifier: Apache-2.0
// What the store does with files, so that a test can be the disk: SQLite's part through a VFS, the rest here.
// Paths are absolute or relative to the working directory. Errors: those of the system call, with the path.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"

namespace vigile {

// Any thread.
class StoreFiles {
 public:
  enum class Kind { absent, dangling, file, other };  // dangling: a link to nothing
  // Which file it is, whatever its name; by this it is seen that another one has taken its place.
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    bool operator==(const Identity&) const = default;
  };
  virtual ~StoreFiles() = default;
  // SQLite's name for the file system, as sqlite3_open_v2() wants it.
  virtual const char* vfs() const = 0;
  // Makes the directory of the database when it is missing, and takes its lock (store_lock.h).
  virtual Result<UniqueFd> lock(const std::filesystem::path& database) = 0;
  virtual Kind kind(const std::filesystem::path& path) const = 0;
  // Of the file that a name leads to. Errors: not_found; permission, also when it may be seen and neither
  // read nor written; io.
  virtual Result<Identity> identity(const std::filesystem::path& path) const = 0;
  virtual std::optional<std::uint64_t> size(const std::filesystem::path& path) const = 0;  // of a file
  virtual Result<std::string> read(const std::filesystem::path& path, std::uint64_t offset,
                                   std::size_t most) const = 0;  // less at the end
  virtual Result<std::vector<std::string>> names(const std::filesystem::path& directory) const = 0;
  // In place of what is there; fine when there is no `from`.
  virtual Result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  virtual Result<void> remove(const std::filesystem::path& path) = 0;  // with all it holds; fine when absent
  // Until then a power cut may undo the names made, changed and removed in it, in any order.
  virtual Result<void> sync(const std::filesystem::path& directory) = 0;
};

StoreFiles& system_files();

}  // namespace vigile
