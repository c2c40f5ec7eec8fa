// SPDX-License-Identifier: Apache-2.0
// What get_performance_stats answers, from any source of readings. Percentiles are by nearest rank: exact
// from raw readings for a span of up to a day (kRawSpan) where these are held, otherwise from sketches, which
// `coverage.from_summaries` says. Everything else is exact either way. Any thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/result.h"
#include "equipment/readings.h"
#include "equipment/service.h"

namespace vigile {

inline constexpr std::int64_t kRawSpanNs = 24 * kHourNs;

// Up to a day, and all raw readings of it are held: answered from these.
Result<bool> answered_from_raw(ReadingSource& source, TimeSpan span);

// `metrics` empty: all, by name.
Result<PerformanceStats> performance_stats(ReadingSource& source, const std::string& equipment_id,
                                           const std::vector<std::string>& metrics, TimeSpan span);

}  // namespace vigile
