// SPDX-License-Identifier: Apache-2.0
// Slips of typing that YAML reads as something else, named for what they are. Each returns a part of a
// message that begins with "; ", or nothing when it knows of none.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace vigile {

// In a value that is no number, duration or size: a decimal comma ("0,5"), a no-break space.
std::string slip_in_value(std::string_view text);

// In a key that is not among `valid`: a blank that is missing after the colon ("every:10s"), a no-break
// space.
std::string slip_in_key(std::string_view key, std::span<const std::string_view> valid);

// In a text that stands where keys and values are expected: the same, whatever the key.
std::string slip_in_text(std::string_view text);

// In a line that is not YAML: the same, and, within braces or brackets, a text with ${…} that is not quoted.
std::string slip_in_line(std::string_view line, bool is_bracketed);

}  // namespace vigile
