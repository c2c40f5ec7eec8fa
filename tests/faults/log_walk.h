// SPDX-License-Identifier: Apache-2.0
// A life of a log as a list of random actions on a disk in memory, each checked against what it promised.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>

#include "log_state.h"
#include "support/fake_clock.h"

namespace vigile {

// One action: tried until it succeeds, then `done`. What it came to is in the state.
struct Action {
  std::string name;
  std::function<Result<void>()> run;
  std::function<void()> done = [] {};
  // What it adds, if it succeeds.
  std::shared_ptr<std::uint64_t> points = std::make_shared<std::uint64_t>(0);
  std::uint64_t offered = 0;  // points, unless the newest are dropped
  std::size_t changes = 0;
  std::size_t letters = 0;
  std::map<std::uint64_t, std::uint64_t> summarised = {};  // points by segment, which may be gone by now
  bool forgets = false;                                    // readings, changes and the like, on request
};

class LogWalk {
 public:
  LogWalk(PowerCutDisk& disk, std::uint64_t seed, std::uint64_t max_size_bytes, Overflow overflow);

  Action open();    // an action like others: the log is closed before
  Action next();    // whatever comes
  Action repair();  // sets the clock
  Action set_limits(std::uint64_t max_size_bytes);
  Action append(std::uint32_t points, std::size_t filler = 0);

  std::unique_ptr<Log>& log() { return log_; }
  LogState& state() { return state_; }
  FakeClock& clock() { return clock_; }
  const LogOptions& options() const { return options_; }
  std::mt19937_64& random() { return random_; }
  // Ends the process: nothing in memory is left. The disk holds what it is given.
  void crash(const PowerCutDisk::Image& image);
  void close();
  Action large_append();
  // Reads the log again after an action; "" or what is wrong.
  std::string settle(const LogState& before, const Action& action);
  void reboot() { clock_.reboot("boot-" + std::to_string(++number_)); }
  void forget_what_waits();  // what a crash does to progress in memory, and to summaries being made

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  Action append_changes_only();
  Action acknowledge(const std::string& sink, bool with_letters);
  Action fold();
  Action store_folded();
  Action maintain();
  Action remove();
  Action flush();
  Action append_made(NewSegment made);
  void all_written() { state_.written = state_.acknowledged; }

  PowerCutDisk& disk_;
  std::mt19937_64 random_;
  FakeClock clock_;
  LogOptions options_;
  std::unique_ptr<Log> log_;
  LogState state_;
  bool is_set_ = true;
  std::uint64_t number_ = 0;
  std::map<std::int64_t, Sum> folding_;
  SeqRanges folded_;
  std::map<std::uint64_t, std::uint64_t> folded_points_;  // by segment
};

}  // namespace vigile
