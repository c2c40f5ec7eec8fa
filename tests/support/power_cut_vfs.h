// SPDX-License-Identifier: Apache-2.0
// A disk in memory that can lose its power, or fail: SQLite's VFS and the store's files in one.
//
// What was synced is kept apart from what was only written, by sectors of 512 bytes. A file's name is safe
// only once its directory was synced; like SQLite's "unix" VFS, the first sync of a journal or WAL syncs the
// directory too. A failed sync leaves what it should have written in doubt for good, as Linux does: a later
// one writes only what was changed since. One thread.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "store/store_files.h"

namespace vigile {

class PowerCutDisk final : public StoreFiles {
 public:
  enum class Op { open, read, write, truncate, sync, remove, rename, sync_directory };
  enum class Fault { none, io, full, short_write };
  struct Call {
    Op op;
    std::string_view path;
    std::uint64_t offset = 0;  // of a read
    std::uint64_t bytes = 0;
  };
  // All files, as they are found after a power cut.
  using Image = std::map<std::string, std::string>;
  // Of what was not synced: nothing, all, or a random part, torn and out of order.
  enum class Keep { none, all, some };

  PowerCutDisk();
  ~PowerCutDisk() override;
  PowerCutDisk(const PowerCutDisk&) = delete;
  PowerCutDisk& operator=(const PowerCutDisk&) = delete;

  // Asked before each call.
  std::function<Fault(const Call&)> on_call;
  mutable std::uint64_t calls = 0;
  bool is_lying = false;  // syncs of directories do nothing: to see that a test notices

  Image cut(Keep keep, std::mt19937_64& random) const;
  void load(const Image& image);  // no file may be open
  std::string& content(const std::string& path);

  const char* vfs() const override { return name_.c_str(); }
  Result<UniqueFd> lock(const std::filesystem::path& database) override;
  Kind kind(const std::filesystem::path& path) const override;
  Result<Identity> identity(const std::filesystem::path& path) const override;
  std::optional<std::uint64_t> size(const std::filesystem::path& path) const override;
  Result<std::string> read(const std::filesystem::path& path, std::uint64_t offset,
                           std::size_t most) const override;
  Result<std::vector<std::string>> names(const std::filesystem::path& directory) const override;
  Result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override;
  Result<void> remove(const std::filesystem::path& path) override;
  Result<void> sync(const std::filesystem::path& directory) override;

  struct File;
  struct Handle;

 private:
  friend struct PowerCutCalls;
  struct Change {  // of the directory
    std::string from;
    std::string to;
    std::shared_ptr<File> file;  // made under `to`; null: renamed, or removed when `to` is empty
  };
  using Names = std::map<std::string, std::shared_ptr<File>>;
  static void apply(const Change& change, Names& names);
  void change(Change made);
  Fault ask(const Call& call) const;

  std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  Names names_;
  Names synced_names_;
  std::vector<Change> unsynced_;
};

}  // namespace vigile
