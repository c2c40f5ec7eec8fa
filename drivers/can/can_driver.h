// SPDX-License-Identifier: Apache-2.0
// The driver with another bus than the kernel's, for its tests.
#pragma once

#include <functional>

#include "drivers/can/bus.h"
#include "drivers/can/signal.h"
#include "drivers/driver.h"
#include "drivers/kernel_text/name_filter.h"

namespace vigile::can {

using OpenBus = std::function<Result<std::unique_ptr<Bus>>(const std::string& interface,
                                                           const std::vector<std::uint32_t>& ids)>;

struct CanSettings {
  std::string interface;
  std::vector<Signal> signals;
  std::string dbc;
  NameFilter dbc_signals;
  std::chrono::nanoseconds max_age{};
};

Result<std::unique_ptr<Driver>> make_can(const Options& options, const DriverEnvironment& environment,
                                         OpenBus open);

}  // namespace vigile::can
