// SPDX-License-Identifier: Apache-2.0
#include "drivers/registry.h"

namespace vigile {

// One line a driver, by name: X(Cpu) is kCpuDriver of drivers/cpu. CMakeLists.txt has the other line.
// clang-format off
#define VIGILE_FOR_EACH_DRIVER(X) \
  X(Agent) \
  X(Can) \
  X(Certificate) \
  X(Cpu) \
  X(Disk) \
  X(Diskio) \
  X(Dns) \
  X(Exec) \
  X(File) \
  X(Gpio) \
  X(Http) \
  X(Hwmon) \
  X(Iio) \
  X(Listen) \
  X(Load) \
  X(Memory) \
  X(Mmc) \
  X(Modbus) \
  X(Modem) \
  X(Mqtt) \
  X(Network) \
  X(Ntp) \
  X(Ping) \
  X(Pressure) \
  X(Process) \
  X(Serial) \
  X(Simulate) \
  X(Snmp) \
  X(Tcp) \
  X(Thermal) \
  X(W1) \
  X(Wireless) \
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
