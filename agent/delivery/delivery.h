// SPDX-License-Identifier: Apache-2.0
// The loop that carries segments from the log to one sink (DESIGN §7): batch, retry, isolate, pace. Knows no
// protocol. A step does one thing and says when it wants to be called again, so a test is the clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "sinks/sink.h"
#include "store/log.h"
#include "store/waiting_readings.h"

namespace vigile {

struct DeliveryOptions {
  std::string sink;  // name, as in the log's progress
  std::chrono::nanoseconds every = std::chrono::seconds(10);
  bool live_first = false;
  std::uint64_t batch_bytes = std::uint64_t{1} << 20;  // of lines; the ceiling, less is learned
  std::uint64_t backlog_bytes_per_second = 0;          // live_first: rate of the backlog; 0: unlimited
  std::uint64_t seed = 0;                              // of the jitter
  std::uint64_t isolation_requests = 2000;             // at most, to find the bad lines of one batch
};

struct DeliveryStatus {
  enum class State { starting, idle, delivering, retrying, waiting, paused, conflict };
  State state = State::starting;
  std::string reason;  // of retrying, waiting (told to by the server), paused, conflict (readings may arrive)
  std::optional<WallTime> last_acknowledged;
  std::optional<BootTime> next_try;
  std::uint64_t delivered_points = 0;  // since start, like the rest
  std::uint64_t delivered_bytes = 0;   // of lines
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t batch_bytes = 0;  // the limit now
  std::uint64_t conflicts = 0;    // connections lost to another client of the same name
};

class Delivery {
 public:
  // References outlive it. `waiting`: what the log cannot take, if there may be any. It goes first at each
  // flush, whatever the order: the log's readings are safe, those in memory are not.
  static std::unique_ptr<Delivery> make(const DeliveryOptions& options, Log& log, Sink& sink,
                                        const Clock& clock, WaitingReadings* waiting = nullptr);
  virtual ~Delivery() = default;

  // Sends at most one batch, or isolates the bad lines of one. Returns when to call again (a time that has
  // passed: at once). The sink's thread alone.
  virtual BootTime step(std::stop_token stop) = 0;
  // At the end: sends what waits in memory because the log has not taken it, until a try fails. The sink's
  // thread.
  virtual void send_waiting() = 0;
  // Makes the next step deliver at once what there is, whatever the interval, backoff or pause say. Any
  // thread; wake the loop's thread after it.
  virtual void flush() = 0;
  // Any thread.
  virtual DeliveryStatus status() const = 0;
};

}  // namespace vigile
