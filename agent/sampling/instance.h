// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/logging.h"
#include "core/mutex.h"
#include "core/reading_rules.h"
#include "drivers/driver.h"
#include "point/metric_name.h"
#include "sampling/change_filter.h"
#include "sampling/line_writer.h"
#include "sampling/metric_selection.h"
#include "sampling/observer.h"
#include "sampling/timeline.h"
#include "store/segment.h"

namespace vigile {

// Takes the lines of one run. Called from the thread that ran the driver; must not block on the disk.
using LineIntake = std::function<void(ClockState clock, const LineWriter::Lines& lines)>;
// Takes lines and returns when they are in the log. Errors: as Output::commit().
using LineCommit = std::function<Result<void>(std::span<const NewSegment> lines)>;

struct InstanceOptions {
  std::string name;    // unique: "1/cpu"
  std::string driver;  // kind
  std::chrono::nanoseconds every = std::chrono::seconds(10);
  std::chrono::nanoseconds deadline = std::chrono::seconds(5);
  std::map<std::string, std::string> tags;
  bool may_block = false;
  bool decides_availability = false;
  MetricRules metrics;
  ReportRules report;
  MetricNamer namer = {};  // empty: samples keep their names, fields of points are <measurement>_<field>
};

struct InstanceStatus {
  std::string name;
  std::string driver;
  std::string equipment_id;
  std::chrono::nanoseconds every{};
  bool running = false;
  std::optional<std::chrono::nanoseconds> stuck_for;   // age of a run past its deadline
  std::optional<std::chrono::nanoseconds> queued_for;  // due, and not run yet: no lane is free
  std::optional<WallTime> last_run;
  std::chrono::nanoseconds last_duration{};
  std::string last_error;
  ErrorKind last_error_kind = ErrorKind::io;  // of it
  std::uint64_t runs = 0;
  std::uint64_t errors = 0;
  std::uint64_t late_ticks = 0;
  std::uint64_t points = 0;
  std::uint64_t left_out = 0;  // numbers past int64, which the settings have left out
};

// One entry of the settings at work: a driver, when it is due, and what came of it. run() is for one thread
// at a time; everything else for any thread.
class Instance {
 public:
  Instance(InstanceOptions options, const EquipmentIdentity& equipment, const WireFormat& format,
           std::unique_ptr<Driver> driver, const Clock& clock, Timeline& timeline, LineIntake intake,
           SampleObserver* observer = nullptr,  // may be null; outlives this
           LineCommit commit = {});             // without it a driver's commit() fails

  const InstanceOptions& options() const { return options_; }

  // The tick after `now`: a multiple of `every` on the wall clock (on the boot clock while that is unset).
  BootTime next_tick(BootTime now, const Timeline::Mapping& mapping) const;

  // Takes it up for a run; then run() must follow. False (and a late tick) when the last one has not ended:
  // is it past its deadline, that is logged, and an instance that decides availability says that there is no
  // answer. One that was taken up and has not been run yet has asked nobody, so it says nothing. The
  // sampler's thread.
  bool begin(BootTime now) EXCLUDES(mutex_);
  // Ticks that went by while it could not be run.
  void count_late(std::uint64_t ticks) EXCLUDES(mutex_);
  void run(std::stop_token stop) EXCLUDES(mutex_);

  InstanceStatus status() const EXCLUDES(mutex_);

 private:
  class Collector;
  enum class Phase { idle, queued, running };

  const InstanceOptions options_;
  const std::string equipment_id_;
  const Clock& clock_;
  Timeline& timeline_;
  const LineIntake intake_;
  const LineCommit commit_;
  SampleObserver* const observer_;
  // Used by the running thread alone.
  const std::unique_ptr<Driver> driver_;
  LineWriter writer_;
  MetricSelection selection_;
  ChangeFilter changes_;
  std::vector<Tag> observed_tags_;  // kept for their memory
  std::vector<Value> named_values_;
  std::vector<std::string> own_names_;  // of those of them that the driver's table does not name
  std::vector<Value> selected_values_;
  std::vector<std::string> new_names_;  // of those of them that get another name
  log::Repeated failure_;
  bool has_said_left_out_ = false;
  // The sampler's thread's.
  log::Repeated stuck_;

  mutable Mutex mutex_;
  Phase phase_ GUARDED_BY(mutex_) = Phase::idle;
  BootTime since_ GUARDED_BY(mutex_){};  // of the phase
  InstanceStatus status_ GUARDED_BY(mutex_);
};

}  // namespace vigile
