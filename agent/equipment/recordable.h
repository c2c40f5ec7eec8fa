// SPDX-License-Identifier: Apache-2.0
// What others may record of an equipment (point/recordable.h has why, and the rules of whole points).
//
// Pure. Errors: config, which name what is wrong and what would be right.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/result.h"
#include "equipment/service.h"

namespace vigile {

Result<void> check_recordable(const RecordedMetric& metric, std::string_view equipment_id,
                              std::optional<std::int64_t> now_ns);

// Of an availability or a status.
Result<void> check_recordable_reason(std::string_view reason);

}  // namespace vigile
