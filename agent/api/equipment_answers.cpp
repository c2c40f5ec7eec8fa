// SPDX-License-Identifier: Apache-2.0
#include "api/equipment_answers.h"

namespace vigile {

Handler answered(ResultHandler handler) {
  return [handler = std::move(handler)](const Request& request) {
    Result<Response> answer = handler(request);
    if (answer) return std::move(*answer);
    const Error& error = answer.error();
    if (error.kind == ErrorKind::parse || error.kind == ErrorKind::config) {
      return error_response(400, error.message);
    }
    return error_response(error);
  };
}

std::optional<double> mean_of(const PerformanceStats& stats, std::string_view metric) {
  double sum = 0;
  std::uint64_t count = 0;
  for (const PerformanceStats::Metric& one : stats.metrics) {
    if (one.metric != metric || !one.mean || one.count == 0) continue;
    if (one.tags.empty()) return one.mean;
    sum += *one.mean * static_cast<double>(one.count);
    count += one.count;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

Result<EquipmentState> find_equipment(const EquipmentService& service, const Request& request) {
  return service.find(request.parameter("id"));
}

Result<PerformanceMeans> performance_means(EquipmentService& service, const std::string& id, TimeSpan span,
                                           const AnswerSource& source) {
  const auto stats =
      service.get_performance_stats(id, {kCpuMetric, kMemoryMetric, kResponseTimeMetric}, span, source);
  if (!stats) return stats.error();
  return PerformanceMeans{mean_of(*stats, kCpuMetric), mean_of(*stats, kMemoryMetric),
                          mean_of(*stats, kResponseTimeMetric)};
}

}  // namespace vigile
