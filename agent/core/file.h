// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile {

// The content of a file, read to its end in one go; made for /proc, /sys and small settings files.
// Errors: not_found, permission, io ("<path>: <cause>"), full when it holds more than `limit_bytes`.
Result<std::string> read_file(const std::filesystem::path& path,
                              std::size_t limit_bytes = std::size_t{4} << 20);

// Puts `content` in the place of a file, or makes it with `mode` less the umask: after a crash at any moment
// it is the old file or the new one, whole. Writes beside it first, under its name with ".new" behind.
// Errors: permission, io, full; the old file is then still there.
Result<void> replace_file(const std::filesystem::path& path, std::string_view content, mode_t mode);

// Returns when what was renamed, made or removed in the directory outlives a power cut. Errors: as above.
Result<void> sync_directory(const std::filesystem::path& directory);

}  // namespace vigile
