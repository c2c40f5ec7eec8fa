// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "sinks/sink.h"

namespace vigile {

// Every sink that was built in.
std::span<const SinkInfo* const> all_sinks();
// Null when there is none of that kind.
const SinkInfo* find_sink(std::string_view kind);

}  // namespace vigile
