// SPDX-License-Identifier: Apache-2.0
// What a point that somebody else made must look like to be recorded. A line that a server refuses later is
// lost as a dead letter, one that changes the type of a field of equipment_metrics takes all readings after
// it along, and a time that is not meant (seconds taken for nanoseconds, a clock that is ahead) spoils what
// the log knows of when it ran: so they are refused here, while somebody listens.
//
// Text that is not UTF-8, and a tag or field key that stands twice, are refused too: servers disagree about
// what is then stored.
//
// Pure. Errors: config, which name what is wrong and what would be right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "point/point.h"

namespace vigile {

inline constexpr std::size_t kMostRecordedTags = 32;  // with names bounded, well under InfluxDB's 64 KiB
inline constexpr std::size_t kMostRecordedFields = 256;

// `place` begins the error's message.
Result<void> check_recorded_name(const std::string& place, std::string_view name);
Result<void> check_recorded_tag(std::string_view key, std::string_view value, std::string_view equipment_id);

// Of the wall clock; `now_ns` is absent while that is not known.
Result<void> check_recorded_time(std::int64_t time_ns, std::optional<std::int64_t> now_ns);

// A point of this equipment, as a program sent it. Whole numbers in the field `value` of equipment_metrics
// become floats, as all others are.
Result<void> make_recordable(Point& point, std::string_view equipment_id, std::optional<std::int64_t> now_ns);
// A point of another agent, which wrote it by the same rules: only its sizes are held against the limits.
Result<void> check_forwarded(const Point& point);

}  // namespace vigile
