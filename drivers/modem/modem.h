// SPDX-License-Identifier: Apache-2.0
// Driver `modem`: state, network and signal of mobile modems, as ModemManager knows them.
// Source: ModemManager's D-Bus interface, org.freedesktop.ModemManager1.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kModemDriver;

}  // namespace vigile
