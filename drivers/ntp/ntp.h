// SPDX-License-Identifier: Apache-2.0
// Driver `ntp`: how far this machine's clock is off, by the kernel, a server, chrony, or systemd-timesyncd.
// Sources: adjtimex(2); RFC 5905 (packet, figure 8); chronyc(1), tracking; org.freedesktop.timesync1.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kNtpDriver;

}  // namespace vigile
