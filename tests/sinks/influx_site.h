// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "delivery/delivery.h"
#include "sinks/influx/influx.h"
#include "sinks/sink_batch.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace vigile {

// A log, an InfluxDB sink, and the real delivery between them; the test is the clock of their waits.
class InfluxSite {
 public:
  explicit InfluxSite(std::map<std::string, OptionValue> written, DeliveryOptions options = {}) {
    auto log = Log::open({.path = directory_ / "log.db"}, clock_);
    auto made = kInfluxSink.make(options_with_defaults(kInfluxSink.options, written),
                                 {clock_, "central", "12", "press-07"});
    if (!log) throw std::runtime_error(log.error().message);
    if (!made) throw std::runtime_error(made.error().message);
    log_ = std::move(*log);
    sink_ = std::move(*made);
    if (!log_->set_sinks({"central"})) throw std::runtime_error("set_sinks");
    options.sink = "central";
    options.every = std::chrono::seconds(1);
    delivery_ = Delivery::make(options, *log_, *sink_, clock_);
  }

  // One segment.
  void append(const std::string& lines) {
    NewSegment made{.first_ns = to_ns(clock_.wall()), .last_ns = to_ns(clock_.wall()), .lines = lines};
    made.points = static_cast<std::uint32_t>(std::count(lines.begin(), lines.end(), '\n'));
    ASSERT_TRUE(log_->append(made));
  }
  // One try, now.
  DeliveryStatus try_once() {
    delivery_->flush();
    delivery_->step({});
    return status();
  }
  // Steps, moving the clock from one wish to the next, until all is delivered. False: it is not after so
  // many.
  bool drain(int steps = 20000) {
    for (; steps > 0 && backlog() > 0; --steps) clock_.advance_to(delivery_->step({}));
    return backlog() == 0;
  }
  std::uint64_t backlog() const { return log_->status().sinks.at(0).points; }
  DeliveryStatus status() const { return delivery_->status(); }
  std::vector<DeadLetter> letters() { return *log_->dead_letters("central", 0, 1'000'000); }
  std::multiset<std::string> letter_lines() {
    std::multiset<std::string> lines;
    for (const DeadLetter& letter : letters()) lines.insert(letter.line);
    return lines;
  }
  FakeClock& clock() { return clock_; }
  Log& log() { return *log_; }
  Sink& sink() { return *sink_; }
  Delivery& delivery() { return *delivery_; }

 private:
  TempDir directory_;
  FakeClock clock_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Delivery> delivery_;
};

}  // namespace vigile
