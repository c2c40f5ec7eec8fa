// SPDX-License-Identifier: Apache-2.0
// The format: https://www.sqlite.org/fileformat2.html, "The Write-Ahead Log".
#include "store/wal_scan.h"

#include <unordered_set>
#include <utility>
#include <vector>

#include "store/log_database.h"
#include "store/page_format.h"

namespace vigile {

namespace {

constexpr std::size_t kHeader = 32;
constexpr std::size_t kFrameHeader = 24;
constexpr std::uint32_t kMagic = 0x377f0682;  // the last bit: checksums of big-endian words
constexpr char kOverflow = 0;                 // and the pages of the list of free ones
constexpr std::uint32_t kVersion = 3007000;
constexpr std::uint32_t kMostPage = 65536;
constexpr std::uint64_t kSector = 512;  // is written whole or not at all

using Sum = std::pair<std::uint32_t, std::uint32_t>;

std::uint32_t word(const char* at, bool big_endian) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const auto byte = static_cast<unsigned char>(at[big_endian ? i : 3 - i]);
    value = value << 8 | byte;
  }
  return value;
}

void add(Sum& sum, const char* data, std::size_t bytes, bool big_endian) {
  for (std::size_t at = 0; at + 8 <= bytes; at += 8) {
    sum.first += word(data + at, big_endian) + sum.second;
    sum.second += word(data + at + 4, big_endian) + sum.first;
  }
}

bool is_header_good(const std::string& header) {
  const std::uint32_t page = number_at(header, 8);
  const std::uint32_t magic = number_at(header, 0);
  if ((magic & ~1U) != kMagic || page < 512 || page > kMostPage || (page & (page - 1)) != 0) return false;
  Sum sum;
  add(sum, header.data(), kFrameHeader, (magic & 1) != 0);
  return sum == Sum{number_at(header, 24), number_at(header, 28)};
}

// What a header as we write it would be before frames with these salts.
std::string header_for(std::string_view salts) {
  std::string header(kHeader, '\0');
  put_number(header, 0, kMagic);
  put_number(header, 4, kVersion);
  put_number(header, 8, static_cast<std::uint32_t>(kPageBytes));
  header.replace(16, 8, salts);
  Sum sum;
  add(sum, header.data(), kFrameHeader, false);
  put_number(header, 24, sum.first);
  put_number(header, 28, sum.second);
  return header;
}

// Those of the first two frames in a row that have the same, as all of one generation do.
std::string salts_in(FileBlocks& wal) {
  constexpr std::uint64_t kFrame = kFrameHeader + kPageBytes;
  std::string last(8, '\0');
  for (std::uint64_t at = kHeader; at + kFrame <= wal.size(); at += kFrame) {
    std::string salts(8, '\0');
    if (!wal.read(at + 8, salts.data(), salts.size())) break;
    if (salts == last && salts != std::string(8, '\0')) return salts;
    last = std::move(salts);
  }
  std::string first(8, '\0');
  (void)wal.read(kHeader + 8, first.data(), first.size());
  return first;
}

struct Frame {
  std::uint32_t page = 0;
  std::uint32_t commit = 0;  // pages of the database when it ends a commit, else 0
  bool is_intact = false;    // by what the frame before it says: also behind a damaged one
  bool is_checked = false;   // what it holds has a check of its own, or is not read
};

struct Frames {
  std::vector<Frame> all;  // of this generation, damaged or not
  std::uint32_t page_bytes = 0;
  bool is_header_damaged = false;
  bool is_foreign = false;  // not a byte of it is a WAL's
  std::size_t offset_of(std::size_t frame) const {
    return kHeader + frame * (kFrameHeader + page_bytes) + kFrameHeader;
  }
};

