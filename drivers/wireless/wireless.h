// SPDX-License-Identifier: Apache-2.0
// Driver `wireless`: signal, bit rates and losses of Wi-Fi links.
// Source: nl80211, linux/nl80211.h, spoken by libnl.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kWirelessDriver;

}  // namespace vigile
