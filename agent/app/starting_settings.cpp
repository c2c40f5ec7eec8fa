// SPDX-License-Identifier: Apache-2.0
#include "app/starting_settings.h"

#include "app/assembly.h"
#include "core/logging.h"
#include "remote/settings_folder.h"
#include "store/store_lock.h"

namespace vigile {

namespace {

LoadedSettings checked(LoadedSettings loaded) {
  if (!loaded.settings) return loaded;
  const SystemClock clock(loaded.settings->require_clock_sync);
  loaded.errors = check_assembly(*loaded.settings, clock);
  return loaded;
}

}  // namespace

LoadedSettings load_starting_settings(const SettingsSource& source) {
  LoadedSettings alone = checked(source.load_with({}));
  if (!alone.errors.empty() || !alone.settings->remote) return alone;
  const SettingsFolder folder(alone.settings->remote->folder);
  const auto report = [](const std::string& what) { log::error("settings from the broker: " + what); };
  // Not while another vigiled is at it, beside which this one will not start.
  if (lock_to_look(alone.settings->store.path)) {
    if (const auto counted = folder.count_start(); !counted) report(counted.error().message);
  }
  for (;;) {
    LoadedSettings whole = checked(source.load());
    if (whole.errors.empty()) return whole;
    const std::string why = to_string(whole.errors.front());
    const auto held = folder.in_force();
    if (!held || !*held || !(*held)->on_trial) {
      report("left out, the file on the device is used alone: " + why);
      return alone;
    }
    report("taken back: " + why);
    if (const auto back = folder.take_back(why); !back) {
      report(back.error().message);
      return alone;
    }
  }
}

}  // namespace vigile
