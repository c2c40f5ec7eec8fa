// SPDX-License-Identifier: Apache-2.0
// The tags that every line about an equipment carries (DESIGN §8), in both layouts.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/equipment_identity.h"
#include "point/line_encode.h"

namespace vigile {

struct WireFormat {
  bool native = false;  // layout: native
  EncodeOptions encode;
  std::string site_id;
  std::string site_name;
};

// Of the lines of the equipment layout that hold a metric.
inline constexpr std::string_view kMetricsMeasurement = "equipment_metrics";

using TagList = std::vector<std::pair<std::string, std::string>>;

// The layout's own tags, not sorted, then `own` of the settings that are not among them and not metric_name.
TagList layout_tags(const WireFormat& format, const EquipmentIdentity& equipment,
                    const std::map<std::string, std::string>& own);
// Adds a tag unless there is one with its key.
void add_tag(std::string_view key, std::string_view value, TagList& tags);

}  // namespace vigile
