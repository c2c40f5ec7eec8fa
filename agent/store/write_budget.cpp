// SPDX-License-Identifier: Apache-2.0
#include "store/write_budget.h"

#include <algorithm>

namespace vigile {

namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kLookEvery = std::chrono::seconds(5);
constexpr int kCommitsALook = 8;  // enough to tell what a commit costs
constexpr double kDaySeconds = 86'400;
constexpr double kMostStep = 2;
constexpr double kSpare = 0.9;  // of the budget: summaries and checkpoints come in lumps

double seconds(nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

WriteBudget::WriteBudget(const WriteBudgetOptions& options) : options_(options) {
  status_.bytes_a_day = options.bytes_a_day;
  status_.loss_window = options.commit_every;
}

nanoseconds WriteBudget::widest() const {
  return std::max(options_.commit_every, options_.commit_every_max);
}

void WriteBudget::set_options(const WriteBudgetOptions& options) {
  const bool is_other = options.bytes_a_day != options_.bytes_a_day;
  options_ = options;
  status_.bytes_a_day = options.bytes_a_day;
  status_.loss_window = std::clamp(status_.loss_window, options.commit_every, widest());
  if (options.bytes_a_day == 0) {
    status_.loss_window = options.commit_every;
    status_.is_exceeded = false;
  }
  if (is_other) {
    day_ = 0;
    looked_at_.reset();
  }
}

std::optional<BootTime> WriteBudget::due() const {
  if (options_.bytes_a_day == 0) return std::nullopt;
  if (!looked_at_) return BootTime{};
  return *looked_at_ + std::max(kLookEvery, kCommitsALook * std::min(status_.loss_window, widest() / 4));
}

nanoseconds WriteBudget::update(BootTime now, WallTime wall, std::uint64_t written_bytes) {
  const auto next = due();
  if (!next || now < *next) return status_.loss_window;
  const auto day = std::chrono::floor<std::chrono::days>(wall);
  const std::int64_t day_number = day.time_since_epoch().count() + 1;
  const double left = std::max(1.0, seconds(day + std::chrono::days(1) - wall));
  if (day_number != day_) {
    day_ = day_number;
    day_allowance_ = static_cast<double>(options_.bytes_a_day) * kSpare * left / kDaySeconds;
    day_bytes_ = looked_at_ ? looked_bytes_ : written_bytes;
  }
  if (looked_at_) {
    const double rate = static_cast<double>(written_bytes - looked_bytes_) / seconds(now - *looked_at_);
    const double allowed =
        std::max(0.0, day_allowance_ - static_cast<double>(written_bytes - day_bytes_)) / left;
    const double factor = std::clamp(allowed > 0 ? rate / allowed : kMostStep, 1 / kMostStep, kMostStep);
    const double wanted = static_cast<double>(status_.loss_window.count()) * factor;
    status_.is_exceeded = rate > allowed && status_.loss_window == widest();
    status_.loss_window =
        std::clamp(nanoseconds(static_cast<std::int64_t>(wanted)), options_.commit_every, widest());
  }
  looked_at_ = now;
  looked_bytes_ = written_bytes;
  return status_.loss_window;
}

}  // namespace vigile
