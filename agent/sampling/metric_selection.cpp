// SPDX-License-Identifier: Apache-2.0
#include "sampling/metric_selection.h"

#include <fnmatch.h>

#include <algorithm>
#include <utility>

namespace vigile {

namespace {

constexpr std::size_t kMostKnown = 4096;  // past it they are decided anew

bool matches(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
  });
}

}  // namespace

bool MetricSelection::has_rules() const {
  return !rules_.only.empty() || !rules_.except.empty() || !rules_.rename.empty();
}

std::optional<std::string> MetricSelection::decide(const std::string& metric) const {
  if (!rules_.only.empty() && !matches(rules_.only, metric)) return std::nullopt;
  if (matches(rules_.except, metric)) return std::nullopt;
  const auto renamed = rules_.rename.find(metric);
  return renamed != rules_.rename.end() ? renamed->second : metric;
}

const std::string* MetricSelection::name_of(std::string_view metric) {
  key_.assign(metric);
  auto found = known_.find(key_);
  if (found == known_.end()) {
    if (known_.size() >= kMostKnown) known_.clear();
    found = known_.emplace(key_, decide(key_)).first;
  }
  return found->second ? &*found->second : nullptr;
}

}  // namespace vigile
