// SPDX-License-Identifier: Apache-2.0
// Driver `can`: signals out of the frames of a CAN bus.
// Sources: Documentation/networking/can.rst (SocketCAN); the DBC format, as Vector's tools write it.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kCanDriver;

}  // namespace vigile
