// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile::ntp {

// What a source says, with one convention of signs: what is to be added to this clock. The offset is the time
// that is right less this clock's: above 0 this clock is behind. The frequency is the correction of its rate,
// as adjtimex(2) has it: above 0 this clock is slow by itself, and is made faster.
struct State {
  bool is_synchronised = false;
  std::optional<double> offset_ms, jitter_ms, root_delay_ms, root_dispersion_ms, frequency_ppm, error_ms;
  std::optional<std::int64_t> stratum;
  std::string server;
};

using Packet = std::array<unsigned char, 48>;
// Times are nanoseconds since 1970.
Packet make_request(std::uint64_t nonce);
// Absent: it answers somebody else. Errors: parse, unavailable (what the server says against it).
Result<std::optional<State>> parse_reply(std::span<const unsigned char> packet, std::uint64_t nonce,
                                         std::int64_t sent_ns, std::int64_t received_ns);
// One line of `chronyc -c tracking`. Errors: parse.
Result<State> parse_tracking(std::string_view line);

}  // namespace vigile::ntp
