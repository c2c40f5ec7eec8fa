// SPDX-License-Identifier: Apache-2.0
#include "drivers/listen/statsd.h"

#include <algorithm>
#include <cmath>

namespace vigile::listen {

namespace {

constexpr double kPercentile = 0.95;

}  // namespace

Statsd::State* Statsd::state_of(const StatsdLine& line, StatsdType type) {
  std::string key(1, static_cast<char>('0' + static_cast<int>(type)));
  key += line.name;
  for (const auto& [tag, text] : line.tags) key += '\0' + tag + '\0' + text;
  if (line.time_s) key += '\0' + std::to_string(*line.time_s);
  const auto found = series_.find(key);
  if (found != series_.end()) return &found->second;
  if (series_.size() >= kMostSeries) return nullptr;
  State made{};
  made.type = type;
  made.name = line.name;
  made.tags = line.tags;
  made.time_s = line.time_s;
  return &series_.emplace(std::move(key), std::move(made)).first->second;
}

Result<void> Statsd::add(const StatsdLine& line) {
  for (const StatsdValue& value : line.values) {
    State* const state = state_of(line, value.type);
    if (state == nullptr) return Error{ErrorKind::full, "is one series too many: at most 2000 are kept"};
    if (value.type == StatsdType::set) {
      if (state->members.size() < kMostMembers) state->members.emplace(value.member);
      ++state->seen;
    } else if (value.type == StatsdType::gauge) {
      set_gauge(*state, value);
    } else {
      gather(*state, value.number, value.rate);
    }
  }
  return {};
}

void Statsd::set_gauge(State& state, const StatsdValue& value) const {
  // Only DogStatsD's clients send a time.
  const bool is_change = value.has_sign && dialect_ == StatsdDialect::statsd && !state.time_s;
  const double sum = is_change ? state.sum + value.number : value.number;
  if (std::isfinite(sum)) state.sum = sum;
  ++state.seen;
}

void Statsd::gather(State& state, double value, double rate) {
  const double weight = 1 / rate;
  state.least = state.seen == 0 ? value : std::min(state.least, value);
  state.most = state.seen == 0 ? value : std::max(state.most, value);
  state.sum += value * weight;
  state.count += weight;
  ++state.seen;
  if (state.type != StatsdType::timer) return;
  if (state.times.size() < kMostTimes) {
    state.times.push_back(value);
    return;
  }
  // Each is kept with the same chance (reservoir sampling).
  random_ = random_ * 6364136223846793005U + 1442695040888963407U;
  const auto at = static_cast<std::size_t>((random_ >> 33) % state.seen);
  if (at < kMostTimes) state.times[at] = value;
}

std::vector<StatsdSeries::Figure> Statsd::figures_of(State& state) {
  if (state.type == StatsdType::set) return {{"", static_cast<double>(state.members.size())}};
  if (state.type != StatsdType::timer) return {{"", state.sum}};
  std::sort(state.times.begin(), state.times.end());
  const auto rank =
      static_cast<std::size_t>(std::ceil(kPercentile * static_cast<double>(state.times.size())));
  return {{"_count", state.count},
          {"_mean", state.sum / state.count},
          {"_min", state.least},
          {"_max", state.most},
          {"_p95", state.times[std::max<std::size_t>(rank, 1) - 1]}};
}

std::vector<StatsdSeries> Statsd::take() {
  std::vector<StatsdSeries> all;
  for (auto at = series_.begin(); at != series_.end();) {
    State& state = at->second;
    if (state.seen > 0) {
      StatsdSeries series{state.name, state.tags, state.time_s, figures_of(state)};
      std::erase_if(series.figures, [](const auto& figure) { return !std::isfinite(figure.value); });
      if (!series.figures.empty()) all.push_back(std::move(series));
    }
    if (state.type == StatsdType::gauge && !state.time_s) {
      state.seen = 0;
      ++at;
    } else {
      at = series_.erase(at);
    }
  }
  return all;
}

}  // namespace vigile::listen
