// SPDX-License-Identifier: Apache-2.0
// The driver with another source than the kernel, for its tests.
#pragma once

#include <functional>

#include "drivers/driver.h"
#include "drivers/wireless/station.h"

namespace vigile::wireless {

using OpenNl80211 = std::function<Result<std::unique_ptr<Nl80211>>()>;
Result<std::unique_ptr<Driver>> make_wireless(const Options& options, const DriverEnvironment& environment,
                                              OpenNl80211 open);

}  // namespace vigile::wireless
