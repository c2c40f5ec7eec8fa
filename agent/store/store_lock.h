// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "core/result.h"
#include "core/unique_fd.h"

namespace vigile {

// Holds "<database>.lock" (flock, so it ends with the process however that dies) with our pid in it.
// Errors: unavailable, naming the pid that holds it; permission; io.
Result<UniqueFd> lock_store(const std::filesystem::path& database);
// Keeps others from taking it meanwhile, when there is such a file: none is made. Errors: as above.
Result<UniqueFd> lock_to_look(const std::filesystem::path& database);

}  // namespace vigile
