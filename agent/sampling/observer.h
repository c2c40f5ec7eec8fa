// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/clock.h"
#include "drivers/driver.h"

namespace vigile {

// Sees what instances see, to decide the status of their equipment. Called from the thread that ran the
// driver, before its lines are committed; must not block on the disk.
class SampleObserver {
 public:
  virtual ~SampleObserver() = default;
  // Of an instance that decides availability: once a run; also for one that is stuck past its deadline.
  virtual void availability(std::string_view equipment_id, std::string_view instance, bool up,
                            std::string_view reason, BootTime at) = 0;
  // Each numeric value that is read.
  virtual void value(std::string_view equipment_id, std::string_view metric, std::span<const Tag> tags, double value,
                     BootTime at) = 0;
};

}  // namespace vigile
