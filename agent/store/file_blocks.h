// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "store/store_files.h"

namespace vigile {

// A file read in blocks, the last of which is kept: memory does not grow with the file. What the medium does
// not give back is zero, and counted. One thread.
class FileBlocks {
 public:
  // An absent file is an empty one. `files` outlives this.
  FileBlocks(const StoreFiles& files, std::filesystem::path path)
      : files_(files), path_(std::move(path)), size_(files.size(path_).value_or(0)) {}

  std::uint64_t size() const { return size_; }
  // Returns how many bytes there were: less at the end. Errors: permission.
  Result<std::size_t> read(std::uint64_t offset, char* to, std::size_t bytes) {
    std::size_t done = 0;
    while (done < bytes && offset + done < size_) {
      const std::uint64_t at = offset + done;
      const std::uint64_t start = at / kBlock * kBlock;
      if (block_.empty() || start_ != start) {
        auto block = files_.read(path_, start, kBlock);
        if (!block && block.error().kind == ErrorKind::io) block = read_in_pieces(start);
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

  // "12288 bytes do not read: <path>: Input/output error", of those read so far; absent: all did.
  std::optional<std::string> unreadable() const {
    if (unreadable_.empty()) return std::nullopt;
    return std::to_string(unreadable_.size() * kPiece) + " bytes do not read: " + cause_;
  }
  // Whether any of it reads; where none does, the medium is away.
  bool is_there() const {
    constexpr std::uint64_t kProbes = 8;
    for (std::uint64_t i = 0; i < kProbes; ++i) {
      if (auto byte = files_.read(path_, size_ / kProbes * i, 1); byte && !byte->empty()) return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t kBlock = std::size_t{64} << 10;
  static constexpr std::size_t kPiece = std::size_t{4} << 10;  // what the kernel reads at once

  Result<std::string> read_in_pieces(std::uint64_t start) {
    std::string bytes;
    for (std::uint64_t at = start; at < std::min(start + kBlock, size_); at += kPiece) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, size_ - at));
      auto piece = files_.read(path_, at, wanted);
      if (!piece && piece.error().kind != ErrorKind::io) return piece.error();
      if (piece) {
        bytes += *piece;
      } else {
        cause_ = piece.error().message;
        unreadable_.insert(at);
      }
      bytes.resize(static_cast<std::size_t>(at - start) + wanted);
    }
    return bytes;
  }

  const StoreFiles& files_;
  const std::filesystem::path path_;
  const std::uint64_t size_;
  std::string block_;
  std::uint64_t start_ = 0;
  std::set<std::uint64_t> unreadable_;  // where its pieces begin
  std::string cause_;
};

}  // namespace vigile
