// SPDX-License-Identifier: Apache-2.0
// Durations and sizes as a user writes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile {

// A whole or decimal number and a unit: ns us ms s m h d w; several may follow each other: "1h30m".
// "0" needs no unit. Negative durations are refused. Errors: parse.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// A whole or decimal number of bytes: B (or no unit), KiB MiB GiB TiB (1024), kB MB GB TB (1000).
// Errors: parse.
Result<std::uint64_t> parse_size(std::string_view text);

// A size a day: "50MiB/day". Not zero.
Result<std::uint64_t> parse_daily_size(std::string_view text);

// The shortest text that parse_duration reads back as the same value: "10s", "1h30m", "500ms".
std::string format_duration(std::chrono::nanoseconds duration);

// For people: "1.4 MiB". Not exact.
std::string format_size(std::uint64_t bytes);

}  // namespace vigile
