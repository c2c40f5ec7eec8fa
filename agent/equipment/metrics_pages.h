// SPDX-License-Identifier: Apache-2.0
// What get_equipment_metrics answers, from any source of readings, page by page. A page costs about what it
// shows: raw readings are read a stretch of time at a time, and at most `limit` + 1 rows are kept. `next`
// names the last row of a page, so it stays good while readings come in. Any thread.
//
// Windows start at multiples of their length since the epoch; the first is cut at the span's start, which is
// then its time. Windows of whole hours over more than a day come from summaries, and their percentiles from
// sketches; all others from raw readings. Errors: config, naming what is wrong in the query.
#pragma once

#include <cstdint>

#include "core/result.h"
#include "equipment/readings.h"
#include "equipment/service.h"

namespace vigile {

inline constexpr std::uint64_t kMostRows = 10'000;  // `limit`
inline constexpr std::uint64_t kMostLast = 10'000;  // `last`; times the series at most 100,000

Result<MetricsPage> metrics_page(ReadingSource& source, const MetricsQuery& query);

}  // namespace vigile
