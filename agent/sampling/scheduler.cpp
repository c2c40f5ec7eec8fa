// SPDX-License-Identifier: Apache-2.0
#include "sampling/scheduler.h"

#include <algorithm>
#include <utility>

namespace vigile {

Scheduler::Scheduler(const Clock& clock, Timeline& timeline, LaneStarter start_lane, std::size_t max_lanes)
    : clock_(clock), timeline_(timeline), start_lane_(std::move(start_lane)), max_lanes_(max_lanes) {}

void Scheduler::add(const Instances& instances) {
  {
    const MutexLock lock(mutex_);
    const BootTime now = clock_.boot();
    for (const auto& instance : instances) entries_.push_back(Entry{instance, now});
  }
  wakeup_.notify();
}

void Scheduler::remove(const std::vector<std::string>& names) {
  const MutexLock lock(mutex_);
  const auto named = [&](const std::shared_ptr<Instance>& instance) {
    return std::find(names.begin(), names.end(), instance->options().name) != names.end();
  };
  std::erase_if(entries_, [&](const Entry& entry) { return named(entry.instance); });
  std::erase_if(queue_, named);
}

std::optional<BootTime> Scheduler::run_due(std::stop_token stop) {
  std::vector<std::shared_ptr<Instance>> cheap;
  std::size_t lanes_wanted = 0;
  {
    const MutexLock lock(mutex_);
    const BootTime now = clock_.boot();
    const Timeline::Mapping mapping = timeline_.now();
    for (Entry& entry : entries_) {
      if (entry.due > now) continue;
      const auto every = entry.instance->options().every;
      // Whole ticks slept through: the machine was suspended, or the sampler was held up.
      const auto missed = (now - entry.due) / every;
      if (missed > 0) entry.instance->count_late(static_cast<std::uint64_t>(missed));
      entry.due = entry.instance->next_tick(now, mapping);
      if (!entry.instance->begin(now)) continue;
      if (entry.instance->options().may_block) {
        queue_.push_back(entry.instance);
      } else {
        cheap.push_back(entry.instance);
      }
    }
    if (queue_.size() > free_lanes_) {
      lanes_wanted = std::min(queue_.size() - free_lanes_, max_lanes_ - lanes_);
    }
    lanes_ += lanes_wanted;
    free_lanes_ += lanes_wanted;
  }
  queue_filled_.notify_all();
  for (; lanes_wanted > 0; --lanes_wanted) start_lane_();
  for (const auto& instance : cheap) instance->run(stop);
  if (const auto why = held_up()) {
    no_lane_.failed(*why);
  } else {
    no_lane_.succeeded();
  }

  const MutexLock lock(mutex_);
  std::optional<BootTime> next;
  for (const Entry& entry : entries_) {
    if (!next || entry.due < *next) next = entry.due;
  }
  return next;
}

std::shared_ptr<Instance> Scheduler::take_queued(std::stop_token stop) {
  const MutexLock lock(mutex_);
  while (queue_.empty() && !stop.stop_requested()) queue_filled_.wait(mutex_);
  if (stop.stop_requested()) return nullptr;
  auto instance = std::move(queue_.front());
  queue_.pop_front();
  --free_lanes_;
  return instance;
}

void Scheduler::serve_lane(std::stop_token stop) {
  const std::stop_callback on_stop(stop, [this] {
    const MutexLock lock(mutex_);  // so that no lane misses it between looking and waiting
    queue_filled_.notify_all();
  });
  while (const auto instance = take_queued(stop)) {
    instance->run(stop);
    const MutexLock lock(mutex_);
    ++free_lanes_;
  }
}

std::vector<InstanceStatus> Scheduler::status() const {
  std::vector<std::shared_ptr<Instance>> instances;
  {
    const MutexLock lock(mutex_);
    for (const Entry& entry : entries_) instances.push_back(entry.instance);
  }
  std::vector<InstanceStatus> all;
  all.reserve(instances.size());
  for (const auto& instance : instances) all.push_back(instance->status());
  return all;
}

std::optional<std::string> Scheduler::held_up() const {
  const MutexLock lock(mutex_);
  const bool waits = std::any_of(queue_.begin(), queue_.end(), [](const auto& instance) {
    return instance->status().queued_for > instance->options().deadline;
  });
  if (!waits) return std::nullopt;
  return "drivers that hang hold all " + std::to_string(max_lanes_) + " lanes; others wait for one";
}

std::size_t Scheduler::lanes() const {
  const MutexLock lock(mutex_);
  return lanes_;
}

}  // namespace vigile
