// SPDX-License-Identifier: Apache-2.0
// Version 3's protocols (RFC 3414, RFC 3826, RFC 7860) by the names of the settings, and the keys of
// passwords.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vigile::snmp {

struct Protocol {
  std::string_view name;
  unsigned long* numbers;  // net-snmp's
  std::size_t size;
};

const Protocol& auth_protocol(std::string_view name);
const Protocol& privacy_protocol(std::string_view name);

// A password's key; false when the library cannot make one.
bool make_key(const Protocol& auth, const std::string& password, unsigned char* key, std::size_t& size);

// What the agent means by a report (SNMPERR_…).
std::string report_cause(int report);

}  // namespace vigile::snmp
