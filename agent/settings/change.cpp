// SPDX-License-Identifier: Apache-2.0
#include "settings/change.h"

#include <map>
#include <string_view>
#include <tuple>

namespace vigile {

namespace {

template <class T>
using Named = std::vector<std::pair<std::string_view, const T*>>;

template <class T, class Same>
NameChanges compare_named(const Named<T>& before, const Named<T>& after, Same same) {
  NameChanges changes;
  const std::map<std::string_view, const T*> was(before.begin(), before.end());
  const std::map<std::string_view, const T*> is(after.begin(), after.end());
  for (const auto& [name, item] : before) {
    if (is.find(name) == is.end()) changes.removed.emplace_back(name);
  }
  for (const auto& [name, item] : after) {
    const auto old = was.find(name);
    if (old == was.end()) {
      changes.added.emplace_back(name);
    } else if (!same(*old->second, *item)) {
      changes.changed.emplace_back(name);
    }
  }
  return changes;
}

// A driver instance with the equipment that it stands under.
struct Instance {
  const EquipmentSettings* equipment;
  const DriverSettings* driver;
};

std::vector<Instance> instances(const Settings& settings) {
  std::vector<Instance> all;
  for (const EquipmentSettings& equipment : settings.equipment) {
    for (const DriverSettings& driver : equipment.drivers) all.push_back({&equipment, &driver});
  }
  return all;
}

Named<Instance> by_name(const std::vector<Instance>& all) {
  Named<Instance> named;
  for (const Instance& instance : all) named.emplace_back(instance.driver->name, &instance);
  return named;
}

bool same_identity(const EquipmentSettings& a, const EquipmentSettings& b) {
  const auto identity = [](const EquipmentSettings& e) {
    return std::tie(e.id, e.name, e.type, e.ip_address, e.tags);
  };
  return identity(a) == identity(b);
}

Named<EquipmentSettings> equipment_by_id(const Settings& settings) {
  Named<EquipmentSettings> named;
  for (const EquipmentSettings& equipment : settings.equipment) named.emplace_back(equipment.id, &equipment);
  return named;
}

Named<SinkSettings> sinks_by_name(const Settings& settings) {
  Named<SinkSettings> named;
  for (const SinkSettings& sink : settings.sinks) named.emplace_back(sink.name, &sink);
  return named;
}

void add_part(std::string& text, std::string_view part) {
  if (!text.empty()) text += "; ";
  text += part;
}

void add_names(std::string& text, std::string_view verb, const std::vector<std::string>& names) {
  constexpr std::size_t kMostNames = 5;
  if (names.empty()) return;
  if (!text.empty()) text += ", ";
  text += std::to_string(names.size()) + " " + std::string(verb) + " (";
  for (std::size_t i = 0; i < names.size() && i < kMostNames; ++i) text += (i > 0 ? ", " : "") + names[i];
  text += names.size() > kMostNames ? ", …)" : ")";
}

void add_changes(std::string& text, std::string_view what, const NameChanges& changes) {
  if (changes.none()) return;
  std::string lists;
  add_names(lists, "added", changes.added);
  add_names(lists, "removed", changes.removed);
  add_names(lists, "changed", changes.changed);
  add_part(text, std::string(what) + ": " + lists);
}

}  // namespace

bool SettingsChange::none() const {
  return *this == SettingsChange{};
}

std::vector<std::string> SettingsChange::needs_restart() const {
  std::vector<std::string> reasons;
  if (store_path) reasons.push_back("store.path changed: the log is held open; restart vigiled to move it");
  if (clock) reasons.push_back("clock changed: restart vigiled to have it believed by other rules");
  return reasons;
}

SettingsChange compare(const Settings& old_settings, const Settings& new_settings) {
  SettingsChange change;
  const auto old_instances = instances(old_settings);
  const auto new_instances = instances(new_settings);
  const auto identity = [](const Settings& s) {
    return std::tie(s.site_id, s.site_name, s.device, s.layout, s.unsigned_numbers);
  };
  change.identity = identity(old_settings) != identity(new_settings);
  change.drivers = compare_named<Instance>(
      by_name(old_instances), by_name(new_instances), [&](const Instance& a, const Instance& b) {
        return !change.identity && *a.driver == *b.driver && same_identity(*a.equipment, *b.equipment);
      });
  change.equipment = compare_named<EquipmentSettings>(
      equipment_by_id(old_settings), equipment_by_id(new_settings),
      [](const EquipmentSettings& a, const EquipmentSettings& b) {
        return same_identity(a, b) && a.warnings == b.warnings && a.offline_after == b.offline_after &&
               a.online_after == b.online_after;
      });
  change.sinks = compare_named<SinkSettings>(
      sinks_by_name(old_settings), sinks_by_name(new_settings),
      [&](const SinkSettings& a, const SinkSettings& b) { return !change.identity && a == b; });
  change.clock = old_settings.require_clock_sync != new_settings.require_clock_sync;
  change.store_path = old_settings.store.path != new_settings.store.path;
  StoreSettings old_store = old_settings.store;
  old_store.path = new_settings.store.path;
  change.store_limits = old_store != new_settings.store;
  change.api = old_settings.api != new_settings.api;
  change.remote = old_settings.remote != new_settings.remote;
  return change;
}

std::string to_string(const SettingsChange& change) {
  std::string text;
  if (change.identity) add_part(text, "site, device or layout changed");
  add_changes(text, "equipment", change.equipment);
  add_changes(text, "drivers", change.drivers);
  add_changes(text, "sinks", change.sinks);
  if (change.store_limits) add_part(text, "store limits changed");
  if (change.store_path) add_part(text, "store path changed");
  if (change.clock) add_part(text, "clock changed");
  if (change.api) add_part(text, "api changed");
  if (change.remote) add_part(text, "remote settings changed");
  return text.empty() ? "nothing changed" : text;
}

}  // namespace vigile
