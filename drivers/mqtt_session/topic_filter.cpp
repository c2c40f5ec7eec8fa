// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt_session/topic_filter.h"

#include <algorithm>

namespace vigile::mqtt_session {

namespace {

constexpr std::string_view kShare = "$share/";
constexpr std::size_t kMostLevels = 7;

std::string_view without_group(std::string_view filter) {
  if (!is_shared(filter)) return filter;
  const std::size_t slash = filter.find('/', kShare.size());
  return slash == std::string_view::npos ? std::string_view() : filter.substr(slash + 1);
}

bool is_wildcard(std::string_view level) {
  return level == "+" || level == "#";
}

}  // namespace

std::vector<std::string_view> topic_levels(std::string_view topic) {
  std::vector<std::string_view> levels;
  for (;;) {
    const std::size_t slash = topic.find('/');
    levels.push_back(topic.substr(0, slash));
    if (slash == std::string_view::npos) return levels;
    topic.remove_prefix(slash + 1);
  }
}

bool is_shared(std::string_view filter) {
  return filter.starts_with(kShare);
}

bool matches(std::string_view filter, std::string_view topic) {
  return covers(without_group(filter), topic);
}

bool covers(std::string_view wide, std::string_view narrow) {
  const auto wide_levels = topic_levels(wide);
  const auto narrow_levels = topic_levels(narrow);
  // A wildcard at the first level does not mean topics that begin with $.
  if (narrow.starts_with('$') && is_wildcard(wide_levels[0])) return false;
  for (std::size_t i = 0; i < wide_levels.size(); ++i) {
    if (wide_levels[i] == "#") return true;  // "a/#" is "a", too
    if (i == narrow_levels.size() || narrow_levels[i] == "#") return false;
    if (wide_levels[i] != "+" && wide_levels[i] != narrow_levels[i]) return false;
  }
  return wide_levels.size() == narrow_levels.size();
}

std::vector<std::string> without_covered(const std::vector<std::string>& filters) {
  std::vector<std::string> needed;
  for (std::size_t i = 0; i < filters.size(); ++i) {
    bool is_covered = false;
    for (std::size_t other = 0; other < filters.size() && !is_covered; ++other) {
      if (other == i) continue;
      if (filters[other] == filters[i]) {
        is_covered = other < i;
      } else if (!is_shared(filters[other]) && !is_shared(filters[i])) {
        is_covered = covers(filters[other], filters[i]);
      }
    }
    if (!is_covered) needed.push_back(filters[i]);
  }
  return needed;
}

std::vector<std::string> filters_of(std::string_view topic) {
  const auto levels = topic_levels(topic);
  const bool has_plus = levels.size() <= kMostLevels;
  std::vector<std::string> filters;
  std::vector<std::string> beginnings = {""};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const bool may_be_wild = i > 0 || !topic.starts_with('$');
    std::vector<std::string> longer;
    for (const std::string& beginning : beginnings) {
      if (may_be_wild) filters.push_back(beginning + "#");
      if (may_be_wild && has_plus) longer.push_back(beginning + "+/");
      longer.push_back(beginning + std::string(levels[i]) + "/");
    }
    beginnings = std::move(longer);
  }
  for (std::string& whole : beginnings) {
    filters.push_back(whole + "#");
    whole.pop_back();
    filters.push_back(std::move(whole));
  }
  return filters;
}

std::uint32_t subscription_id(std::string_view filter) {
  // FNV-1a.
  std::uint32_t hash = 2166136261U;
  for (const char c : filter) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
  const std::uint32_t id = (hash ^ hash >> 28) & 0x0fffffffU;
  return std::max(id, std::uint32_t{1});
}

}  // namespace vigile::mqtt_session
