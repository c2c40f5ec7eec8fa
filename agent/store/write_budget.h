// SPDX-License-Identifier: Apache-2.0
// How often to commit so that a day's writes to flash stay within a budget (store.write_budget). A commit
// costs whole pages whatever it holds, so fewer of them write less; what is lost when the power goes is then
// up to one interval of readings: the loss window.
//
// The budget counts by calendar day (UTC): what is left of it is spread evenly over what is left of the day,
// and the interval follows, by at most a factor of two at a time. A day in which the agent starts, or the
// clock is set, has its share of the budget from then on.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/clock.h"

namespace vigile {

struct WriteBudgetOptions {
  std::uint64_t bytes_a_day = 0;  // 0: no budget
  std::chrono::nanoseconds commit_every = std::chrono::seconds(1);
  std::chrono::nanoseconds commit_every_max = std::chrono::minutes(5);  // widest; never below commit_every
};

struct WriteBudgetStatus {
  std::uint64_t bytes_a_day = 0;           // 0: no budget
  std::chrono::nanoseconds loss_window{};  // the commit interval in force
  bool is_exceeded = false;                // at the widest, and still more is written than the budget allows
};

// Pure: time and the kernel's count are given to it. Used under a lock, or by one thread.
class WriteBudget {
 public:
  explicit WriteBudget(const WriteBudgetOptions& options);

  void set_options(const WriteBudgetOptions& options);
  // `written_bytes`: by this process since its start. To be called when due(); in between it does nothing.
  // Returns the interval in force.
  std::chrono::nanoseconds update(BootTime now, WallTime wall, std::uint64_t written_bytes);
  // When update() wants to be called again; absent without a budget.
  std::optional<BootTime> due() const;
  const WriteBudgetStatus& status() const { return status_; }

 private:
  std::chrono::nanoseconds widest() const;

  WriteBudgetOptions options_;
  WriteBudgetStatus status_;
  std::optional<BootTime> looked_at_;
  std::uint64_t looked_bytes_ = 0;
  std::int64_t day_ = 0;
  double day_allowance_ = 0;  // of the rest of the day, when it or the agent began
  std::uint64_t day_bytes_ = 0;
};

}  // namespace vigile
