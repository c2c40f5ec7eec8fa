// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include "app/heartbeat.h"
#include "core/clock.h"
#include "core/logging.h"
#include "core/mutex.h"
#include "core/wakeup.h"
#include "sampling/timeline.h"
#include "store/committer.h"
#include "store/log.h"
#include "store/write_budget.h"

namespace vigile {

// The loop of the one thread that writes to the log: group commits, housekeeping, and the repair of times
// once the clock is set.
class Writer {
 public:
  // `on_clock_set` is called once, when the wall clock is known and all that was stamped before is repaired.
  Writer(Log& log, Committer& committer, Timeline& timeline, const Clock& clock,
         std::function<void(const Timeline::Mapping&)> on_clock_set = {});

  // Holds the day's writes within a budget by committing less often. Any thread.
  void set_budget(const WriteBudgetOptions& options) EXCLUDES(budget_mutex_);
  WriteBudgetStatus budget() const EXCLUDES(budget_mutex_);

  // Does what is due. Returns when to be called again; absent: when woken. The writer's thread.
  std::optional<BootTime> step() EXCLUDES(budget_mutex_);
  void run(std::stop_token stop);
  Wakeup& wakeup() { return wakeup_; }
  const Heartbeat& heartbeat() const { return heartbeat_; }

 private:
  void repair_clock();
  std::optional<BootTime> keep_budget() EXCLUDES(budget_mutex_);

  Log& log_;
  Committer& committer_;
  Timeline& timeline_;
  const Clock& clock_;
  const std::function<void(const Timeline::Mapping&)> on_clock_set_;
  Wakeup wakeup_;
  Heartbeat heartbeat_;
  bool clock_repaired_ = false;
  log::Repeated budget_failure_{"store.write_budget"};

  mutable Mutex budget_mutex_;
  WriteBudget budget_ GUARDED_BY(budget_mutex_){WriteBudgetOptions{}};
  log::Repeated upkeep_failure_{"store upkeep"};
  log::Repeated repair_failure_{"clock repair"};
};

}  // namespace vigile
