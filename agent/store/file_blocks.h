// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include "store/store_files.h"

namespace vigile {

// A file read in blocks, the last of which is kept: memory does not grow with the file. One thread.
class FileBlocks {
 public:
  // An absent file is an empty one. `files` outlives this.
  FileBlocks(const StoreFiles& files, std::filesystem::path path)
      : files_(files), path_(std::move(path)), size_(files.size(path_).value_or(0)) {}

  std::uint64_t size() const { return size_; }
  // Returns how many bytes there were: less at the end. Errors: io, permission.
  Result<std::size_t> read(std::uint64_t offset, char* to, std::size_t bytes) {
    std::size_t done = 0;
    while (done < bytes && offset + done < size_) {
      const std::uint64_t at = offset + done;
      const std::uint64_t start = at / kBlock * kBlock;
      if (block_.empty() || start_ != start) {
        auto block = files_.read(path_, start, kBlock);
        if (!block) return block.error();
        block_ = std::move(*block);
        start_ = start;
      }
      const std::uint64_t skip = at - start;
      if (skip >= block_.size()) break;
      const auto count =
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes - done, block_.size() - skip));
      std::memcpy(to + done, block_.data() + skip, count);
      done += count;
    }
    return done;
  }

 private:
  static constexpr std::size_t kBlock = std::size_t{64} << 10;

  const StoreFiles& files_;
  const std::filesystem::path path_;
  const std::uint64_t size_;
  std::string block_;
  std::uint64_t start_ = 0;
};

}  // namespace vigile
