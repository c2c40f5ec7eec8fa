// SPDX-License-Identifier: Apache-2.0
#include "settings/effective.h"

#include <algorithm>
#include <span>

#include "core/units.h"
#include "settings/limit_key.h"
#include "settings/reading_rules.h"
#include "settings/values.h"

namespace vigile {

namespace {

std::string format_tags(const std::map<std::string, std::string>& tags) {
  std::string text;
  for (const auto& [key, value] : tags) {
    if (!text.empty()) text += ',';
    text.append(key).append("=").append(value);
  }
  return text;
}

std::string format_options(std::span<const OptionSpec> table, const Options& options) {
  std::string text;
  for (const OptionSpec& spec : table) {
    const auto value = options.values().find(spec.name);
    if (value == options.values().end() || default_value(spec) == value->second) continue;
    text += ", " + std::string(spec.name) + " " + format_value(spec, value->second);
  }
  return text;
}

std::span<const OptionSpec> driver_table(const SettingsCatalog& catalog, std::string_view kind) {
  for (const DriverKind& driver : catalog.drivers) {
    if (driver.table.kind == kind) return driver.table.options;
  }
  return {};
}

std::span<const OptionSpec> sink_table(const SettingsCatalog& catalog, std::string_view kind) {
  for (const OptionTable& sink : catalog.sinks) {
    if (sink.kind == kind) return sink.options;
  }
  return {};
}

// Whole days as days: 400d reads better than 57w1d.
std::string format_period(std::chrono::nanoseconds period) {
  constexpr std::chrono::nanoseconds kDay = std::chrono::hours(24);
  if (period < kDay || period % kDay != std::chrono::nanoseconds(0)) return format_duration(period);
  return std::to_string(period / kDay) + "d";
}

std::string format_limit(const WarningLimit& limit) {
  std::string text = "  warning when " + format_limit_key(limit.metric, limit.tags);
  if (limit.above) text += " > " + format_number(*limit.above);
  if (limit.above && limit.below) text += " or";
  if (limit.below) text += " < " + format_number(*limit.below);
  if (limit.held.count() > 0) text += " for " + format_duration(limit.held);
  if (limit.clear) text += ", normal again past " + format_number(*limit.clear);
  return text + "\n";
}

std::string format_equipment(const EquipmentSettings& equipment, const SettingsCatalog& catalog) {
  std::string text = "equipment " + equipment.id + " \"" + equipment.name + "\", " + equipment.type;
  if (!equipment.ip_address.empty()) text += ", " + equipment.ip_address;
  if (!equipment.tags.empty()) text += ", tags " + format_tags(equipment.tags);
  constexpr auto decides = [](const DriverSettings& driver) { return driver.decides_availability; };
  if (std::any_of(equipment.drivers.begin(), equipment.drivers.end(), decides)) {
    text += ", offline after " + std::to_string(equipment.offline_after) + " failures, online after " +
            std::to_string(equipment.online_after) +
            (equipment.online_after == 1 ? " success" : " successes");
  }
  text += "\n";
  for (const DriverSettings& driver : equipment.drivers) {
    text += "  " + driver.name;
    // A name that someone chose need not say what it is.
    if (driver.name.find("/" + driver.driver) == std::string::npos) text += " (" + driver.driver + ")";
    text += ": every " + format_duration(driver.every) + ", deadline " + format_duration(driver.deadline);
    if (driver.decides_availability) text += ", decides availability";
    if (!driver.tags.empty()) text += ", tags " + format_tags(driver.tags);
    text += format_rules(driver.metrics, driver.report) +
            format_options(driver_table(catalog, driver.driver), driver.options) + "\n";
  }
  for (const WarningLimit& limit : equipment.warnings) text += format_limit(limit);
  return text;
}

std::string overflow_name(StoreOverflow overflow) {
  switch (overflow) {
    case StoreOverflow::drop_oldest:
      return "drop_oldest";
    case StoreOverflow::drop_newest:
      return "drop_newest";
    case StoreOverflow::thin:
      return "thin";
  }
  return "";
}

std::string format_store(const StoreSettings& store) {
  return "store " + store.path.string() + ": at most " + format_exact_size(store.max_size_bytes) + ", then " +
         overflow_name(store.overflow) + "; keep " + format_period(store.keep) + ", summaries " +
         format_period(store.keep_summaries) + "; commit every " + format_duration(store.commit_every) +
         (store.write_budget_bytes == 0
              ? ""
              : ", up to " + format_duration(store.commit_every_max) + " to write " +
                    format_exact_size(store.write_budget_bytes) + " a day") +
         "; " + format_exact_size(store.memory_bytes) + " of memory while the disk fails\n";
}

std::string format_sink(const SinkSettings& sink, const SettingsCatalog& catalog) {
  std::string text = "sink " + sink.name;
  if (sink.name != sink.kind) text += " (" + sink.kind + ")";
  text += ": every " + format_duration(sink.every) + ", batches of " + format_exact_size(sink.batch_bytes);
  if (sink.order == DeliveryOrder::live_first) {
    text += ", live first, backlog ";
    text += sink.backlog_bytes_per_second > 0
                ? "at " + format_exact_size(sink.backlog_bytes_per_second) + "/s"
                : "as fast as it goes";
  }
  return text + format_options(sink_table(catalog, sink.kind), sink.options) + "\n";
}

}  // namespace

std::string effective_text(const Settings& settings, const SettingsCatalog& catalog) {
  std::string text = "site " + settings.site_id;
  if (!settings.site_name.empty()) text += " \"" + settings.site_name + "\"";
  text += ", device " + settings.device;
  text += settings.layout == Layout::native ? ", layout native" : ", layout equipment";
  if (settings.unsigned_numbers == UnsignedNumbers::suffixed) text += ", unsigned integers";
  if (settings.unsigned_numbers == UnsignedNumbers::as_float) text += ", unsigned integers as floats";
  if (settings.require_clock_sync) text += ", waits for a synchronised clock";
  text += "\n";
  for (const EquipmentSettings& equipment : settings.equipment) text += format_equipment(equipment, catalog);
  text += format_store(settings.store);
  for (const SinkSettings& sink : settings.sinks) text += format_sink(sink, catalog);
  if (settings.sinks.empty()) text += "no sinks: readings stay on this device\n";
  text += "api " + settings.api.socket.string();
  if (!settings.api.listen.empty()) text += ", and " + settings.api.listen + " with a token (secret)";
  text += "\n";
  if (settings.remote) {
    text += "settings from " + mask_credentials(settings.remote->url) + ", topic " + settings.remote->topic +
            ", signed by a key of " + settings.remote->public_key.string() + ", kept in " +
            settings.remote->folder.string() + "; on trial for " + format_duration(settings.remote->trial) +
            "\n";
  }
  return text;
}

}  // namespace vigile
