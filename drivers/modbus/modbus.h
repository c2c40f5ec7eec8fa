// SPDX-License-Identifier: Apache-2.0
// Driver `modbus`: registers, coils and inputs of PLCs, drives and meters, over TCP or a serial line (RTU).
// Source: Modbus Application Protocol V1.1b3, functions 1 to 4; spoken by libmodbus.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kModbusDriver;

}  // namespace vigile
