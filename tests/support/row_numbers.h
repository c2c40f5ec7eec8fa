// SPDX-License-Identifier: Apache-2.0
// Where in the files of a log the numbers of its segments stand: https://www.sqlite.org/fileformat2.html,
// "B-tree Cell Format". Header only, so that it links to what uses it alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "store/log_database.h"
#include "store/page_format.h"
#include "store/segment_leaves.h"

namespace vigile {

struct RowNumber {
  std::filesystem::path file;
  std::uint64_t offset = 0;  // of its first byte
  std::size_t bytes = 0;
  std::uint64_t seq = 0;
};

// Of the leaves of `segments` that begin at `first`, `first + stride`, ... in the file: each copy of each of
// them.
inline std::vector<RowNumber> row_numbers_in(const std::filesystem::path& file, std::size_t first,
                                             std::size_t stride) {
  std::vector<RowNumber> numbers;
  const std::string bytes = read_file(file, 64 << 20).value_or("");
  const auto varint = [&](std::size_t at) {
    std::uint64_t value = 0;
    std::size_t length = 0;
    for (bool more = true; more && at + length < bytes.size() && length < 9; ++length) {
      const auto byte = static_cast<unsigned char>(bytes[at + length]);
      value = value << 7 | (byte & 0x7f);
      more = (byte & 0x80) != 0;
    }
    return std::pair{value, length};
  };
  for (std::size_t page = first; page + kPageBytes <= bytes.size(); page += stride) {
    const std::string_view leaf = std::string_view(bytes).substr(page, kPageBytes);
    if (!first_seq_of(leaf)) continue;
    for (std::size_t cell = 0; cell < number_at(leaf, 3, 2); ++cell) {
      const std::size_t at = page + number_at(leaf, 8 + 2 * cell, 2);
      const std::size_t number = at + varint(at).second;
      const auto [seq, length] = varint(number);
      numbers.push_back(RowNumber{file, number, length, seq});
    }
  }
  return numbers;
}

// Of the database and its WAL.
inline std::vector<RowNumber> row_numbers(const std::filesystem::path& database) {
  auto numbers = row_numbers_in(database, kPageBytes, kPageBytes);
  const auto in_wal = row_numbers_in(database.string() + "-wal", 32 + 24, kFrameBytes);
  numbers.insert(numbers.end(), in_wal.begin(), in_wal.end());
  return numbers;
}

// Wherever it stands, so that no older copy of its page is right. `bit` counts from its lowest. Returns how
// many.
inline int flip_row_number(const std::filesystem::path& database, std::uint64_t seq, std::size_t bit) {
  int flipped = 0;
  for (const RowNumber& row : row_numbers(database)) {
    if (row.seq != seq || bit / 8 >= row.bytes) continue;
    const auto at = static_cast<std::streamoff>(row.offset + row.bytes - 1 - bit / 8);
    std::fstream file(row.file, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const int byte = file.get();
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 1 << bit % 8));
    ++flipped;
  }
  return flipped;
}

}  // namespace vigile
