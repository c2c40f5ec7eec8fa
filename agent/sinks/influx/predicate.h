// SPDX-License-Identifier: Apache-2.0
// Which points a deletion is about. One form for all servers, that of InfluxDB 2: equality of tags, joined by
// AND: `_measurement="cpu" AND equipment_id="1"`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vigile::influx_sink {

struct TagEquals {
  std::string key;  // "_measurement" is the measurement
  std::string value;
  bool operator==(const TagEquals&) const = default;
};

// Keys bare or in "…", values in "…" or '…'; inside, \" \' \\ and \n. Empty text is no condition. Errors:
// parse, saying where and what would be right.
Result<std::vector<TagEquals>> parse_predicate(std::string_view text);

// As InfluxDB 2 reads it.
std::string predicate_text(const std::vector<TagEquals>& conditions);

}  // namespace vigile::influx_sink
