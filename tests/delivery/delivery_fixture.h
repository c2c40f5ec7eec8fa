// SPDX-License-Identifier: Apache-2.0
// The delivery loop over a real log, with a scripted sink, and the test as the clock.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/delivery.h"
#include "store/committer.h"
#include "support/fake_clock.h"
#include "support/refusing_log.h"
#include "support/temp_dir.h"

namespace vigile {

class ScriptedSink final : public Sink {
 public:
  Outcome deliver(const Batch& batch, std::stop_token) override {
    std::string lines;
    for (const Payload& payload : batch.payloads) lines += inflate_payload(payload).value_or("?");
    ++requests;
    largest = std::max(largest, batch.raw_bytes);
    EXPECT_EQ(batch.raw_bytes, lines.size());
    EXPECT_EQ(static_cast<std::int64_t>(batch.points), std::count(lines.begin(), lines.end(), '\n'));
    const Outcome outcome = answer(lines);
    if (outcome.kind == Outcome::Kind::accepted) store(lines);
    return outcome;
  }
  void store(std::string_view lines) {
    while (!lines.empty()) {
      const std::size_t end = lines.find('\n');
      stored.emplace_back(lines.substr(0, end));
      lines.remove_prefix(end + 1);
    }
  }
  SinkConflict conflict() override { return conflict_now; }
  std::uint64_t max_batch_bytes() const override { return 8 << 20; }
  std::uint64_t least_limit_bytes() const override { return least_limit; }
  void close(std::chrono::nanoseconds) override {}

  std::function<Outcome(const std::string& lines)> answer = [](const std::string&) {
    return Outcome{.kind = Outcome::Kind::accepted};
  };
  SinkConflict conflict_now;
  std::vector<std::string> stored;
  int requests = 0;
  std::uint64_t least_limit = 0;
  std::uint64_t largest = 0;
};

inline Outcome retry(std::string why = "down") {
  return {.kind = Outcome::Kind::retry_later, .message = std::move(why)};
}

// Of lines, those that do not say "bad".
inline std::string without_bad(std::string lines) {
  for (std::size_t at = 0; (at = lines.find("bad")) != std::string::npos;) {
    lines.erase(at, lines.find('\n', at) + 1 - at);
  }
  return lines;
}

class DeliveryTest : public ::testing::Test {
 protected:
  DeliveryTest() { EXPECT_TRUE(log_->set_sinks({"s"})); }
  void make(DeliveryOptions options = {}) {
    options.sink = "s";
    delivery_ = Delivery::make(options, *log_, sink_, clock_, &committer_);
  }
  // From here on readings are added to what the log takes when it can.
  void break_log(bool broken) { refuse_writes(dir_ / "log.db", broken); }
  void add(const std::string& lines) {
    committer_.add(ClockState::set, 1, 1,
                   static_cast<std::uint32_t>(std::count(lines.begin(), lines.end(), '\n')), lines);
  }
  // The delivery, and the log's writer beside it.
  void run_both_for(std::chrono::nanoseconds time) {
    for (const BootTime end = clock_.boot() + time; clock_.boot() < end;) {
      (void)committer_.step(clock_.boot());
      run_for(std::chrono::seconds(1));
    }
  }
  void append(int points) {
    NewSegment made{.first_ns = to_ns(clock_.wall()),
                    .last_ns = to_ns(clock_.wall()),
                    .points = static_cast<std::uint32_t>(points)};
    for (int i = 0; i < points; ++i) made.lines += "m v=" + std::to_string(++line_) + " 1\n";
    ASSERT_TRUE(log_->append(made));
  }
  // Steps until `until`, moving the clock from one wish to the next.
  void run_to(BootTime until) {
    for (int steps = 0; steps < 100000; ++steps) {
      const BootTime next = delivery_->step({});
      if (next > until) break;
      clock_.advance_to(next);
    }
    clock_.advance_to(until);
  }
  void run_for(std::chrono::nanoseconds time) { run_to(clock_.boot() + time); }
  std::uint64_t backlog() { return log_->status().sinks.at(0).points; }

  TempDir dir_;
  FakeClock clock_;
  std::unique_ptr<Log> log_ = std::move(*Log::open({.path = dir_ / "log.db"}, clock_));
  Committer committer_{*log_, {}, clock_, [](std::uint64_t, std::string_view) {}, [] {}};
  ScriptedSink sink_;
  std::unique_ptr<Delivery> delivery_;
  int line_ = 0;
};

}  // namespace vigile
