// SPDX-License-Identifier: Apache-2.0
#include "settings/entries.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "core/nearest.h"
#include "core/units.h"
#include "settings/keys.h"
#include "settings/limit_entries.h"
#include "settings/reading_rules.h"
#include "settings/told_apart.h"

namespace vigile {

namespace {

// Which values of one kind of name are taken, and where.
class Names {
 public:
  explicit Names(std::string_view what) : what_(what) {}

  void claim(const std::string& name, Spot spot, std::string_view advice, ReadContext& context) {
    const auto [first, is_new] = taken_.emplace(name, spot);
    if (is_new) return;
    context.diagnostics.error(spot, "duplicate " + std::string(what_) + " " + quote(name) +
                                        context.diagnostics.already(first->second, spot) +
                                        std::string(advice));
  }

 private:
  const std::string_view what_;
  std::map<std::string, Spot> taken_;
};

// One `- kind: {…}` of a list.
struct Entry {
  const YamlNode* node;   // of the kind
  const YamlNode* value;  // its options; null when only the kind is written
  std::string_view kind;
  Spot spot;
};

// Reports what is no entry.
std::optional<Entry> read_entry(const YamlNode& item, std::string_view what, ReadContext& context) {
  Diagnostics& diagnostics = context.diagnostics;
  if (item.kind == YamlNode::Kind::scalar) return Entry{&item, nullptr, item.text, item.spot};
  if (item.kind != YamlNode::Kind::map || item.entries.empty()) {
    diagnostics.error(item.spot, "expected a " + std::string(what) + ", like - " +
                                     (what == "driver" ? "cpu: {every: 10s}" : "influx: {url: …}"));
    return std::nullopt;
  }
  const YamlEntry& first = item.entries.front();
  for (std::size_t i = 1; i < item.entries.size(); ++i) {
    const YamlNode& key = item.entries[i].key;
    diagnostics.error(key.spot, quote(key.text) + " stands beside " + quote(first.key.text) +
                                    ", not under it; indent it further, or begin a new entry with \"- \"");
  }
  if (first.key.kind != YamlNode::Kind::scalar) {
    diagnostics.error(first.key.spot, "a key must be a text");
    return std::nullopt;
  }
  return Entry{&first.key, &first.value, first.key.text, first.key.spot};
}

bool has_key(const Entry& entry, std::string_view key) {
  return entry.value != nullptr && std::any_of(entry.value->entries.begin(), entry.value->entries.end(),
                                               [&](const YamlEntry& one) { return one.key.text == key; });
}

const YamlNode kNothing;

// The section of an entry, unless its `when` says to skip it. Key names are checked in any case.
std::optional<Section> open_entry(const Entry& entry, std::span<const OptionSpec> common,
                                  std::span<const SectionKey> sections, std::span<const OptionSpec> own,
                                  ReadContext& context) {
  Section section(entry.value != nullptr ? *entry.value : kNothing, entry.spot, entry.kind, context);
  std::vector<std::string_view> valid = names_of(own);
  const auto more = names_of(common);
  valid.insert(valid.end(), more.begin(), more.end());
  for (const SectionKey& key : sections) valid.push_back(key.name);
  section.check_keys(valid, context);
  const YamlEntry* const when = section.find("when");
  if (when != nullptr && !read_condition(*when, context)) return std::nullopt;
  return section;
}

bool is_list(const YamlNode& node, std::string_view key, ReadContext& context) {
  if (node.kind == YamlNode::Kind::list) return true;
  if (node.kind != YamlNode::Kind::null) {
    context.diagnostics.error(node.spot,
                              std::string(key) + ": expected a list, each entry begun with \"- \"");
  }
  return false;
}

// Tags that Vigile writes itself.
constexpr std::array<std::string_view, 9> kOwnTags = {"equipment_id", "metric_name",    "site_id",
                                                      "site_name",    "equipment_type", "equipment_name",
                                                      "ip_address",   "clock",          "time"};

std::map<std::string, std::string> read_tags(const Options& options, const Section& section,
                                             ReadContext& context) {
  const YamlEntry* const entry = section.find("tags");
  if (entry != nullptr && options.has("tags")) {
    for (const YamlEntry& tag : entry->value.entries) {
      const std::string& key = tag.key.text;
      if (key.empty()) context.diagnostics.error(tag.key.spot, "tags: a tag without a name");
      if (std::find(kOwnTags.begin(), kOwnTags.end(), key) != kOwnTags.end()) {
        context.diagnostics.error(tag.key.spot,
                                  "tags: " + quote(key) + " is a tag that Vigile writes itself");
      }
      check_name("tags", key, tag.key.spot, context);
      const auto value = options.map("tags").find(key);
      if (value != options.map("tags").end()) check_name("tags", value->second, tag.value.spot, context);
    }
  }
  return options.map("tags");
}

const DriverKind* find_driver_kind(const SettingsCatalog& catalog, std::string_view kind) {
  for (const DriverKind& driver : catalog.drivers) {
    if (driver.table.kind == kind) return &driver;
  }
  return nullptr;
}

const OptionTable* find_sink_kind(const SettingsCatalog& catalog, std::string_view kind) {
  for (const OptionTable& sink : catalog.sinks) {
    if (sink.kind == kind) return &sink;
  }
  return nullptr;
}

bool report_missing(const Entry& entry, const OptionTable& table, const char* what, ReadContext& context) {
  if (table.missing.empty()) return false;
  context.diagnostics.error(entry.spot, "the " + std::string(what) + " " + quote(entry.kind) +
                                            " is not in this build: " + std::string(table.missing));
  return true;
}

class EquipmentReader {
 public:
  EquipmentReader(const SettingsCatalog& catalog, ReadContext& context)
      : catalog_(catalog), context_(context) {}

