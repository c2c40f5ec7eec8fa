// SPDX-License-Identifier: Apache-2.0
// A small file system of a test's own, in a mount namespace of its own, that can be filled and made to refuse
// writes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "support/temp_dir.h"

namespace vigile {

class ScratchDisk {
 public:
  enum class Kind { tmpfs, ext4 };

  // Why there can be none here (no right to mount); empty: there can. Moves the calling thread, and what it
  // starts from then on, into the namespace.
  static std::string unavailable();

  // Mounted. Throws std::runtime_error when that fails.
  ScratchDisk(Kind kind, std::uint64_t bytes);
  ~ScratchDisk();
  const std::filesystem::path& path() const { return path_; }

  // A stranger takes all space there is; and gives it back.
  void fill();
  void give_back();
  // Files that stand there refuse to be written, through open descriptors too (ext4).
  void protect_files(bool on);
  // What the kernel does on a broken disk: read-only for good, until mounted anew (ext4).
  void break_down();
  // Of a disk that nobody has open for writing.
  void remount(bool writable);
  // Unmounted under those who have files of it open.
  void detach();
  // After break_down(): checked and mounted again. Nobody may have it open.
  void mount_anew();

 private:
  void mount();
  void unmount();

  TempDir dir_;
  const Kind kind_;
  const std::uint64_t bytes_;
  const std::filesystem::path path_;
};

}  // namespace vigile
