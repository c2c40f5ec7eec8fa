// SPDX-License-Identifier: Apache-2.0
// The lists of the file: equipment with its drivers and limits, and sinks.
#pragma once

#include <vector>

#include "settings/values.h"

namespace vigile {

// `node` is the value of `equipment`; every kind of mistake is reported. Ids and names of driver instances
// are unique.
std::vector<EquipmentSettings> read_equipment(const YamlEntry& list, const SettingsCatalog& catalog,
                                              ReadContext& context);
std::vector<SinkSettings> read_sinks(const YamlEntry& list, const SettingsCatalog& catalog,
                                     ReadContext& context);

// Reports a name that is too long (256 bytes) or holds control characters; false then.
bool check_name(std::string_view key, std::string_view text, Spot spot, ReadContext& context);

// Where the value of `key` stands; the section's own place when it is absent.
Spot spot_of(const Section& section, std::string_view key);

}  // namespace vigile
