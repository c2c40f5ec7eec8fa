// SPDX-License-Identifier: Apache-2.0
#include "drivers/registry.h"

namespace vigile {

// One line a driver, by name: X(Cpu) is kCpuDriver of drivers/cpu. CMakeLists.txt has the other line.
// clang-format off
#define VIGILE_FOR_EACH_DRIVER(X) \
  X(Agent) \
  X(Cpu) \
  X(Disk) \
  X(Exec) \
  X(Http) \
  X(Hwmon) \
  X(Listen) \
  X(Load) \
  X(Memory) \
  X(Modbus) \
  X(Mqtt) \
  X(Network) \
  X(Ping) \
  X(Simulate) \
  X(Snmp) \
  X(Tcp) \
  X(Thermal) \
  // end of the list
// clang-format on

#define VIGILE_DECLARE(name) extern const DriverInfo k##name##Driver;
VIGILE_FOR_EACH_DRIVER(VIGILE_DECLARE)
#undef VIGILE_DECLARE

namespace {

#define VIGILE_ADDRESS(name) &k##name##Driver,
constexpr const DriverInfo* kDrivers[] = {VIGILE_FOR_EACH_DRIVER(VIGILE_ADDRESS)};
#undef VIGILE_ADDRESS

}  // namespace

std::span<const DriverInfo* const> all_drivers() {
  return kDrivers;
}

const DriverInfo* find_driver(std::string_view name) {
  for (const DriverInfo* driver : kDrivers) {
    if (driver->name == name) return driver;
  }
  return nullptr;
}

}  // namespace vigile
