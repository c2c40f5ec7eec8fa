// SPDX-License-Identifier: Apache-2.0
#include "drivers/listen/statsd.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace vigile::listen {

namespace {

constexpr std::size_t kLongestName = 200;
constexpr std::size_t kMostTags = 16;
constexpr double kPercentile = 0.95;

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

std::string_view take_part(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(text.size(), at + 1));
  return part;
}

Error bad(std::string_view what) {
  return Error{ErrorKind::parse, std::string(what)};
}

Result<void> read_tags(std::string_view text, std::vector<std::pair<std::string, std::string>>& tags) {
  while (!text.empty()) {
    std::string_view tag = take_part(text, ',');
    if (tag.empty()) continue;
    if (tags.size() >= kMostTags) return bad("has more than 16 tags");
    const std::string_view key = take_part(tag, ':');
    if (key.empty() || key.size() > kLongestName || tag.size() > kLongestName)
      return bad("has a tag that is not like key:value");
    tags.emplace_back(key, tag.empty() ? "true" : tag);
  }
  std::sort(tags.begin(), tags.end());
  return {};
}

}  // namespace

Result<void> Statsd::add(std::string_view line) {
  const std::size_t bar = line.find('|');
  const std::size_t colon = line.substr(0, bar).rfind(':');
  if (bar == std::string_view::npos || colon == std::string_view::npos || colon == 0)
    return bad("is not like name:1|c, name:21.5|g, name:12|ms or name:x|s");
  State read{};
  read.name = line.substr(0, colon);
  if (read.name.size() > kLongestName) return bad("has a name of more than 200 bytes");
  const std::string_view value = line.substr(colon + 1, bar - colon - 1);
  std::string_view rest = line.substr(bar + 1);
  const std::string_view type = take_part(rest, '|');
  using Type = StatsdSeries::Type;
  if (type == "c") {
    read.type = Type::counter;
  } else if (type == "g") {
    read.type = Type::gauge;
  } else if (type == "ms" || type == "h" || type == "d") {
    read.type = Type::timer;
  } else if (type == "s") {
    read.type = Type::set;
  } else {
    return bad("has a type that is none of c, g, ms, h, d, s");
  }
  double rate = 1;
  while (!rest.empty()) {
    const std::string_view part = take_part(rest, '|');
    if (part.starts_with('@')) {
      const auto number = parse_number(part.substr(1));
      if (!number || *number <= 0 || *number > 1)
        return bad("has a rate that is not above 0 and at most 1, as @0.1");
      rate = *number;
    } else if (part.starts_with('#')) {
      if (auto done = read_tags(part.substr(1), read.tags); !done) return done;
    }
    // Others are of newer clients (container, time), and say nothing here.
  }
  const auto number = read.type == Type::set ? std::optional(0.0) : parse_number(value);
  if (!number) return bad("has a value that is not a number");
  if (read.type == Type::set && (value.empty() || value.size() > kLongestName))
    return bad("has a member of 1 to 200 bytes");
  std::string key(1, static_cast<char>('0' + static_cast<int>(read.type)));
  key += read.name;
  for (const auto& [tag, text] : read.tags) key += '\0' + tag + '\0' + text;
  auto found = series_.find(key);
  if (found == series_.end()) {
    if (series_.size() >= kMostSeries)
      return Error{ErrorKind::full, "is one series too many: at most 2000 are kept"};
    found = series_.emplace(std::move(key), std::move(read)).first;
  }
  State& state = found->second;
  if (state.type == Type::set) {
    if (state.members.size() < kMostMembers) state.members.emplace(value);
    ++state.seen;
  } else if (state.type == Type::gauge) {
    const bool is_change = value.starts_with('+') || value.starts_with('-');
    const double sum = is_change ? state.sum + *number : *number;
    if (std::isfinite(sum)) state.sum = sum;
    ++state.seen;
  } else {
    gather(state, *number, rate);
  }
  return {};
}

void Statsd::gather(State& state, double value, double rate) {
  const double weight = 1 / rate;
  state.least = state.seen == 0 ? value : std::min(state.least, value);
  state.most = state.seen == 0 ? value : std::max(state.most, value);
  state.sum += value * weight;
  state.count += weight;
  ++state.seen;
  if (state.type != StatsdSeries::Type::timer) return;
  if (state.times.size() < kMostTimes) {
    state.times.push_back(value);
    return;
  }
  // Each is kept with the same chance (reservoir sampling).
  random_ = random_ * 6364136223846793005U + 1442695040888963407U;
  const auto at = static_cast<std::size_t>((random_ >> 33) % state.seen);
  if (at < kMostTimes) state.times[at] = value;
}

std::vector<StatsdSeries> Statsd::take() {
  using Type = StatsdSeries::Type;
  std::vector<StatsdSeries> all;
  for (auto at = series_.begin(); at != series_.end();) {
    State& state = at->second;
    StatsdSeries series{state.name, state.tags, {}};
    switch (state.type) {
      case Type::counter:
        series.figures = {{"", state.sum}};
        break;
      case Type::gauge:
        series.figures = {{"", state.sum}};
        break;
      case Type::set:
        series.figures = {{"", static_cast<double>(state.members.size())}};
        break;
      case Type::timer: {
        std::sort(state.times.begin(), state.times.end());
        const auto rank =
            static_cast<std::size_t>(std::ceil(kPercentile * static_cast<double>(state.times.size())));
        series.figures = {{"_count", state.count},
                          {"_mean", state.sum / state.count},
                          {"_min", state.least},
                          {"_max", state.most},
                          {"_p95", state.times[std::max<std::size_t>(rank, 1) - 1]}};
        break;
      }
    }
    std::erase_if(series.figures, [](const auto& figure) { return !std::isfinite(figure.value); });
    if (state.seen > 0 && !series.figures.empty()) all.push_back(std::move(series));
    if (state.type == Type::gauge) {
      state.seen = 0;
      ++at;
    } else {
      at = series_.erase(at);
    }
  }
  return all;
}

}  // namespace vigile::listen
