// SPDX-License-Identifier: Apache-2.0
// The driver's parts: its settings, and the driver with another bus than the kernel's, for its tests.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "drivers/can/bus.h"
#include "drivers/can/signal.h"
#include "drivers/driver.h"
#include "drivers/kernel_text/name_filter.h"

namespace vigile::can {

using OpenBus = std::function<Result<std::unique_ptr<Bus>>(const std::string& interface,
                                                           const std::vector<IdFilter>& filters)>;

struct CanSettings {
  std::string interface;
  std::vector<Signal> signals;
  std::string dbc;
  NameFilter dbc_signals;
  std::optional<bool> j1939;  // absent: as the DBC file says
  std::chrono::nanoseconds max_age{};
};

std::span<const OptionSpec> option_table();
std::span<const MetricSpec> metric_table();
// Errors: config.
Result<CanSettings> read_settings(const Options& options);
// The signals of the settings and of their DBC file; adds to `left_out` what is not taken of it. Errors:
// not_found, permission, io (the file), parse, config (no signal is left).
Result<std::vector<Signal>> read_signals(const CanSettings& settings, std::vector<Error>& left_out);

Result<std::unique_ptr<Driver>> make_can(const Options& options, const DriverEnvironment& environment,
                                         OpenBus open);

}  // namespace vigile::can
