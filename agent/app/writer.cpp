// SPDX-License-Identifier: Apache-2.0
#include "app/writer.h"

#include <algorithm>
#include <utility>

#include "app/self_usage.h"
#include "core/units.h"

namespace vigile {

namespace {

constexpr auto kRetry = std::chrono::seconds(30);

std::optional<BootTime> earlier(std::optional<BootTime> a, std::optional<BootTime> b) {
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

}  // namespace

Writer::Writer(Log& log, Committer& committer, Timeline& timeline, const Clock& clock,
               std::function<void(const Timeline::Mapping&)> on_clock_set)
    : log_(log),
      committer_(committer),
      timeline_(timeline),
      clock_(clock),
      on_clock_set_(std::move(on_clock_set)) {}

void Writer::repair_clock() {
  const Timeline::Mapping mapping = timeline_.now();
  if (mapping.clock == ClockState::unset) return;
  // What was stamped before the clock was set and waits in memory must be in the log first.
  if (!committer_.commit_now()) return;
  const auto repaired = log_.repair_clock(mapping.offset_ns);
  if (!repaired) {
    repair_failure_.failed(repaired.error().message, log::Level::error);
    return;
  }
  repair_failure_.succeeded();
  if (*repaired > 0) {
    log::notice("clock: set; repaired the times of " + std::to_string(*repaired) + " segments");
  }
  if (std::exchange(clock_repaired_, true)) return;
  if (on_clock_set_) on_clock_set_(mapping);
}

void Writer::set_budget(const WriteBudgetOptions& options) {
  {
    const MutexLock lock(budget_mutex_);
    budget_.set_options(options);
    committer_.set_commit_every(budget_.status().loss_window);
  }
  wakeup_.notify();
}

WriteBudgetStatus Writer::budget() const {
  const MutexLock lock(budget_mutex_);
  return budget_.status();
}

std::optional<BootTime> Writer::keep_budget() {
  const MutexLock lock(budget_mutex_);
  const auto due = budget_.due();
  if (!due || clock_.boot() < *due) return due;
  const auto every = budget_.update(clock_.boot(), clock_.wall(), read_write_bytes());
  committer_.set_commit_every(every);
  if (budget_.status().is_exceeded) {
    budget_failure_.failed("more is written than it allows, though commits are " + format_duration(every) +
                           " apart");
  } else {
    budget_failure_.succeeded();
  }
  return budget_.due();
}

std::optional<BootTime> Writer::step() {
  const auto look = keep_budget();
  std::optional<BootTime> next = earlier(committer_.step(clock_.boot()), look);
  // A run that began before the clock was set may bring its readings after the repair.
  if (!clock_repaired_ || log_.has_unset_times()) {
    repair_clock();
    if (!clock_repaired_ || log_.has_unset_times()) next = earlier(next, clock_.boot() + kRetry);
  }
  const auto upkeep = log_.maintain(clock_.boot());
  if (!upkeep) {
    upkeep_failure_.failed(upkeep.error().message);
    return earlier(next, clock_.boot() + kRetry);
  }
  upkeep_failure_.succeeded();
  return earlier(next, *upkeep);
}

void Writer::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    heartbeat_.busy(clock_.boot());
    const std::optional<BootTime> next = step();
    heartbeat_.idle(next);
    wakeup_.wait_until(clock_, next, stop);
  }
}

}  // namespace vigile
