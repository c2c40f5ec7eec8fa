// SPDX-License-Identifier: Apache-2.0
// Driver `serial`: a device on a serial line that speaks in lines of text, or NMEA 0183.
// Source: termios(3); NMEA 0183 (GGA, RMC, VTG, GSA sentences).
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kSerialDriver;

}  // namespace vigile
