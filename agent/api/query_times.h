// SPDX-License-Identifier: Apache-2.0
// The parameters that questions share: the span of time, the metrics, where the answer comes from. Every
// error is of kind parse, names the parameter and says what would be right.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/http.h"
#include "equipment/service.h"

namespace vigile {

// `start` and `end`, or `period`: the last so long, until now. Without any: the last `fallback`. A start
// alone lasts until now; an end alone has `fallback` before it. A plain date at the end is that whole day.
struct SpanParameters {
  std::string_view start;
  std::string_view end;
  std::string_view period;  // empty: there is no such parameter
  std::chrono::nanoseconds fallback;
};
Result<TimeSpan> query_span(const Request& request, const SpanParameters& parameters, std::int64_t now_ns);

Result<std::chrono::nanoseconds> query_duration(const Request& request, std::string_view name,
                                                std::chrono::nanoseconds fallback);

// `metric_name` or `metric_type`, the same thing; several with commas between. Empty: all.
Result<std::vector<std::string>> query_metrics(const Request& request);

// `from`: absent or "log" is the log on this device; "influx" or a sink's name a server.
AnswerSource query_source(const Request& request);

}  // namespace vigile
