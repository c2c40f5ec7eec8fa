// SPDX-License-Identifier: Apache-2.0
// Which exit statuses of a program are no failure: of programs whose status is data, as smartctl(8)'s. Pure.
#pragma once

#include <bitset>
#include <span>
#include <string>

#include "core/result.h"

namespace vigile::exec {

using AcceptedStatus = std::bitset<256>;

// `listed`: statuses, "0" to "255". `bits`: a number; each status that has no other bits is accepted, 0 among
// them. Both may be written as 0x1f. Both empty: 0 alone. Errors: config; they begin with the option.
Result<AcceptedStatus> read_accepted_status(std::span<const std::string> listed, const std::string& bits);

}  // namespace vigile::exec
