// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "core/clock.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "drivers/modbus/modbus_settings.h"

namespace vigile::modbus {

// A connected socket, non-blocking. A stop ends it at once (but for looking up the name). Errors: timeout,
// unavailable, not_found: "<line>: <cause>".
Result<UniqueFd> connect_tcp(const LineAddress& line, const Clock& clock, BootTime deadline,
                             std::stop_token stop);

}  // namespace vigile::modbus
