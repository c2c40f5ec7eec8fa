// SPDX-License-Identifier: Apache-2.0
#include "point/equipment_layout.h"

#include <algorithm>

namespace vigile {

TagList layout_tags(const WireFormat& format, const EquipmentIdentity& equipment,
                    const std::map<std::string, std::string>& own) {
  TagList tags = {{"equipment_id", equipment.id}, {"site_id", format.site_id}};
  if (!format.native) {
    tags.insert(tags.end(), {{"equipment_name", equipment.name},
                             {"equipment_type", equipment.type},
                             {"ip_address", equipment.ip_address},
                             {"site_name", format.site_name}});
  }
  for (const auto& [key, value] : own) {
    if (key != "metric_name") add_tag(key, value, tags);
  }
  return tags;
}

void add_tag(std::string_view key, std::string_view value, TagList& tags) {
  const bool taken =
      std::any_of(tags.begin(), tags.end(), [&](const auto& present) { return present.first == key; });
  if (!taken) tags.emplace_back(key, value);
}

}  // namespace vigile
