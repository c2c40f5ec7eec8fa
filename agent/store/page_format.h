// SPDX-License-Identifier: Apache-2.0
// Numbers and kinds of pages in SQLite's files: https://www.sqlite.org/fileformat2.html. Private to the
// store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vigile {

inline constexpr char kInteriorPage = 0x05;  // of a table
inline constexpr char kLeafPage = 0x0d;

// Big-endian. The place is within the bytes.
inline std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t width = 4) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < width; ++i) number = number << 8 | static_cast<unsigned char>(bytes.at(at + i));
  return number;
}

inline void put_number(std::string& bytes, std::size_t at, std::uint32_t number, std::size_t width = 4) {
  for (std::size_t i = width; i > 0; --i, number >>= 8)
    bytes.at(at + i - 1) = static_cast<char>(number & 0xff);
}

}  // namespace vigile
