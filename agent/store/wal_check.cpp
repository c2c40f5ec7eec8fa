// SPDX-License-Identifier: Apache-2.0
// The format: https://www.sqlite.org/fileformat2.html, "The Write-Ahead Log".
#include "store/wal_check.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "store/log_database.h"

namespace vigile {

namespace {

constexpr std::size_t kHeader = 32;
constexpr std::size_t kFrameHeader = 24;
constexpr std::uint32_t kMagic = 0x377f0682;  // the last bit: checksums of big-endian words
constexpr char kTableLeaf = 0x0d;
constexpr std::uint32_t kVersion = 3007000;
constexpr std::uint32_t kMostPage = 65536;

using Sum = std::pair<std::uint32_t, std::uint32_t>;

std::uint32_t word(const char* at, bool big_endian) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const auto byte = static_cast<unsigned char>(at[big_endian ? i : 3 - i]);
    value = value << 8 | byte;
  }
  return value;
}

std::uint32_t field(const std::string& text, std::size_t at) {
  return word(text.data() + at, true);
}

void put_field(std::string& text, std::size_t at, std::uint32_t value) {
  for (int i = 3; i >= 0; --i, value >>= 8)
    text[at + static_cast<std::size_t>(i)] = static_cast<char>(value & 0xff);
}

void add(Sum& sum, const char* data, std::size_t bytes, bool big_endian) {
  for (std::size_t at = 0; at + 8 <= bytes; at += 8) {
    sum.first += word(data + at, big_endian) + sum.second;
    sum.second += word(data + at + 4, big_endian) + sum.first;
  }
}

struct Wal {
  std::string bytes;
  std::size_t frame = 0;   // bytes of one
  std::size_t frames = 0;  // of this generation, damaged or not
  bool big_endian = false;
  Sum start;                       // of the header
  bool is_header_damaged = false;  // and was made anew

  std::size_t at(std::size_t number) const { return kHeader + number * frame; }
  Sum sum_of(std::size_t number, Sum before) const {
    add(before, bytes.data() + at(number), 8, big_endian);
    add(before, bytes.data() + at(number) + kFrameHeader, frame - kFrameHeader, big_endian);
    return before;
  }
  Sum stored_sum(std::size_t number) const {
    return {field(bytes, at(number) + 16), field(bytes, at(number) + 20)};
  }
  bool has_salts(std::size_t number) const { return bytes.compare(at(number) + 8, 8, bytes, 16, 8) == 0; }
  // By what the frame before it says: also behind a damaged one.
  bool is_intact(std::size_t number) const {
    return has_salts(number) && field(bytes, at(number)) != 0 &&
           sum_of(number, number == 0 ? start : stored_sum(number - 1)) == stored_sum(number);
  }
  bool is_commit(std::size_t number) const { return field(bytes, at(number) + 4) != 0; }
};

bool is_header_good(const Wal& wal) {
  const std::uint32_t page = field(wal.bytes, 8);
  const std::uint32_t magic = field(wal.bytes, 0);
  if ((magic & ~1U) != kMagic || page < 512 || page > kMostPage || (page & (page - 1)) != 0) return false;
  Sum sum;
  add(sum, wal.bytes.data(), kFrameHeader, (magic & 1) != 0);
  return sum == Sum{field(wal.bytes, 24), field(wal.bytes, 28)};
}

// Absent when there is nothing to look at.
Result<std::optional<Wal>> read_wal(const StoreFiles& files, const std::filesystem::path& path) {
  const auto size = files.size(path);
  if (!size || *size < kHeader + kFrameHeader) return std::optional<Wal>();
  auto bytes = files.read(path, 0, static_cast<std::size_t>(*size));
  if (!bytes) return bytes.error();
  Wal wal{.bytes = std::move(*bytes)};
  if (!is_header_good(wal)) {
    // What a header as we write it would be before these frames.
    wal.is_header_damaged = true;
    std::string header(kHeader, '\0');
    put_field(header, 0, kMagic);
    put_field(header, 4, kVersion);
    put_field(header, 8, static_cast<std::uint32_t>(kPageBytes));
    header.replace(16, 8, wal.bytes, kHeader + 8, 8);
    Sum sum;
    add(sum, header.data(), kFrameHeader, false);
    put_field(header, 24, sum.first);
    put_field(header, 28, sum.second);
    wal.bytes.replace(0, kHeader, header);
  }
  wal.big_endian = (field(wal.bytes, 0) & 1) != 0;
  wal.frame = kFrameHeader + field(wal.bytes, 8);
  add(wal.start, wal.bytes.data(), kFrameHeader, wal.big_endian);
  // Frames behind with other salts are of the file's last use.
  for (std::size_t i = 0; wal.at(i + 1) <= wal.bytes.size(); ++i) {
    if (wal.has_salts(i)) wal.frames = i + 1;
  }
  return std::optional(std::move(wal));
}

// The first frame that SQLite will not read.
std::size_t first_bad(const Wal& wal) {
  std::size_t i = 0;
  while (i < wal.frames && wal.is_intact(i)) ++i;
  return i;
}

std::optional<std::string> judge(const Wal& wal) {
  const std::size_t bad = wal.is_header_damaged ? 0 : first_bad(wal);
  bool has_commit = false;
  for (std::size_t i = bad; i < wal.frames; ++i) {
    if (!wal.is_intact(i)) continue;
    if (!has_commit) {
      has_commit = wal.is_commit(i);
    } else {
      return wal.is_header_damaged
                 ? "its header is damaged, before " + std::to_string(wal.frames) + " frames"
                 : "damaged at frame " + std::to_string(bad + 1) + " of " + std::to_string(wal.frames);
    }
  }
  return std::nullopt;
}

}  // namespace

Result<std::optional<std::string>> check_wal(const StoreFiles& files, const std::filesystem::path& path) {
  const auto wal = read_wal(files, path);
  if (!wal) return wal.error();
  return *wal ? judge(**wal) : std::nullopt;
}

Result<std::optional<std::string>> mend_wal(StoreFiles& files, const std::filesystem::path& path) {
  auto read = read_wal(files, path);
  if (!read) return read.error();
  if (!*read) return std::optional<std::string>();
  Wal& wal = **read;
  auto found = judge(wal);
  if (!found) return found;
  Sum sum = wal.start;
  std::vector<bool> intact(wal.frames);
  for (std::size_t i = 0; i < wal.frames; ++i) intact[i] = wal.is_intact(i);
  for (std::size_t i = 0; i < wal.frames; ++i) {
    const std::size_t at = wal.at(i);
    // A leaf of a table is read row by row, each with its check; of any other page an older version is worth
    // more. SQLite asks for no page past the end.
    const bool is_leaf = wal.bytes[at + kFrameHeader] == kTableLeaf && field(wal.bytes, at) > 1;
    if (!intact[i]) put_field(wal.bytes, at + 4, i + 1 == wal.frames ? field(wal.bytes, at + 4) : 0);
    if (!intact[i] && !is_leaf) put_field(wal.bytes, at, UINT32_MAX - 1);
    wal.bytes.replace(at + 8, 8, wal.bytes, 16, 8);
    sum = wal.sum_of(i, sum);
    put_field(wal.bytes, at + 16, sum.first);
    put_field(wal.bytes, at + 20, sum.second);
  }
  if (auto written = files.overwrite(path, wal.bytes); !written) return written.error();
  return found;
}

}  // namespace vigile
