// SPDX-License-Identifier: Apache-2.0
#include "drivers/exec/accepted_status.h"

#include <charconv>
#include <optional>

namespace vigile::exec {

namespace {

std::optional<unsigned> parse_status(std::string_view text) {
  const int base = text.starts_with("0x") || text.starts_with("0X") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  unsigned status = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), status, base);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || status > 255)
    return std::nullopt;
  return status;
}

Error bad(const char* option, const std::string& text) {
  return Error{ErrorKind::config,
               std::string(option) + ": \"" + text.substr(0, 20) + "\" is not a number from 0 to 255"};
}

}  // namespace

Result<AcceptedStatus> read_accepted_status(std::span<const std::string> listed, const std::string& bits) {
  AcceptedStatus accepted;
  for (const std::string& text : listed) {
    const auto status = parse_status(text);
    if (!status) return bad("accept_status", text);
    accepted.set(*status);
  }
  if (listed.empty()) accepted.set(0);
  if (bits.empty()) return accepted;
  const auto mask = parse_status(bits);
  if (!mask) return bad("accept_status_bits", bits);
  for (unsigned status = 0; status < accepted.size(); ++status) {
    if ((status & ~*mask) == 0) accepted.set(status);
  }
  return accepted;
}

}  // namespace vigile::exec
