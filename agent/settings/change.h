// SPDX-License-Identifier: Apache-2.0
// What a reload has to do: the difference of two Settings.
#pragma once

#include <string>
#include <vector>

#include "settings/settings.h"

namespace vigile {

// Names, in the order of the file that has them.
struct NameChanges {
  std::vector<std::string> removed;
  std::vector<std::string> added;
  std::vector<std::string> changed;  // to be made anew under the same name
  bool none() const { return removed.empty() && added.empty() && changed.empty(); }
  bool operator==(const NameChanges&) const = default;
};

struct SettingsChange {
  // By instance name. An instance has also changed when what it is told of its equipment has: id, name, type,
  // ip_address, tags; or when it moved to another equipment.
  NameChanges drivers;
  // By id: identity, tags, limits, what makes it offline; not its list of drivers.
  NameChanges equipment;
  NameChanges sinks;  // by name
  // site, device, layout, unsigned: all that is written from now on reads differently, so every driver
  // instance and every sink has changed.
  bool identity = false;
  bool clock = false;         // needs a restart
  bool store_limits = false;  // all of store but its path
  bool store_path = false;    // needs a restart
  bool api = false;
  bool remote = false;

  bool none() const;
  // What a running agent cannot do, one sentence each; when there are any, the reload is refused.
  std::vector<std::string> needs_restart() const;
  bool operator==(const SettingsChange&) const = default;
};

SettingsChange compare(const Settings& old_settings, const Settings& new_settings);

// "drivers: 1 added (1/http), 2 changed (1/cpu, 1/load); store limits changed": one line, at most a few names
// a list. "nothing changed" when nothing did.
std::string to_string(const SettingsChange& change);

}  // namespace vigile
