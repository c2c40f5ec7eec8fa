// SPDX-License-Identifier: Apache-2.0
#include "settings/told_apart.h"

#include <fnmatch.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

namespace vigile {

namespace {

bool matches(const std::string& pattern, const std::string& name) {
  return pattern == name || ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

// Whether some name may match both patterns: one matches the other's text, or both begin alike up to their
// first wildcard.
bool may_meet(const std::string& one, const std::string& other) {
  if (matches(one, other) || matches(other, one)) return true;
  const std::size_t end = one.find_first_of("*?[");
  const std::size_t other_end = other.find_first_of("*?[");
  if (end == std::string::npos || other_end == std::string::npos) return false;
  const std::size_t common = std::min(end, other_end);
  return one.compare(0, common, other, 0, common) == 0;
}

// The name that a metric, or the metrics of a pattern, go on under; absent: none does.
std::optional<std::string> name_under(const MetricRules& rules, const std::string& metric) {
  const auto is_meant = [&](const std::string& pattern) { return may_meet(pattern, metric); };
  const auto is_left_out = [&](const std::string& pattern) { return matches(pattern, metric); };
  if (!rules.only.empty() && std::none_of(rules.only.begin(), rules.only.end(), is_meant))
    return std::nullopt;
  if (std::any_of(rules.except.begin(), rules.except.end(), is_left_out)) return std::nullopt;
  const auto renamed = rules.rename.find(metric);
  return renamed == rules.rename.end() ? metric : renamed->second;
}

// Whether one of the metrics that `one` chooses by `only` may have the name of one that `other` lets on.
bool have_a_choice_in_common(const MetricRules& one, const MetricRules& other) {
  return std::any_of(one.only.begin(), one.only.end(), [&](const std::string& metric) {
    const auto name = name_under(one, metric);
    if (!name) return false;
    if (!other.only.empty()) {
      return std::any_of(other.only.begin(), other.only.end(), [&](const std::string& chosen) {
        const auto others = name_under(other, chosen);
        return others && may_meet(*name, *others);
      });
    }
    return name_under(other, metric) == name;
  });
}

bool may_have_a_name_in_common(const MetricRules& one, const MetricRules& other) {
  if (one.only.empty() && other.only.empty()) return true;
  return one.only.empty() ? have_a_choice_in_common(other, one) : have_a_choice_in_common(one, other);
}

// The names of the metrics that rows of the settings name; absent where there are no such rows.
std::optional<std::set<std::string>> named_metrics(const DriverSettings& driver, const DriverKind& kind) {
  std::optional<std::set<std::string>> names;
  for (const OptionSpec& option : kind.table.options) {
    const bool has_names = std::any_of(option.columns.begin(), option.columns.end(),
                                       [](const OptionSpec& column) { return column.name == "name"; });
    if (option.type != OptionType::rows || !has_names || !driver.options.has(option.name)) continue;
    if (!names) names.emplace();
    for (const Options& row : driver.options.rows(option.name)) {
      if (const auto name = name_under(driver.metrics, row.text("name"))) names->insert(*name);
    }
  }
  return names;
}

bool have_one_in_common(const std::set<std::string>& some, const std::set<std::string>& others) {
  return std::any_of(some.begin(), some.end(),
                     [&](const std::string& name) { return others.count(name) > 0; });
}

bool may_write_the_same(const DriverSettings& one, const DriverSettings& other, const DriverKind& kind) {
  if (one.driver != other.driver || one.tags != other.tags) return false;
  if (kind.series == nullptr ? one.options != other.options
                             : kind.series(one.options) != kind.series(other.options))
    return false;
  const auto names = named_metrics(one, kind);
  const auto other_names = named_metrics(other, kind);
  if (!names && !other_names) return may_have_a_name_in_common(one.metrics, other.metrics);
  return names && other_names && have_one_in_common(*names, *other_names);
}

}  // namespace

void tell_apart(std::vector<DriverSettings>& drivers, const SettingsCatalog& catalog) {
  std::set<std::size_t> alike;
  for (std::size_t i = 0; i < drivers.size(); ++i) {
    const auto kind =
        std::find_if(catalog.drivers.begin(), catalog.drivers.end(),
                     [&](const DriverKind& one) { return one.table.kind == drivers[i].driver; });
    if (kind == catalog.drivers.end()) continue;
    for (std::size_t j = 0; j < i; ++j) {
      if (may_write_the_same(drivers[j], drivers[i], *kind)) alike.insert({i, j});
    }
  }
  for (const std::size_t i : alike) drivers[i].tags.emplace("instance", drivers[i].name);
}

}  // namespace vigile
