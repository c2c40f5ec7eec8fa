// SPDX-License-Identifier: Apache-2.0
// Commands on equipment: what was recorded, what is to be recorded, what is to go.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ctl/commands.h"
#include "ctl/remote_data.h"

namespace vigile {

struct QuestionOptions {
  std::string equipment_id;  // empty: the only one there is, or all where that makes sense
  std::string period;
  std::string start;
  std::string end;
  std::vector<std::string> metrics;
  std::string aggregation;
  std::string window;
  std::uint64_t last = 0;              // 0: all
  std::optional<std::uint64_t> limit;  // of rows; 0: every page
  std::string from;                    // a sink's name, or "influx"
  bool warning_is_down = false;
  bool csv = false;
};

int metrics_command(const CommandContext& context, const QuestionOptions& options);
int stats_command(const CommandContext& context, const QuestionOptions& options);
int availability_command(const CommandContext& context, const QuestionOptions& options);
int history_command(const CommandContext& context, const QuestionOptions& options);
int dashboard_command(const CommandContext& context, const QuestionOptions& options);
int report_command(const CommandContext& context, const QuestionOptions& options);

struct RecordOptions {
  std::string equipment_id;
  std::string metric;
  double value = 0;
  std::vector<std::string> tags;  // "core=0"
  std::string time;
  std::string available;  // "up" or "down"
  std::optional<double> response_time, cpu, memory;
  std::string status;
  std::string until;  // a time, or a duration from now
  std::string reason;
  std::string precision = "ns";
};
int record_metric_command(const CommandContext& context, const RecordOptions& options);
int record_availability_command(const CommandContext& context, const RecordOptions& options);
int record_performance_command(const CommandContext& context, const RecordOptions& options);
int record_status_command(const CommandContext& context, const RecordOptions& options);
// Line protocol on standard input, in parts that the daemon takes. Each part is recorded whole or not at all.
int record_points_command(const CommandContext& context, const RecordOptions& options);

struct CleanupOptions {
  std::string older_than;
  std::string equipment_id;  // empty: all
  bool local = false;        // neither: local
  bool remote = false;
  bool dry_run = false;
  bool undelivered = false;
  bool yes = false;
};
// Says what would go and asks, unless told `yes`; without a terminal to ask on nothing goes (2). `remote`
// may be null: then there is none.
int cleanup_command(const CommandContext& context, const CleanupOptions& options, RemoteData* remote);

struct SimulateOptions {
  std::string equipment_id;
  double duration_s = 3600;
  double interval_s = 60;
  double speed = 1;
  std::string backfill;  // "7d"; empty: none
  std::uint64_t seed = 1;
};
// Until its end, or Ctrl-C (0 too).
int simulate_command(const CommandContext& context, const SimulateOptions& options);

// The id that was given, or that of the only equipment there is. Complains otherwise; none then, and `status`
// is set.
std::optional<std::string> chosen_equipment(const CommandContext& context, const std::string& given,
                                            int& status);

}  // namespace vigile
