// SPDX-License-Identifier: Apache-2.0
#include "app/limit_check.h"

#include <algorithm>
#include <map>
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

// The metrics of an equipment.
struct Made {
  Names names;                              // after `only`, `except` and `rename`
  std::map<std::string, std::string> lost;  // a driver's own name, and why no metric goes on under it
};

// Adds what an instance makes. False: that is not known before it runs.
bool add_metrics_of(const DriverSettings& driver, Made& made) {
  const DriverInfo* const info = find_driver(driver.driver);
  if (info == nullptr || !info->missing.empty()) return false;
  if (!info->named_metrics.empty() && !info->named_by_rows) return false;
  Names own;
  for (const MetricSpec& metric : info->metrics) own.emplace(metric.name);
  add_names_of_rows(driver.options, own);
  MetricSelection selection(driver.metrics);
  for (const std::string& name : own) {
    const std::string* const selected = selection.name_of(name);
    if (selected != nullptr) made.names.insert(*selected);
    if (selected == nullptr)
      made.lost.emplace(name, driver.name + " leaves it out by `only` or `except`");
    else if (*selected != name)
      made.lost.emplace(name, driver.name + " renames it to \"" + *selected + "\"");
  }
  return true;
}

// The same of an entry that is skipped here: on a device where it is not, its limits are right.
bool add_metrics_of(const SkippedDriver& skipped, Made& made) {
  const DriverInfo* const info = find_driver(skipped.driver);
  if (info == nullptr || !info->named_metrics.empty() || skipped.has_rename) return false;
  for (const MetricSpec& metric : info->metrics) made.names.emplace(metric.name);
  return true;
}

// Absent: not known before they run, or without drivers, all recorded by programs.
std::optional<Made> metrics_of(const EquipmentSettings& equipment) {
  if (equipment.drivers.empty() && equipment.skipped_drivers.empty()) return std::nullopt;
  Made made;
  const auto is_known = [&](const auto& driver) { return add_metrics_of(driver, made); };
  if (!std::all_of(equipment.drivers.begin(), equipment.drivers.end(), is_known)) return std::nullopt;
  if (!std::all_of(equipment.skipped_drivers.begin(), equipment.skipped_drivers.end(), is_known))
    return std::nullopt;
  return made;
}

std::string on_nothing(const EquipmentSettings& equipment, const WarningLimit& limit, const Made& made) {
  const std::string what = "warning on \"" + format_limit_key(limit.metric, limit.tags) +
                           "\": no driver of equipment \"" + equipment.id +
                           "\" makes this metric (add recorded: true if programs record it over the API)";
  const auto lost = made.lost.find(limit.metric);
  if (lost != made.lost.end()) return what + "; " + lost->second;
  const std::vector<std::string_view> known(made.names.begin(), made.names.end());
  return what + suggestion(limit.metric, known, "made");
}

}  // namespace

std::vector<SettingsError> limits_on_nothing(const Settings& settings) {
  std::vector<SettingsError> problems;
  for (const EquipmentSettings& equipment : settings.equipment) {
    const auto made = metrics_of(equipment);
    if (!made) continue;
    for (const WarningLimit& limit : equipment.warnings) {
      if (limit.is_recorded || made->names.contains(limit.metric)) continue;
      problems.push_back({limit.place, on_nothing(equipment, limit, *made)});
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
