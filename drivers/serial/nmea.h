// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/result.h"

namespace vigile::serial {

// What the sentences of one run say; newer ones win.
struct Fix {
  std::optional<double> latitude, longitude;  // degrees, north and east positive
  std::optional<double> altitude_m;           // above the sea
  std::optional<double> speed_m_per_s, course_degrees;
  std::optional<double> hdop;
  std::optional<std::int64_t> satellites;
  std::optional<std::int64_t> quality;  // GGA: 0 none, 1 GPS, 2 differential, 4 RTK fixed, 5 RTK float
  std::optional<std::int64_t> mode;     // GSA: 1 none, 2 two dimensions, 3 three
};

// One line, from its $ to its checksum. Sentences of other kinds change nothing. Errors: parse.
Result<void> parse_nmea(std::string_view line, Fix& fix);

}  // namespace vigile::serial
