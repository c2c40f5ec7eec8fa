// SPDX-License-Identifier: Apache-2.0
// A .tar.gz file (POSIX ustar in gzip) of a few small files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

struct gzFile_s;  // zlib's

namespace vigile {

// One thread.
class Archive {
 public:
  // A new file that its owner alone may read, removed again unless finish() succeeds. Errors: io, permission;
  // config when it is there already.
  static Result<Archive> create(const std::string& path);
  // `name` is a relative path of at most 100 bytes. Errors: io.
  Result<void> add(const std::string& name, std::string_view content, std::int64_t modified_s);
  // Errors: io, full.
  Result<void> finish();
  Archive(Archive&& other) noexcept = default;
  Archive& operator=(Archive&&) = delete;
  ~Archive();

 private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };
  Archive(std::string path, gzFile_s* file) : path_(std::move(path)), file_(file) {}
  Result<void> write(std::string_view bytes);

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

}  // namespace vigile
