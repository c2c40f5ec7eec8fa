// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/result.h"

namespace vigile::process {

// The process whose number is the first word of the first line that is not empty. What follows says more of
// it, or of others: a folder, a port, children (PostgreSQL's postmaster.pid, lock files of Qt, Splunk).
// Errors: not_found, permission, io; parse when there is no number; full past 64 KiB.
Result<int> read_pid_file(const std::string& path);

}  // namespace vigile::process
