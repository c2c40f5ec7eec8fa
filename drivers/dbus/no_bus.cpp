// SPDX-License-Identifier: Apache-2.0
#include "drivers/dbus/bus.h"

namespace vigile::dbus {

bool is_available() {
  return false;
}

Result<std::unique_ptr<Bus>> Bus::open(const std::string&, std::chrono::nanoseconds) {
  return Error{ErrorKind::unavailable,
               "D-Bus: this build cannot ask; install libsystemd-dev and build again"};
}

const Value* Value::find(std::string_view) const {
  return nullptr;
}
bool Value::is_number() const {
  return false;
}
double Value::number() const {
  return 0;
}

}  // namespace vigile::dbus
