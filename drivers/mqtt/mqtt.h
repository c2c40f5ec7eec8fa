// SPDX-License-Identifier: Apache-2.0
// Driver `mqtt`: readings that others publish at a broker. A message is acknowledged when what it holds is in
// the log, so that the broker keeps it until then.
// Source: OASIS MQTT 3.1.1 and 5.0.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kMqttDriver;

}  // namespace vigile
