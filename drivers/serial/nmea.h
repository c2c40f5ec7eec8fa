// SPDX-License-Identifier: Apache-2.0
// Source: NMEA 0183 4.x and IEC 61162-1 as receivers write it (u-blox M10 interface description, gpsd's
// "NMEA Revealed").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/result.h"

namespace vigile::serial {

// What the sentences of one run say; newer ones win. A sentence that says that there is no fix takes away
// what older ones of the run said of position, speed and course.
struct Fix {
  enum class Status { unknown, valid, lost };
  // Of positions, the least precise first: a GLL does not replace what a GGA of the same run said.
  enum class Source { none, gll, gns, rmc, gga };

  std::optional<double> latitude, longitude;  // degrees, north and east positive, to 1e-11
  std::optional<double> altitude_m;           // above the sea
  std::optional<double> speed_m_per_s, course_degrees;
  std::optional<double> hdop;
  std::optional<std::int64_t> satellites;
  std::optional<std::int64_t> quality;  // GGA: 0 none, 1 GPS, 2 differential, 4 RTK fixed, 5 RTK float
  std::optional<std::int64_t> mode;     // GSA: 1 none, 2 two dimensions, 3 three
  std::optional<double> time_s;         // UTC of the satellites, since 1970

  Status status = Status::unknown;  // what the last sentence said that says it; may come from the run before
  Source source = Source::none;
  std::uint64_t sentences = 0;  // with a right checksum, of whatever kind
};

enum class Checksum { required, optional };

// The sentences of one line, each from its $ or ! on: what stands before it (a binary frame, a sentence that
// was cut, a TAG block) is passed over, and so are kinds without a position (AIS). Without `required` a
// sentence may lack its checksum, but not have a wrong one. Errors: parse, for the last sentence that is
// damaged.
Result<void> parse_nmea(std::string_view line, Fix& fix, Checksum checksum = Checksum::required);

}  // namespace vigile::serial
