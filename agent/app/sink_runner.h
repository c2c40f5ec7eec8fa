// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <stop_token>

#include "app/heartbeat.h"
#include "core/clock.h"
#include "core/wakeup.h"
#include "delivery/delivery.h"
#include "settings/settings.h"
#include "sinks/sink.h"
#include "store/log.h"

namespace vigile {

// One sink at work: the sink, its delivery, and the loop that a thread of its own runs.
class SinkRunner {
 public:
  SinkRunner(const SinkSettings& settings, std::unique_ptr<Sink> sink, Log& log, WaitingReadings& waiting,
             const Clock& clock);

  // Delivers until stop is requested, then says goodbye. The sink's thread.
  void run(std::stop_token stop);
  // Delivers now. Any thread.
  void flush();

  const SinkSettings& settings() const { return settings_; }
  DeliveryStatus status() const { return delivery_->status(); }
  const Heartbeat& heartbeat() const { return heartbeat_; }

 private:
  const SinkSettings settings_;
  const Clock& clock_;
  const std::unique_ptr<Sink> sink_;
  const std::unique_ptr<Delivery> delivery_;
  Wakeup wakeup_;
  Heartbeat heartbeat_;
};

}  // namespace vigile
