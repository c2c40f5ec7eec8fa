// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "equipment/directory.h"
#include "equipment/line_readings.h"
#include "equipment/readings.h"
#include "equipment/service.h"
#include "equipment/summary_keeper.h"
#include "store/history.h"

namespace vigile {

// What SiteEquipment is made of. References outlive it; functions are for any thread.
struct SiteEquipmentParts {
  EquipmentDirectory& directory;
  History& history;
  ReadingSource& readings;  // of this device's log
  SummaryKeeper& keeper;
  MetricNamer namer;  // for points that come as line protocol
  std::function<Stamp()> stamp;
  std::function<std::string()> site_id;
  // Commits these lines and all that waits; fine only when they are in the log (Committer::commit).
  std::function<Result<void>(std::span<const NewSegment>)> commit;
  // The readings that the server of a sink holds; "influx" is the first of that kind. Errors: not_found,
  // config, which say what there is.
  std::function<Result<std::unique_ptr<ReadingSource>>(const std::string& sink)> server_readings;
};

// EquipmentService on this device: records through the log, answers from it or from a server, all with the
// same code.
class SiteEquipment final : public EquipmentService {
 public:
  explicit SiteEquipment(SiteEquipmentParts parts) : parts_(std::move(parts)) {}

  std::string site_id() const override { return parts_.site_id(); }
  std::int64_t now_ns() const override;
  std::vector<EquipmentState> list() const override { return parts_.directory.list(); }
  Result<EquipmentState> find(std::string_view id) const override { return parts_.directory.find(id); }

  Result<void> record_metrics(std::string_view id, const std::vector<RecordedMetric>& metrics) override;
  Result<std::uint64_t> record_points(std::string_view id, std::vector<Point> points) override;
  Result<void> record_availability(std::string_view id, bool is_available,
                                   std::optional<double> response_time_ms, std::string_view reason) override;
  Result<void> record_performance(std::string_view id, std::optional<double> cpu_usage,
                                  std::optional<double> memory_usage,
                                  std::optional<double> response_time_ms) override;
  Result<EquipmentState> record_past_status(std::string_view id, Status status, std::string_view reason,
                                            std::int64_t time_ns,
                                            const std::map<std::string, std::string>& tags) override;
  Result<EquipmentState> record_status_change(std::string_view id, Status status, std::string_view reason,
                                              std::optional<std::int64_t> until_ns) override;

  Result<MetricsPage> get_equipment_metrics(const MetricsQuery& query, const AnswerSource& source) override;
  Result<AvailabilityReport> calculate_availability(std::string_view id, TimeSpan span,
                                                    const AvailabilityOptions& options,
                                                    const AnswerSource& source) override;
  Result<PerformanceStats> get_performance_stats(std::string_view id, const std::vector<std::string>& metrics,
                                                 TimeSpan span, const AnswerSource& source) override;
  Result<std::vector<StatusPeriod>> get_status_history(std::string_view id, TimeSpan span,
                                                       const AnswerSource& source) override;
  Result<RemovalReport> remove(std::int64_t before_ns, std::string_view equipment_id, bool undelivered,
                               bool dry_run) override;

 private:
  Result<void> commit(std::span<const NewSegment> lines);
  // Tells the directory the readings of lines that were read now.
  void observe(std::string_view id, const std::string& lines, BootTime at);
  // Calls `answer` with the readings that `source` names.
  template <class Answer>
  auto with_readings(std::string_view id, const AnswerSource& source, Answer answer)
      -> decltype(answer(std::declval<ReadingSource&>()));

  const SiteEquipmentParts parts_;
};

}  // namespace vigile
