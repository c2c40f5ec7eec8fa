// SPDX-License-Identifier: Apache-2.0
// Everything that can be recorded of an equipment and asked about it, in one place: the API's routes and
// vigilectl's answers are made of this. The names are those of the server-side module that Vigile grew from.
//
// Times are nanoseconds since the Unix epoch, UTC; spans are half open. Any thread, apart where it says so.
// Errors: not_found (no such equipment; the message names it and lists what there is), config (a value is
// wrong: which, and what would be right), and those of the log or the server.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "equipment/availability.h"
#include "equipment/coverage.h"
#include "equipment/equipment_state.h"
#include "equipment/status.h"
#include "point/point.h"
#include "store/history.h"

namespace vigile {

struct RecordedMetric {
  std::string metric;
  double value = 0;
  std::map<std::string, std::string> tags;
  std::vector<std::pair<std::string, FieldValue>> additional_fields;
  std::optional<std::int64_t> time_ns;  // absent: now
};

enum class Aggregation { none, mean, min, max, sum, count, last, p50, p95, p99 };
std::optional<Aggregation> parse_aggregation(std::string_view text);
std::string_view to_string(Aggregation aggregation);

// Where an answer comes from.
struct AnswerSource {
  std::string sink;  // empty: the log on this device; else the name of an influx sink, whose server is asked
};

struct MetricsQuery {
  std::string equipment_id;
  std::vector<std::string> metrics;  // empty: all
  TimeSpan span;
  Aggregation aggregation = Aggregation::none;
  std::chrono::nanoseconds window{};  // of the aggregation; 0: the whole span in one
  std::optional<std::uint64_t> last;  // only the last N of each series (raw readings only)
  std::uint64_t limit = 1000;         // of one page
  std::string page;                   // `next` of the page before; empty: the first
};
struct MetricsPage {
  struct Row {
    std::int64_t time_ns = 0;  // of a window: its start
    std::string metric;
    double value = 0;
    std::vector<std::pair<std::string, std::string>> tags;
  };
  std::vector<Row> rows;  // by time, then metric, then tags
  std::string next;       // opaque; empty: there is no more
  bool percentiles_from_sketches = false;
};

struct PerformanceStats {
  struct Metric {
    std::string metric;
    std::string tags;  // "core=0"; empty for the equipment's own
    std::uint64_t count = 0;
    std::optional<double> min, max, mean, standard_deviation, p50, p95, p99, first, last, trend_per_hour;
  };
  std::vector<Metric> metrics;  // in the order asked for
  ReadingCoverage coverage;
};

class EquipmentService {
 public:
  virtual ~EquipmentService() = default;

  virtual std::string site_id() const = 0;
  virtual std::int64_t now_ns() const = 0;
  virtual std::vector<EquipmentState> list() const = 0;
  virtual Result<EquipmentState> find(std::string_view id) const = 0;

  // Recording. Each returns after the commit: what it accepted survives a power cut.
  virtual Result<void> record_metrics(std::string_view id, const std::vector<RecordedMetric>& metrics) = 0;
  // Any points, as they are, with the layout's tags added where absent; how many.
  virtual Result<std::uint64_t> record_points(std::string_view id, std::vector<Point> points) = 0;
  virtual Result<void> record_availability(std::string_view id, bool is_available,
                                           std::optional<double> response_time_ms,
                                           std::string_view reason) = 0;
  virtual Result<void> record_performance(std::string_view id, std::optional<double> cpu_usage,
                                          std::optional<double> memory_usage,
                                          std::optional<double> response_time_ms) = 0;
  // Sets the status by hand; maintenance may end by itself. The state after it.
  virtual Result<EquipmentState> record_status_change(std::string_view id, Status status,
                                                      std::string_view reason,
                                                      std::optional<std::int64_t> until_ns) = 0;
  // A change of the past: history and availability know it from then on, the status of now stays. The line
  // that is sent has `tags`, too.
  virtual Result<EquipmentState> record_past_status(std::string_view id, Status status,
                                                    std::string_view reason, std::int64_t time_ns,
                                                    const std::map<std::string, std::string>& tags) = 0;

  // Answers. May take long (a server is asked, or months are read): never on the API's own thread.
  virtual Result<MetricsPage> get_equipment_metrics(const MetricsQuery& query,
                                                    const AnswerSource& source) = 0;
  virtual Result<AvailabilityReport> calculate_availability(std::string_view id, TimeSpan span,
                                                            const AvailabilityOptions& options,
                                                            const AnswerSource& source) = 0;
  virtual Result<PerformanceStats> get_performance_stats(std::string_view id,
                                                         const std::vector<std::string>& metrics,
                                                         TimeSpan span, const AnswerSource& source) = 0;
  virtual Result<std::vector<StatusPeriod>> get_status_history(std::string_view id, TimeSpan span,
                                                               const AnswerSource& source) = 0;

  // Removes old data on this device; see History::remove.
  virtual Result<RemovalReport> remove(std::int64_t before_ns, std::string_view equipment_id,
                                       bool undelivered, bool dry_run) = 0;
};

}  // namespace vigile
