// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "equipment/status.h"

namespace vigile {

// Times are nanoseconds since the Unix epoch; absent also while the clock is unset.
struct EquipmentState {
  std::string id;
  std::string name;
  std::string type;
  std::string ip_address;
  Status status = Status::unknown;
  std::string reason;                    // of the last change
  std::optional<std::int64_t> since_ns;  // when that status began; an outage with its first failed check
  std::optional<std::int64_t> until_ns;  // of a maintenance that ends by itself
  // The last reading of any metric since the agent started.
  std::string last_metric;
  std::optional<double> last_value;
  std::optional<std::int64_t> last_reading_ns;
};

}  // namespace vigile
