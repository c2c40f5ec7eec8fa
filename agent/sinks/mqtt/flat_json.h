// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile::mqtt_sink {

// One line of line protocol as a flat JSON object, for engines that cannot parse line protocol:
// {"measurement":"…","tags":{"k":"v"},"fields":{"a":1.5,"n":3,"b":true,"s":"x"},"time":17…}
// Plain JSON values, nanoseconds; "time" is null when the line has none. Text that is not UTF-8 is replaced
// by U+FFFD. Errors: parse, for text that is not one line.
Result<std::string> flat_json(std::string_view line);

}  // namespace vigile::mqtt_sink
