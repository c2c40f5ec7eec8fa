// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"

namespace vigile::dns {

struct Answer {
  int rcode = 0;
  bool is_truncated = false;
  std::vector<std::string> values;     // of the records of the asked type: "192.0.2.7", "10 mail.example"
  std::optional<std::uint32_t> ttl_s;  // the least of them
};

// Absent: it answers something else (another id, another question). Errors: parse.
Result<std::optional<Answer>> parse_answer(std::span<const unsigned char> message, std::uint16_t id,
                                           int type);

// A value of a record as DNS compares it: names in lower case and without the final dot (RFC 4343), addresses
// in their shortest spelling (RFC 5952), numbers without zeros in front. Texts (TXT) are compared byte for
// byte. Empty when it is no address, of A and AAAA.
std::string canonical_value(int type, const std::string& text);

std::string rcode_text(int rcode);

}  // namespace vigile::dns