  EquipmentSettings read(const YamlNode& item) {
    const Section section(item, item.spot, "equipment", context_);
    std::vector<std::string_view> valid = names_of(equipment_keys());
    for (const SectionKey& key : equipment_sections()) valid.push_back(key.name);
    section.check_keys(valid, context_);
    const Options options = read_options(equipment_keys(), section, context_);

    EquipmentSettings equipment;
    equipment.place = context_.diagnostics.place(item.spot);
    equipment.id = options.text("id");
    if (!equipment.id.empty()) {
      check_name("id", equipment.id, spot_of(section, "id"), context_);
      ids_.claim(equipment.id, spot_of(section, "id"), "", context_);
    }
    check_name("name", options.text("name"), spot_of(section, "name"), context_);
    equipment.name = options.has("name") ? options.text("name") : equipment.id;
    equipment.type = options.text("type");
    equipment.ip_address = options.text("ip_address");
    check_address(equipment.ip_address, spot_of(section, "ip_address"));
    equipment.tags = read_tags(options, section, context_);
    equipment.offline_after = count(options, "offline_after", equipment.offline_after);
    equipment.online_after = count(options, "online_after", equipment.online_after);
    if (const YamlEntry* const warning = section.find("warning"))
      equipment.warnings = read_limits(*warning, context_);
    if (const YamlEntry* const drivers = section.find("drivers")) {
      skipped_.clear();
      equipment.drivers = read_drivers(*drivers, equipment.id);
      equipment.skipped_drivers = std::move(skipped_);
    }
    if (equipment.drivers.empty() && item.kind == YamlNode::Kind::map) {
      context_.diagnostics.warning(item.spot, "equipment " + quote(equipment.id) + " has no drivers");
    }
    return equipment;
  }

 private:
  // A value that was reported and left out leaves the default.
  static std::uint32_t count(const Options& options, std::string_view key, std::uint32_t fallback) {
    return options.has(key) ? static_cast<std::uint32_t>(options.integer(key)) : fallback;
  }

  void check_address(const std::string& address, Spot spot) {
    std::array<unsigned char, sizeof(in6_addr)> parsed{};
    if (address.empty() || ::inet_pton(AF_INET, address.c_str(), parsed.data()) == 1 ||
        ::inet_pton(AF_INET6, address.c_str(), parsed.data()) == 1) {
      return;
    }
    context_.diagnostics.error(spot, "ip_address: not an IPv4 or IPv6 address");
  }

  std::vector<DriverSettings> read_drivers(const YamlEntry& list, const std::string& equipment_id) {
    std::vector<DriverSettings> drivers;
    std::map<std::string_view, int> counts;  // of a kind, skipped ones too, so that names stay
    if (!is_list(list.value, "drivers", context_)) return drivers;
    for (const YamlNode& item : list.value.items) {
      const auto entry = read_entry(item, "driver", context_);
      if (!entry) continue;
      const DriverKind* const kind = find_driver_kind(catalog_, entry->kind);
      if (kind == nullptr) {
        report_unknown(*entry);
        continue;
      }
      if (report_missing(*entry, kind->table, "driver", context_)) continue;
      const int count = ++counts[entry->kind];
      const auto section =
          open_entry(*entry, driver_keys(), driver_sections(), kind->table.options, context_);
      if (!section) {
        skipped_.push_back({std::string(entry->kind), has_key(*entry, "rename")});
        continue;
      }
      const std::string default_name =
          equipment_id + "/" + std::string(entry->kind) + (count > 1 ? "-" + std::to_string(count) : "");
      drivers.push_back(read_driver(*entry, *kind, *section, default_name));
    }
    tell_apart(drivers, catalog_);
    return drivers;
  }

  void report_unknown(const Entry& entry) {
    std::vector<std::string_view> kinds;
    for (const DriverKind& driver : catalog_.drivers) kinds.push_back(driver.table.kind);
    context_.diagnostics.error(
        entry.spot, "unknown driver " + quote(entry.kind) + suggestion(entry.kind, kinds, "known"));
  }

