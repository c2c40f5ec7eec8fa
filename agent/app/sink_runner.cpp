// SPDX-License-Identifier: Apache-2.0
#include "app/sink_runner.h"

#include <random>

namespace vigile {

namespace {

constexpr auto kGoodbye = std::chrono::seconds(2);

DeliveryOptions delivery_options(const SinkSettings& settings) {
  DeliveryOptions options;
  options.sink = settings.name;
  options.every = settings.every;
  options.live_first = settings.order == DeliveryOrder::live_first;
  options.batch_bytes = settings.batch_bytes;
  options.backlog_bytes_per_second = settings.backlog_bytes_per_second;
  options.seed = std::random_device()();
  return options;
}

}  // namespace

SinkRunner::SinkRunner(const SinkSettings& settings, std::unique_ptr<Sink> sink, Log& log,
                       WaitingReadings& waiting, const Clock& clock)
    : settings_(settings),
      clock_(clock),
      sink_(std::move(sink)),
      delivery_(Delivery::make(delivery_options(settings), log, *sink_, clock, &waiting)) {}

void SinkRunner::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    heartbeat_.busy(clock_.boot());
    const BootTime next = delivery_->step(stop);
    heartbeat_.idle(next);
    wakeup_.wait_until(clock_, next, stop);
  }
  delivery_->send_waiting();
  sink_->close(kGoodbye);
}

void SinkRunner::flush() {
  delivery_->flush();
  wakeup_.notify();
}

}  // namespace vigile
