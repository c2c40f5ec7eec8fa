// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "core/clock.h"
#include "core/tag.h"

namespace vigile {

// Sees what instances see, to decide the status of their equipment. Called from the thread that ran the
// driver, before its lines are committed; must not block on the disk. Views last until it returns.
class SampleObserver {
 public:
  virtual ~SampleObserver() = default;
  // Of an instance that decides availability: once a run; also, not up, at each tick that finds the last run
  // past its deadline. That comes from the sampler's thread with the scheduler locked.
  virtual void availability(std::string_view equipment_id, std::string_view instance, bool up,
                            std::string_view reason, BootTime at) = 0;
  // Each number that is read; a bool is 1 or 0. The tags are the sample's and, after them, those of the
  // settings (the instance's and the equipment's): together what tells the series apart, in no promised
  // order.
  virtual void value(std::string_view equipment_id, std::string_view metric, std::span<const Tag> tags,
                     double value, BootTime at) = 0;
};

}  // namespace vigile
