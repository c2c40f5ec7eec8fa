// SPDX-License-Identifier: Apache-2.0
// What a WAL holds, damaged or not, by looking only.
//
// SQLite reads a WAL up to the first frame that fails its checksum and forgets what was committed behind it:
// right after a power cut, when that is the one commit under way, and silent loss when the file was damaged.
// One is told from the other by what was written after the bad frame: a commit is synced before the next one
// begins. Damage to the newest commit, and a WAL that ends early, look like a power cut before it was
// acknowledged: nobody can tell.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/result.h"
#include "store/file_blocks.h"

namespace vigile {

struct WalContent {
  std::optional<std::string> damage;  // "damaged at frame N of M"; absent when all is well
  std::uint32_t page_bytes = 0;
  std::uint32_t database_pages = 0;  // as of the last commit; 0: there is none
  // Where in the file the newest content of a page begins, by page number. Of a damaged WAL: the frames that
  // are intact, and of the others those that hold a leaf of a table, which is read row by row, or what does
  // not fit into one. Of any other page an older version is worth more.
  std::unordered_map<std::uint32_t, std::uint64_t> pages;
  bool is_stale = false;  // so for some page only an older version is left
};

// Memory: some bytes a frame. Errors: io, permission.
Result<WalContent> scan_wal(FileBlocks& wal);

}  // namespace vigile
