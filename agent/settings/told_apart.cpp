// SPDX-License-Identifier: Apache-2.0
#include "settings/told_apart.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>

namespace vigile {

namespace {

// The metrics that rows of the settings name; absent where there are no such rows.
std::optional<std::set<std::string>> named_metrics(const DriverSettings& driver, const DriverKind& kind) {
  std::optional<std::set<std::string>> names;
  for (const OptionSpec& option : kind.table.options) {
    const bool has_names = std::any_of(option.columns.begin(), option.columns.end(),
                                       [](const OptionSpec& column) { return column.name == "name"; });
    if (option.type != OptionType::rows || !has_names || !driver.options.has(option.name)) continue;
    if (!names) names.emplace();
    for (const Options& row : driver.options.rows(option.name)) names->insert(row.text("name"));
  }
  return names;
}

bool have_one_in_common(const std::set<std::string>& some, const std::set<std::string>& others) {
  return std::any_of(some.begin(), some.end(),
                     [&](const std::string& name) { return others.count(name) > 0; });
}

bool may_write_the_same(const DriverSettings& one, const DriverSettings& other, const DriverKind& kind) {
  if (one.driver != other.driver || one.tags != other.tags || one.metrics != other.metrics) return false;
  if (kind.series == nullptr ? one.options != other.options
                             : kind.series(one.options) != kind.series(other.options))
    return false;
  const auto names = named_metrics(one, kind);
  const auto other_names = named_metrics(other, kind);
  if (!names && !other_names) return true;
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
