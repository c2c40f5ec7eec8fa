// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vigile {

// A file of /proc or /sys that is read again and again: opened, read to its end and closed each time, into a
// buffer that is kept, so that reading allocates nothing once the buffer has grown. One thread.
class KernelFile {
 public:
  explicit KernelFile(const std::filesystem::path& path, std::size_t limit_bytes = std::size_t{4} << 20)
      : path_(path.string()), limit_bytes_(limit_bytes) {}

  const std::string& path() const { return path_; }
  // The view lives until the next read(). Errors: not_found, permission, unavailable, io ("<path>: <cause>"),
  // full past the limit.
  Result<std::string_view> read();

 private:
  const std::string path_;
  const std::size_t limit_bytes_;
  std::string buffer_;
};

// Reads a small file, one value of /sys as a rule, into the caller's buffer. The view is of that buffer,
// without white space at its end. Errors: as above; full when the file does not fit.
Result<std::string_view> read_attribute(const char* path, char* buffer, std::size_t size);

// The names in a folder but those that begin with a dot, shorter ones first, so that zone2 comes before
// zone10. Errors: not_found, permission, io ("<path>: <cause>").
Result<std::vector<std::string>> list_folder(const std::string& path);

}  // namespace vigile
