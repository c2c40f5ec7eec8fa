// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "core/clock.h"

namespace vigile {

// A date as OpenSSL prints it, "Nov 24 07:53:47 2027 GMT" (ASN1_TIME_print(3)), with or without a fraction of
// the second.
std::optional<WallTime> parse_certificate_date(std::string_view text);

}  // namespace vigile
