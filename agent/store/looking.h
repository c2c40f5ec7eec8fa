// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "core/result.h"
#include "store/sqlite_db.h"
#include "store/store_files.h"

namespace vigile {

// A connection that leaves the files of a database as they are, its WAL too, and reads what is in that. A
// file that is shorter than its header says is read as far as it goes. Errors: those of opening a file; one
// that is no database is found out by what is read first.
Result<Db> open_to_look(const std::filesystem::path& database, const StoreFiles& files);

}  // namespace vigile
