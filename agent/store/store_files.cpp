// SPDX-License-Identifier: Apache-2.0
#include "store/store_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/file.h"
#include "store/store_lock.h"

namespace vigile {

namespace {

class SystemFiles final : public StoreFiles {
 public:
  // One process holds the database (store_lock.h), so the WAL's index is kept in memory: as a file it would
  // cost flash some 30 KiB a minute.
  const char* vfs() const override { return "unix-excl"; }

  Result<UniqueFd> lock(const std::filesystem::path& database) override {
    if (database.has_parent_path()) {
      std::error_code error;
      std::filesystem::create_directories(database.parent_path(), error);
      if (error) return errno_error(database.parent_path().string(), error.value());
    }
    return lock_store(database);
  }

  Kind kind(const std::filesystem::path& path) const override {
    struct stat found = {};
    if (::lstat(path.c_str(), &found) != 0) return Kind::absent;
    if (S_ISLNK(found.st_mode) && ::stat(path.c_str(), &found) != 0) return Kind::dangling;
    return S_ISREG(found.st_mode) ? Kind::file : Kind::other;
  }

  Result<Identity> identity(const std::filesystem::path& path) const override {
    struct stat found = {};
    if (::stat(path.c_str(), &found) != 0 ||
        ::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0)
      return errno_error(path.string(), errno);
    return Identity{found.st_dev, found.st_ino};
  }

  std::optional<std::uint64_t> size(const std::filesystem::path& path) const override {
    std::error_code absent;
    const std::uint64_t bytes = std::filesystem::file_size(path, absent);
    return absent ? std::nullopt : std::optional(bytes);
  }

  Result<std::string> read(const std::filesystem::path& path, std::uint64_t offset,
                           std::size_t most) const override {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return errno_error(path.string(), errno);
    std::string bytes(most, '\0');
    std::size_t have = 0;
    while (have < most) {
      const ssize_t got =
          ::pread(fd.get(), bytes.data() + have, most - have, static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return errno_error(path.string(), errno);
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
  }

  Result<std::vector<std::string>> names(const std::filesystem::path& directory) const override {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error)) {
      names.push_back(at->path().filename().string());
    }
    if (error) return errno_error(directory.string(), error.value());
    return names;
  }

  Result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (std::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT)
      return errno_error(from.string(), errno);
    return {};
  }

  Result<void> remove(const std::filesystem::path& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return errno_error(path.string(), error.value());
    return {};
  }

  Result<void> sync(const std::filesystem::path& directory) override { return sync_directory(directory); }
};

}  // namespace

StoreFiles& system_files() {
  static SystemFiles files;
  return files;
}

}  // namespace vigile
