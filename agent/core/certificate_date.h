// SPDX-License-Identifier: Apache-2.0
// The dates of certificates. In seconds: nanoseconds in 64 bits end in 2262, and RFC 5280 (4.1.2.5) has
// 99991231235959Z for a certificate that never expires.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "core/clock.h"

namespace vigile {

// A date as OpenSSL prints it, "Nov 24 07:53:47 2027 GMT" (ASN1_TIME_print(3)), with or without a fraction of
// the second. Years 0 to 9999.
std::optional<std::chrono::sys_seconds> parse_certificate_date(std::string_view text);

// Below 0: `to` was before `from`.
double days_between(WallTime from, std::chrono::sys_seconds to);

}  // namespace vigile
