// SPDX-License-Identifier: Apache-2.0
// Driver `snmp`: values, tables and interface counters of switches, access points, UPS and whatever else has
// an SNMP agent. Source: SNMPv2c (RFC 1901, 3416) and v3 (RFC 3414, 3826), spoken by net-snmp.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kSnmpDriver;

}  // namespace vigile
