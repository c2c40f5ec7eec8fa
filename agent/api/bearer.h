// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace vigile {

// Whether an Authorization header carries this token (RFC 6750). The time it takes says nothing about the
// token but its length.
bool bearer_fits(std::string_view header, std::string_view token);

}  // namespace vigile
