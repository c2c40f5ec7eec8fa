// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "app/heartbeat.h"
#include "core/clock.h"
#include "equipment/directory.h"
#include "equipment/summary_keeper.h"
#include "store/log.h"

namespace vigile {

// The loop of the thread that does what time brings about: limits held long enough, maintenance that ends,
// hours to be summarised.
class Upkeep {
 public:
  Upkeep(EquipmentDirectory& directory, SummaryKeeper& keeper, Log& log, const Clock& clock)
      : directory_(directory), keeper_(keeper), log_(log), clock_(clock) {}

  void run(std::stop_token stop);
  const Heartbeat& heartbeat() const { return heartbeat_; }

 private:
  bool log_turns_over() const;

  EquipmentDirectory& directory_;
  SummaryKeeper& keeper_;
  Log& log_;
  const Clock& clock_;
  BootTime look_at_{};  // when the log's size is looked at next
  Heartbeat heartbeat_;
};

}  // namespace vigile
