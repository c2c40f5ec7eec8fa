// SPDX-License-Identifier: Apache-2.0
// What others may record of an equipment. A line that a server refuses later is lost as a dead letter, one
// that changes the type of a field of equipment_metrics takes all readings after it along, and a time that is
// not meant (seconds taken for nanoseconds, a clock that is ahead) spoils what the log knows of when it ran:
// so they are refused here, while somebody listens.
//
// Pure. Errors: config, which name what is wrong and what would be right.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "equipment/service.h"
#include "point/point.h"

namespace vigile {

// Of the wall clock; `now_ns` is absent while that is not known.
Result<void> check_recordable_time(std::int64_t time_ns, std::optional<std::int64_t> now_ns);

Result<void> check_recordable(const RecordedMetric& metric, std::string_view equipment_id,
                              std::optional<std::int64_t> now_ns);

// Of an availability or a status.
Result<void> check_recordable_reason(std::string_view reason);

// A point as a program sent it. Whole numbers in the field `value` of equipment_metrics become floats, as all
// others are.
Result<void> make_recordable(Point& point, std::string_view equipment_id, std::optional<std::int64_t> now_ns);

}  // namespace vigile
