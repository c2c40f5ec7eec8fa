// SPDX-License-Identifier: Apache-2.0
// What a driver can do, as the API and vigilectl show it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/option.h"

namespace vigile {

struct DriverDescription {
  std::string name;
  std::string summary;
  bool may_block = false;
  std::string missing;              // why it is not in this build; empty: it is
  std::string named_metrics;        // how the settings name metrics; empty: they do not
  std::vector<OptionSpec> options;  // its own, then everybody's
  struct Metric {
    std::string name, field, type, unit, source;
  };
  std::vector<Metric> metrics;
};

// The answers of /api/agent/drivers and /api/agent/drivers/NAME (config/vigile.openapi.json).
nlohmann::ordered_json driver_list_json(std::span<const DriverDescription> drivers);
nlohmann::ordered_json driver_json(const DriverDescription& driver);
// What is answered to a name that none of them has: the nearest name, and all names.
std::string no_such_driver(std::string_view name, std::span<const DriverDescription> drivers);

}  // namespace vigile
