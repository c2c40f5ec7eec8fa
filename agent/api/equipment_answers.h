// SPDX-License-Identifier: Apache-2.0
// What several routes on equipment share. Handlers return Result<Response>; answered() makes the refusals:
// a wrong value is 400, what is not known 404, everything else as error_response() says.
#pragma once

#include <chrono>
#include <functional>

#include "api/http.h"
#include "api/router.h"
#include "equipment/service.h"

namespace vigile {

inline constexpr std::chrono::hours kDefaultPeriod{24};

// cpu_avg, memory_avg, response_time_avg are made of these.
inline constexpr const char* kCpuMetric = "cpu_usage";
inline constexpr const char* kMemoryMetric = "memory_usage";
inline constexpr const char* kResponseTimeMetric = "response_time";

using ResultHandler = std::function<Result<Response>(const Request&)>;
Handler answered(ResultHandler handler);

// The mean of an equipment's own series of a metric; without one, of all its series together.
std::optional<double> mean_of(const PerformanceStats& stats, std::string_view metric);

// What {id} of the path names; not_found.
Result<EquipmentState> find_equipment(const EquipmentService& service, const Request& request);

// An equipment's `performance` of the dashboards: {"cpu_avg", "memory_avg", "response_time_avg"}.
struct PerformanceMeans {
  std::optional<double> cpu, memory, response_time;
};
Result<PerformanceMeans> performance_means(EquipmentService& service, const std::string& id, TimeSpan span,
                                           const AnswerSource& source);

}  // namespace vigile