  DriverSettings read_driver(const Entry& entry, const DriverKind& kind, const Section& section,
                             const std::string& default_name) {
    const Options common = read_options(driver_keys(), section, context_);
    DriverSettings driver;
    driver.place = context_.diagnostics.place(entry.spot);
    driver.driver = kind.table.kind;
    driver.name = common.text("name").empty() ? default_name : common.text("name");
    check_name("name", driver.name, spot_of(section, "name"), context_);
    names_.claim(driver.name, spot_of(section, "name"), "", context_);
    driver.every = common.duration("every");
    driver.deadline = common.has("deadline")
                          ? common.duration("deadline")
                          : std::min<std::chrono::nanoseconds>(driver.every, kLongestDefaultDeadline);
    if (common.has("every") && driver.deadline > driver.every) {
      context_.diagnostics.warning(spot_of(section, "deadline"),
                                   "deadline: " + format_duration(driver.deadline) +
                                       " is longer than the interval of " + format_duration(driver.every) +
                                       ": a slow sample makes the next ones late");
    }
    driver.tags = read_tags(common, section, context_);
    driver.decides_availability = common.has("decides");
    if (driver.decides_availability && !kind.decides_availability) {
      context_.diagnostics.error(
          spot_of(section, "decides"),
          "decides: the driver " + quote(driver.driver) + " cannot decide availability" + deciding_drivers());
    }
    driver.metrics = read_metric_rules(common, section, context_);
    if (const YamlEntry* const report = section.find("report"))
      driver.report = read_report(*report, context_);
    driver.options = read_options(kind.table.options, section, context_);
    return driver;
  }

  std::string deciding_drivers() const {
    std::string list;
    for (const DriverKind& kind : catalog_.drivers) {
      if (kind.decides_availability) list += (list.empty() ? "" : ", ") + std::string(kind.table.kind);
    }
    return list.empty() ? list : "; these can: " + list;
  }

  const SettingsCatalog& catalog_;
  ReadContext& context_;
  Names ids_{"equipment id"};
  Names names_{"driver name"};
  std::vector<SkippedDriver> skipped_;  // of the list that is being read
};

SinkSettings read_sink(const Entry& entry, const OptionTable& table, const Section& section, Names& names,
                       ReadContext& context) {
  const Options common = read_options(sink_keys(), section, context);
  SinkSettings sink;
  sink.place = context.diagnostics.place(entry.spot);
  sink.kind = table.kind;
  const bool is_named = !common.text("name").empty();
  sink.name = is_named ? common.text("name") : sink.kind;
  check_name("name", sink.name, spot_of(section, "name"), context);
  names.claim(sink.name, spot_of(section, "name"), is_named ? "" : "; give this one a \"name\"", context);
  sink.every = common.duration("every");
  sink.order = common.text("order") == "live_first" ? DeliveryOrder::live_first : DeliveryOrder::oldest_first;
  sink.batch_bytes = common.size_bytes("batch_bytes");
  sink.backlog_bytes_per_second = common.size_bytes("backlog_rate");
  if (sink.backlog_bytes_per_second > 0 && sink.order == DeliveryOrder::oldest_first) {
    context.diagnostics.warning(spot_of(section, "backlog_rate"),
                                "backlog_rate: has no effect without order: live_first");
  }
  sink.options = read_options(table.options, section, context);
  return sink;
}

}  // namespace

std::vector<EquipmentSettings> read_equipment(const YamlEntry& list, const SettingsCatalog& catalog,
                                              ReadContext& context) {
  std::vector<EquipmentSettings> equipment;
  if (!is_list(list.value, "equipment", context)) return equipment;
  EquipmentReader reader(catalog, context);
  for (const YamlNode& item : list.value.items) equipment.push_back(reader.read(item));
  return equipment;
}

std::vector<SinkSettings> read_sinks(const YamlEntry& list, const SettingsCatalog& catalog,
                                     ReadContext& context) {
  std::vector<SinkSettings> sinks;
  if (!is_list(list.value, "sinks", context)) return sinks;
  std::vector<std::string_view> kinds;
  for (const OptionTable& sink : catalog.sinks) kinds.push_back(sink.kind);
  Names names("sink name");
  for (const YamlNode& item : list.value.items) {
    const auto entry = read_entry(item, "sink", context);
    if (!entry) continue;
    const OptionTable* const table = find_sink_kind(catalog, entry->kind);
    if (table == nullptr) {
      context.diagnostics.error(
          entry->spot, "unknown sink " + quote(entry->kind) + suggestion(entry->kind, kinds, "known"));
      continue;
    }
    if (report_missing(*entry, *table, "sink", context)) continue;
    const auto section = open_entry(*entry, sink_keys(), {}, table->options, context);
    if (section) sinks.push_back(read_sink(*entry, *table, *section, names, context));
  }
  return sinks;
}

bool check_name(std::string_view key, std::string_view text, Spot spot, ReadContext& context) {
  constexpr std::size_t kLongest = 256;
  std::string problem;
  if (text.size() > kLongest) problem = "longer than 256 bytes";
  const bool has_control = std::any_of(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (has_control) problem = "holds a line break or another control character";
  if (problem.empty()) return true;
  context.diagnostics.error(spot, std::string(key) + ": " + problem);
  return false;
}

Spot spot_of(const Section& section, std::string_view key) {
  const YamlEntry* const entry = section.find(key);
  return entry != nullptr ? entry->value.spot : section.spot();
}

}  // namespace vigile
