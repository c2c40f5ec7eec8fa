// SPDX-License-Identifier: Apache-2.0
// A .tar.gz file (POSIX ustar in gzip) of a few small files.
#pragma once

#include <zlib.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile {

// One thread.
class Archive {
 public:
  // A new file that its owner alone may read. Errors: io, permission; config when it is there already.
  static Result<Archive> create(const std::string& path);
  // `name` is a relative path of at most 100 bytes. Errors: io.
  Result<void> add(const std::string& name, std::string_view content, std::int64_t modified_s);
  // Without it the archive is not whole. Errors: io, full.
  Result<void> finish();

 private:
  struct Close {
    void operator()(gzFile file) const { ::gzclose(file); }
  };
  Archive(std::string path, gzFile file) : path_(std::move(path)), file_(file) {}
  Result<void> write(std::string_view bytes);

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

}  // namespace vigile
