// SPDX-License-Identifier: Apache-2.0
// Driver `listen`: readings that other programs push: line protocol or StatsD over UDP, TCP or a Unix socket.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kListenDriver;

}  // namespace vigile
