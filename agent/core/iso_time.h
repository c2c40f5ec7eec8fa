// SPDX-License-Identifier: Apache-2.0
// Times as people and programs write them: ISO 8601, always with the offset from UTC.
#pragma once

#include <string_view>

#include "core/clock.h"
#include "core/result.h"

namespace vigile {

struct IsoTime {
  WallTime time;
  bool is_date = false;  // a plain date: its midnight, UTC
};

// "2026-11-24T07:53:47Z", with any number of decimals of a second (those past nanoseconds are cut), with
// "+02:00" or "+0200" instead of Z, without seconds, with a space or a small t and z; or a date alone.
// Years 1970 to 2261; a leap second (60) is the second after. Errors: parse.
Result<IsoTime> parse_iso8601(std::string_view text);

}  // namespace vigile
