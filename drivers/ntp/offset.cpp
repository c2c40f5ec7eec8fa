// SPDX-License-Identifier: Apache-2.0
#include "drivers/ntp/offset.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "drivers/line_text/line_text.h"

namespace vigile::ntp {

namespace {

constexpr std::int64_t kEra = 2'208'988'800;  // from 1900 to 1970, s

std::uint64_t number_at(std::span<const unsigned char> packet, std::size_t at, int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | packet[at + static_cast<std::size_t>(i)];
  return value;
}

// Seconds and fractions since 1900; what would be before 1970 is of the era that begins in 2036.
std::int64_t time_at(std::span<const unsigned char> packet, std::size_t at) {
  std::int64_t seconds = static_cast<std::int64_t>(number_at(packet, at, 4)) - kEra;
  if (seconds < 0) seconds += std::int64_t{1} << 32;
  const auto fraction = number_at(packet, at + 4, 4);
  return seconds * 1'000'000'000 + static_cast<std::int64_t>(fraction * 1'000'000'000 >> 32);
}

double short_ms(std::span<const unsigned char> packet, std::size_t at) {
  return static_cast<double>(number_at(packet, at, 4)) / 65'536 * 1000;
}

}  // namespace

Packet make_request(std::uint64_t nonce) {
  Packet packet{};
  packet[0] = 4 << 3 | 3;  // version 4, client
  // A random number instead of our time: it comes back, and tells nobody how our clock stands.
  for (int i = 0; i < 8; ++i)
    packet[static_cast<std::size_t>(40 + i)] = static_cast<unsigned char>(nonce >> (56 - 8 * i) & 0xff);
  return packet;
}

Result<std::optional<State>> parse_reply(std::span<const unsigned char> packet, std::uint64_t nonce,
                                         std::int64_t sent_ns, std::int64_t received_ns) {
  if (packet.size() < 48)
    return Error{ErrorKind::parse,
                 "answers with " + std::to_string(packet.size()) + " bytes, which is no NTP packet"};
  if (number_at(packet, 24, 8) != nonce) return std::optional<State>();
  const int mode = packet[0] & 7;
  if (mode != 4)
    return Error{ErrorKind::parse, "answers as no server does (mode " + std::to_string(mode) + ")"};
  State state;
  state.stratum = packet[1];
  if (packet[1] == 0) {
    const std::string code(reinterpret_cast<const char*>(packet.data() + 12), 4);
    return Error{ErrorKind::unavailable, "turns us away: " + shown_text(code)};
  }
  const int leap = packet[0] >> 6;
  if (leap == 3 || packet[1] > 15) return Error{ErrorKind::unavailable, "is not synchronised itself"};
  const std::int64_t there_ns = time_at(packet, 32);
  const std::int64_t back_ns = time_at(packet, 40);
  if (number_at(packet, 40, 8) == 0) return Error{ErrorKind::parse, "answers without a time"};
  // As differences, which are small; the sum of both times would overflow.
  const double out = static_cast<double>(there_ns - sent_ns);
  const double home = static_cast<double>(back_ns - received_ns);
  state.offset_ms = (out + home) / 2 / 1e6;
  state.root_delay_ms = short_ms(packet, 4);
  state.root_dispersion_ms = short_ms(packet, 8);
  state.is_synchronised = true;
  return std::optional(std::move(state));
}

Result<State> parse_tracking(std::string_view line) {
  const auto bad = [&] {
    return Error{ErrorKind::parse, "chronyc: expected 14 fields of tracking, found " + shown_text(line)};
  };
  std::array<std::string_view, 14> fields;
  std::string_view rest = line.substr(0, line.find_first_of("\r\n"));
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::size_t comma = rest.find(',');
    if ((comma == std::string_view::npos) != (i + 1 == fields.size())) return bad();
    fields[i] = rest.substr(0, comma);
    rest.remove_prefix(std::min(rest.size(), comma + 1));
  }
  const auto number = [&](std::size_t i) -> std::optional<double> {
    double value = 0;
    const auto parsed = std::from_chars(fields[i].data(), fields[i].data() + fields[i].size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != fields[i].data() + fields[i].size() ||
        !std::isfinite(value))
      return std::nullopt;
    return value;
  };
  State state;
  const auto stratum = number(2);
  const auto offset = number(4), rms = number(6), frequency = number(7), delay = number(10),
             dispersion = number(11);
  if (!stratum || *stratum < 0 || *stratum > 255 || !offset || !rms || !frequency || !delay || !dispersion)
    return bad();
  state.server = fields[1];
  state.is_synchronised = fields[13] != "Not synchronised";
  state.stratum = static_cast<std::int64_t>(*stratum);
  state.offset_ms = *offset * 1000;
  state.jitter_ms = *rms * 1000;
  state.frequency_ppm = -*frequency;  // chrony says how the clock would run, above 0 when fast
  state.root_delay_ms = *delay * 1000;
  state.root_dispersion_ms = *dispersion * 1000;
  return state;
}

}  // namespace vigile::ntp
