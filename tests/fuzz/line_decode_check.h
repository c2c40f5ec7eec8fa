// SPDX-License-Identifier: Apache-2.0
// What must hold whatever text a LineDecoder is given.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vigile {

// Decodes `text` whole and in two pieces, encodes what was decoded, and decodes that. Says what does not
// hold.
std::optional<std::string> line_decode_fault(std::string_view text);

}  // namespace vigile
