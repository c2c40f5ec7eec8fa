// SPDX-License-Identifier: Apache-2.0
// Object identifiers: numbers as they are, and the names of common objects, since the MIBs that define names
// are not on a device.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vigile::snmp {

using Oid = std::vector<std::uint32_t>;

constexpr std::size_t kLongestOid = 128;  // RFC 3416 §4.1

// As manuals write it: "1.3.6.1.2.1.1.3.0", also with a dot in front; "sysUpTime.0"; "IF-MIB::ifName";
// "iso.org.dod.internet.mgmt.mib-2.system.sysUpTime.0"; "enterprises.318.1.1"; "{ iso org(3) dod(6) 1 2 1 }".
// A scalar's name gets its ".0" when it is left out. Errors: config, without the name of the option; one that
// is near is suggested for a name.
Result<Oid> parse_oid(std::string_view text);

std::string oid_text(const Oid& oid);

inline bool is_below(const Oid& oid, const Oid& column) {
  return oid.size() > column.size() && std::equal(column.begin(), column.end(), oid.begin());
}

}  // namespace vigile::snmp
