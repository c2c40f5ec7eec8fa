// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/logging.h"
#include "core/mutex.h"
#include "core/wakeup.h"
#include "sampling/instance.h"

namespace vigile {

// Starts one more lane thread, which calls Scheduler::serve_lane. Given by the app, the only one to start
// threads.
using LaneStarter = std::function<void()>;

// A lane costs a thread, about 20 kB of memory. So many hold 380 dead hosts, each asked every 30 s with a
// time-out of 5 s.
constexpr std::size_t kMaxLanes = 64;

// Runs instances on their ticks. Instances that cannot block share the sampler's thread, one after another.
// Those that may are put in a queue which lane threads serve; a lane is added whenever one is due and none is
// free, so that one that hangs takes a lane with it and delays nobody. A tick that comes while the last run
// goes on is counted as late and never piled up.
// Lanes are bounded: when all are taken, those that are due wait in the queue, each once, first come, first
// served. Only when as many as there are lanes hang for ever do others that may block come to a halt; that is
// logged, and held_up() says so. What cannot block goes on in any case.
class Scheduler {
 public:
  Scheduler(const Clock& clock, Timeline& timeline, LaneStarter start_lane,
            std::size_t max_lanes = kMaxLanes);

  // Shared: an instance taken out while its run hangs lives on until that run ends.
  using Instances = std::vector<std::shared_ptr<Instance>>;

  // Adds instances; their first run is due at once, and then on their ticks.
  void add(const Instances& instances) EXCLUDES(mutex_);
  // Takes out the named ones; a run in progress ends by itself.
  void remove(const std::vector<std::string>& names) EXCLUDES(mutex_);

  // Runs what is due. Returns when to be called again; absent: when something is added. The sampler's thread.
  std::optional<BootTime> run_due(std::stop_token stop) EXCLUDES(mutex_);
  // The sampler's thread waits on this; add() notifies it.
  Wakeup& wakeup() { return wakeup_; }

  // Serves the queue until stop is requested. A lane's thread.
  void serve_lane(std::stop_token stop) EXCLUDES(mutex_);

  std::vector<InstanceStatus> status() const EXCLUDES(mutex_);
  std::size_t lanes() const EXCLUDES(mutex_);
  // Why instances wait for a lane past their deadlines; absent when none does.
  std::optional<std::string> held_up() const EXCLUDES(mutex_);

 private:
  struct Entry {
    std::shared_ptr<Instance> instance;
    BootTime due;
  };
  // Absent when stop is requested.
  std::shared_ptr<Instance> take_queued(std::stop_token stop) EXCLUDES(mutex_);

  const Clock& clock_;
  Timeline& timeline_;
  const LaneStarter start_lane_;
  const std::size_t max_lanes_;
  Wakeup wakeup_;

  mutable Mutex mutex_;
  CondVar queue_filled_;
  std::vector<Entry> entries_ GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<Instance>> queue_ GUARDED_BY(mutex_);
  std::size_t lanes_ GUARDED_BY(mutex_) = 0;
  std::size_t free_lanes_ GUARDED_BY(mutex_) = 0;
  log::Repeated no_lane_{"sampling"};  // the sampler's thread's
};

}  // namespace vigile
