// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "settings/values.h"

namespace vigile {

// The secret that a value names: plain text, {file: path} or {credential: name}. Nothing when it is wrong
// (reported, without any of its text) or empty once its variables are replaced.
// The file is a regular file of at most 64 KiB; one newline at its end is dropped; a warning when others may
// read it.
std::optional<std::string> read_secret(const YamlEntry& entry, bool& failed, ReadContext& context);

}  // namespace vigile
