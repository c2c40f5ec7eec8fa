// SPDX-License-Identifier: Apache-2.0
#include "app/limit_check.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "core/nearest.h"
#include "drivers/registry.h"
#include "sampling/metric_selection.h"
#include "settings/limit_key.h"

namespace vigile {

namespace {

using Names = std::set<std::string>;

// The names in the column `name` of the options that are lists of entries.
void add_names_of_rows(const Options& options, Names& names) {
  for (const auto& [name, value] : options.values()) {
    const auto* const rows = std::get_if<std::vector<Options>>(&value);
    if (rows == nullptr) continue;
    for (const Options& row : *rows) {
      const auto cell = row.values().find("name");
      if (cell == row.values().end()) continue;
      const auto* const text = std::get_if<std::string>(&cell->second);
      if (text == nullptr) continue;
      names.insert(*text);
      if (row.has("count")) names.insert(*text + "_rate");  // of gpio
    }
  }
}

// What an instance makes, under the names it has after `only`, `except` and `rename`; absent: not known
// before it runs.
std::optional<Names> names_made_by(const DriverSettings& driver) {
  const DriverInfo* const info = find_driver(driver.driver);
  if (info == nullptr || !info->missing.empty()) return std::nullopt;
  if (!info->named_metrics.empty() && !info->named_by_rows) return std::nullopt;
  Names own;
  for (const MetricSpec& metric : info->metrics) own.emplace(metric.name);
  add_names_of_rows(driver.options, own);
  MetricSelection selection(driver.metrics);
  Names names;
  for (const std::string& name : own) {
    if (const std::string* const selected = selection.name_of(name)) names.insert(*selected);
  }
  return names;
}

std::optional<Names> names_made_for(const EquipmentSettings& equipment) {
  if (equipment.drivers.empty() || equipment.has_skipped_drivers) return std::nullopt;
  Names all;
  for (const DriverSettings& driver : equipment.drivers) {
    auto names = names_made_by(driver);
    if (!names) return std::nullopt;
    all.merge(*names);
  }
  return all;
}

}  // namespace

std::vector<SettingsError> limits_on_nothing(const Settings& settings) {
  std::vector<SettingsError> problems;
  for (const EquipmentSettings& equipment : settings.equipment) {
    const auto names = names_made_for(equipment);
    if (!names) continue;
    const std::vector<std::string_view> known(names->begin(), names->end());
    for (const WarningLimit& limit : equipment.warnings) {
      if (limit.is_recorded || names->contains(limit.metric)) continue;
      problems.push_back({limit.place, "warning on \"" + format_limit_key(limit.metric, limit.tags) +
                                           "\": no driver of equipment \"" + equipment.id +
                                           "\" makes this metric" + suggestion(limit.metric, known, "made") +
                                           "; one that programs record over the API has recorded: true"});
    }
  }
  return problems;
}

std::vector<SettingsError> rules_without_effect(const Settings& settings) {
  std::vector<SettingsError> problems;
  for (const EquipmentSettings& equipment : settings.equipment) {
    for (const DriverSettings& driver : equipment.drivers) {
      const bool forwards = driver.options.has("forward") && driver.options.flag("forward");
      if (!forwards || (driver.metrics == MetricRules{} && driver.report == ReportRules{})) continue;
      problems.push_back(
          {driver.place, driver.name + ": only, except, rename and report have no effect on the lines of "
                                       "other agents that `forward` hands on; they go in the settings of "
                                       "those agents"});
    }
  }
  return problems;
}

}  // namespace vigile
