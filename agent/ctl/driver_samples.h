// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace vigile {

// Entries for `drivers:` in the settings: the driver's sample.yaml. Empty when there is none.
std::string_view driver_sample(std::string_view driver);

}  // namespace vigile
