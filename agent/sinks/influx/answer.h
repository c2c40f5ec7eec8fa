// SPDX-License-Identifier: Apache-2.0
// What a server's answer to a write means for delivery (DESIGN §7). Pure.
// Sources: InfluxDB 1.8, 2.7 and 3 HTTP API references; what was measured stands in README.md.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "sinks/influx/influx_settings.h"
#include "sinks/sink.h"

namespace vigile::influx_sink {

struct Answer {
  long status = 0;          // HTTP
  std::string body;         // as far as it was read
  std::string retry_after;  // header; seconds or an HTTP date
  bool whole = true;        // the body did not go on
};

// 204 alone is success: any other 2xx may be a portal's or another server's, and nothing is dropped on doubt.
// A refusal of lines must say so in the server's words. `now` is for Retry-After dates.
Outcome judge(const Answer& answer, const InfluxSettings& settings, WallTime now);

// What the server says in its body: the "message" or "error" of JSON, or the text itself; one line of at most
// 500 bytes of UTF-8 without secrets. Empty when there is none, or it is HTML.
std::string server_message(std::string_view body, const InfluxSettings& settings);

// A date of a server, UTC, brought into 1970 to 2261.
WallTime wall_of(const std::tm& date);

// A server's words for people: one line of at most 500 bytes of UTF-8, without secrets.
std::string told(std::string_view text, const InfluxSettings& settings);

}  // namespace vigile::influx_sink
