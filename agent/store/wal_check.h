// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/result.h"
#include "store/store_files.h"

namespace vigile {

// SQLite reads a WAL up to the first frame that fails its checksum and forgets what was committed behind it:
// right after a power cut, when that is the one commit under way, and silent loss when the file was damaged.
// This tells one from the other: a later commit that is not the last frame. The checksums of such a WAL are
// made anew, so that its intact frames are read again; the database is then to be treated as damaged.
// Returns what was found: "damaged at frame N of M"; absent when all is well. No other program may have the
// database open. Errors: io.
Result<std::optional<std::string>> mend_wal(StoreFiles& files, const std::filesystem::path& wal);
// Only looks.
Result<std::optional<std::string>> check_wal(const StoreFiles& files, const std::filesystem::path& wal);

}  // namespace vigile