Result<Frames> read_frames(FileBlocks& wal) {
  Frames frames;
  if (wal.size() < kHeader + kFrameHeader) return frames;
  std::string start(kHeader + kFrameHeader, '\0');
  if (auto got = wal.read(0, start.data(), start.size()); !got) return got.error();
  std::string header = start.substr(0, kHeader);
  frames.is_header_damaged = !is_header_good(header);
  if (frames.is_header_damaged) {
    frames.is_foreign = header != std::string(kHeader, '\0');  // else: a file grown before it was written
    header = header_for(salts_in(wal));
  }
  const bool big_endian = (number_at(header, 0) & 1) != 0;
  const std::string salts = header.substr(16, 8);
  frames.page_bytes = number_at(header, 8);
  Sum before;
  add(before, header.data(), kFrameHeader, big_endian);
  std::string bytes(kFrameHeader + frames.page_bytes, '\0');
  std::size_t last = 0;  // frames behind with other salts are of the file's last use
  for (std::uint64_t at = kHeader; at + bytes.size() <= wal.size(); at += bytes.size()) {
    const auto got = wal.read(at, bytes.data(), bytes.size());
    if (!got) return got.error();
    if (*got < bytes.size()) break;
    Frame frame{.page = number_at(bytes, 0), .commit = number_at(bytes, 4)};
    const bool has_salts = bytes.compare(8, 8, salts) == 0;
    const Sum stored{number_at(bytes, 16), number_at(bytes, 20)};
    Sum sum = before;
    add(sum, bytes.data(), 8, big_endian);
    add(sum, bytes.data() + kFrameHeader, frames.page_bytes, big_endian);
    frame.is_intact = has_salts && frame.page != 0 && sum == stored;
    const char kind = bytes[kFrameHeader];
    frame.is_checked = frame.page > 1 && (kind == kLeafPage || kind == kOverflow);
    // What a bad header says is believed when it was written at once.
    if (!has_salts || (!frame.is_intact && at % kSector > kSector - 16)) frame.commit = 0;
    before = stored;
    frames.all.push_back(frame);
    if (has_salts) last = frames.all.size();
    if (frame.is_intact) frames.is_foreign = false;
  }
  frames.all.resize(last);
  return frames;
}

// Whether anything was written after a commit that stands behind the first bad frame, or is it. A bad commit
// counts when the next frame goes on from it, with another page: else both may be what a refused commit left,
// or the last frame repeated to fill a sector.
std::optional<std::string> judge(const Frames& frames) {
  std::size_t bad = 0;
  const std::size_t count = frames.all.size();
  while (!frames.is_header_damaged && bad < count && frames.all[bad].is_intact) ++bad;
  bool has_commit = false;
  for (std::size_t i = bad; i < count; ++i) {
    const Frame& frame = frames.all[i];
    if (frame.is_intact && has_commit) {
      return frames.is_header_damaged
                 ? "its header is damaged, before " + std::to_string(count) + " frames"
                 : "damaged at frame " + std::to_string(bad + 1) + " of " + std::to_string(count);
    }
    const bool goes_on = i + 1 < count && frames.all[i + 1].is_intact && frames.all[i + 1].page != frame.page;
    has_commit = has_commit || (frame.commit != 0 && (frame.is_intact || goes_on));
  }
  return frames.is_foreign ? std::optional<std::string>("is no WAL") : std::nullopt;
}

}  // namespace

Result<WalContent> scan_wal(FileBlocks& wal) {
  const auto frames = read_frames(wal);
  if (!frames) return frames.error();
  WalContent content{.damage = judge(*frames), .page_bytes = frames->page_bytes};
  if (content.damage) content.is_stale = frames->is_header_damaged;
  std::unordered_map<std::uint32_t, std::uint64_t> pending;
  std::unordered_set<std::uint32_t> stale;  // pages whose newest version is not used
  for (std::size_t i = 0; i < frames->all.size(); ++i) {
    const Frame& frame = frames->all[i];
    if (!frame.is_intact && !content.damage) break;
    if (frame.is_intact || frame.is_checked) {
      pending[frame.page] = frames->offset_of(i);
      stale.erase(frame.page);
    } else {
      stale.insert(frame.page);
    }
    if (!frame.is_intact || frame.commit == 0) continue;
    for (const auto& [page, offset] : pending) content.pages[page] = offset;
    pending.clear();
    content.database_pages = frame.commit;
  }
  content.is_stale = content.is_stale || !stale.empty();
  return content;
}

}  // namespace vigile
