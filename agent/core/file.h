// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "core/result.h"

namespace vigile {

// The content of a file, read to its end in one go; made for /proc, /sys and small settings files.
// Errors: not_found, permission, io ("<path>: <cause>"), full when it holds more than `limit_bytes`.
Result<std::string> read_file(const std::filesystem::path& path,
                              std::size_t limit_bytes = std::size_t{4} << 20);

}  // namespace vigile
